package io.tunnelmux.netty.status;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.netty.http.Json;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyLoops;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers operators and their tools over HTTP, on an address of its own that is not for the public: there is no authentication.
 *
 * <pre>
 * /healthz              200 if every event loop runs a task within two seconds, else 503
 * /readyz               200 if work can be sent here, else 503: a gateway from its start until it drains, with agents or without;
 *                       an agent while one of its tunnels takes streams
 * /status               what runs here as JSON, with the streams that are stalled
 * /status?streams=all   the same, with all streams
 * /metrics              figures for Prometheus, where there is somebody who has them
 * </pre>
 *
 * It has an event loop of its own, so that it can also tell of others that do not run. One request per connection, 32 connections at once, ten seconds for
 * each. Any thread.
 */
public final class StatusListener {

    private static final Logger LOG = LoggerFactory.getLogger(StatusListener.class);

    private static final int MAX_CONNECTIONS = 32;
    private static final long HEALTH_SECONDS = 2;
    private static final String METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private final NettyLoops ownLoops;
    private final NettyLoops watched;
    private final StatusSource source;
    private final @Nullable Supplier<String> metrics;
    private final AtomicInteger connections = new AtomicInteger();
    private @Nullable InetSocketAddress address;

    /** What is answered. */
    record Page(HttpResponseStatus status, String type, String body) {

        static Page text(HttpResponseStatus status, String body) {
            return new Page(status, "text/plain; charset=us-ascii", body + "\n");
        }
    }

    private StatusListener(IoMode ioMode, NettyLoops watched, StatusSource source, @Nullable Supplier<String> metrics) {
        ownLoops = NettyLoops.create(1, ioMode);
        this.watched = watched;
        this.source = source;
        this.metrics = metrics;
    }

    /**
     * Begins to listen.
     *
     * @param watched the event loops whose health is told
     * @param metrics in Prometheus' text format, asked for on this listener's loop; null for no such page
     * @return the listener once it does, or an {@link IOException} that says where it cannot
     */
    public static CompletionStage<StatusListener> start(
            InetSocketAddress address,
            IoMode ioMode,
            NettyLoops watched,
            StatusSource source,
            @Nullable Supplier<String> metrics) {
        StatusListener listener = new StatusListener(ioMode, watched, source, metrics);
        CompletableFuture<StatusListener> started = new CompletableFuture<>();
        listener.ownLoops
                .serverBootstrap()
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, false)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        listener.onAccepted(channel);
                    }
                })
                .bind(address)
                .addListener((ChannelFutureListener) bound -> listener.onBound(bound, address, started));
        return started;
    }

    private void onBound(ChannelFuture bound, InetSocketAddress asked, CompletableFuture<StatusListener> started) {
        if (bound.isSuccess()) {
            address = (InetSocketAddress) bound.channel().localAddress();
            LOG.info("telling the status at http={}:{}", address.getHostString(), address.getPort());
            started.complete(this);
        } else {
            close();
            started.completeExceptionally(new IOException(
                    "cannot listen on " + asked.getHostString() + ":" + asked.getPort() + ": "
                            + bound.cause().getMessage(),
                    bound.cause()));
        }
    }

    /** Where it listens. */
    public InetSocketAddress address() {
        return Objects.requireNonNull(address);
    }

    /** Ends at once. */
    public void close() {
        ownLoops.close();
    }

    private void onAccepted(Channel channel) {
        if (connections.incrementAndGet() > MAX_CONNECTIONS) {
            connections.decrementAndGet();
            ChannelEnds.abort(channel);
            return;
        }
        channel.closeFuture().addListener(closed -> connections.decrementAndGet());
        new StatusConnection(this, channel, ownLoops.of(channel.eventLoop())).begin();
    }

    /**
     * What there is to say, soon.
     *
     * @param query null if there is none
     * @param executor where long answers are written
     */
    CompletionStage<Page> page(String path, @Nullable String query, Executor executor) {
        boolean listsAll = path.equals("/status") && "streams=all".equals(query);
        if (query != null && !listsAll) {
            return soon(Page.text(HttpResponseStatus.BAD_REQUEST, "no such query: there is /status?streams=all alone"));
        }
        return switch (path) {
            case "/healthz" -> health();
            case "/readyz" ->
                soon(
                        source.isReady()
                                ? Page.text(HttpResponseStatus.OK, "ready")
                                : Page.text(HttpResponseStatus.SERVICE_UNAVAILABLE, "not ready"));
            case "/status" ->
                TunnelStatus.of(source.tunnels(), listsAll)
                        .thenApplyAsync(
                                tunnels -> {
                                    Json json = new Json();
                                    json.put("version", version()).put("ready", source.isReady());
                                    describe(json, source.memoryBudget());
                                    source.describe(json, tunnels);
                                    return new Page(HttpResponseStatus.OK, "application/json", json.finish());
                                },
                                executor);
            case "/metrics" -> metrics == null ? soon(notFound()) : metrics(metrics, executor);
            default -> soon(notFound());
        };
    }

    private static CompletionStage<Page> metrics(Supplier<String> metrics, Executor executor) {
        return CompletableFuture.supplyAsync(metrics, executor)
                .thenApply(text -> new Page(HttpResponseStatus.OK, METRICS_TYPE, text));
    }

    private static Page notFound() {
        return Page.text(
                HttpResponseStatus.NOT_FOUND,
                "no such page: there are /healthz, /readyz, /status and, if it is turned on, /metrics");
    }

    private static void describe(Json json, MemoryBudget budget) {
        json.beginObject("memory")
                .put("limit_bytes", budget.limitBytes())
                .put("used_bytes", budget.usedBytes())
                .put("promised_bytes", budget.promisedBytes())
                .put("ended_streams", budget.endedStreams())
                .end();
    }

    private CompletionStage<Page> health() {
        return watched.turn()
                .toCompletableFuture()
                .orTimeout(HEALTH_SECONDS, TimeUnit.SECONDS)
                .handle((turned, failure) -> failure == null
                        ? Page.text(HttpResponseStatus.OK, "ok")
                        : Page.text(HttpResponseStatus.SERVICE_UNAVAILABLE, "an event loop does not run"));
    }

    private static String version() {
        String version = StatusListener.class.getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }

    private static CompletionStage<Page> soon(Page page) {
        return CompletableFuture.completedStage(page);
    }
}
