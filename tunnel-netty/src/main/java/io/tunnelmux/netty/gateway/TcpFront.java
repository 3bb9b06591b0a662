package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.tunnelmux.netty.http.Json;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.protocol.Message;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where the connections of one {@link TcpForward} come in: listens, and counts them. Any thread. */
final class TcpFront {

    private static final Logger LOG = LoggerFactory.getLogger(TcpFront.class);

    private final TcpForward forward;
    private final @Nullable Duration idleTimeout;
    private final NettyLoops loops;
    private final AgentRegistry registry;
    private final Recorder recorder;
    private final AtomicInteger placesOfAll;
    private final AtomicInteger open = new AtomicInteger();
    private final LongAdder accepted = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final CompletableFuture<@Nullable Void> drained = new CompletableFuture<>();
    private volatile boolean isDraining;
    private volatile @Nullable Channel listening;

    /**
     * @param idleTimeout after which connections are cut; null is never
     * @param placesOfAll how many connections all forwards together may still take in
     */
    TcpFront(
            TcpForward forward,
            @Nullable Duration idleTimeout,
            NettyLoops loops,
            AgentRegistry registry,
            Recorder recorder,
            AtomicInteger placesOfAll) {
        this.forward = forward;
        this.idleTimeout = idleTimeout;
        this.loops = loops;
        this.registry = registry;
        this.recorder = recorder;
        this.placesOfAll = placesOfAll;
    }

    @Nullable
    Duration idleTimeout() {
        return idleTimeout;
    }

    AgentRegistry registry() {
        return registry;
    }

    /** Where it listens, or is to listen. */
    InetSocketAddress address() {
        Channel channel = listening;
        return channel == null ? forward.address() : (InetSocketAddress) channel.localAddress();
    }

    CompletionStage<InetSocketAddress> start() {
        CompletableFuture<InetSocketAddress> started = new CompletableFuture<>();
        loops.serverBootstrap()
                // Nothing is read before there is somebody to take it.
                .childOption(ChannelOption.AUTO_READ, false)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        onAccepted(channel);
                    }
                })
                .bind(forward.address())
                .addListener((ChannelFutureListener) bound -> onBound(bound, started));
        return started;
    }

    private void onBound(ChannelFuture bound, CompletableFuture<InetSocketAddress> started) {
        if (bound.isSuccess()) {
            listening = bound.channel();
            LOG.info(
                    "forwarding protocol=tcp listen={} agent_id={} target=\"{}\"",
                    Recorder.text(bound.channel().localAddress()),
                    forward.agentId(),
                    forward.to());
            started.complete(address());
        } else {
            started.completeExceptionally(bound.cause());
        }
    }

    private void onAccepted(Channel channel) {
        accepted.increment();
        boolean isTooMany = open.incrementAndGet() > forward.maxConnections();
        boolean isTooManyOfAll = placesOfAll.decrementAndGet() < 0;
        channel.closeFuture().addListener(closed -> onClosed());
        if (isTooMany || isTooManyOfAll || isDraining) {
            refused.increment();
            recorder.onRefused(
                    Recorder.TOO_MANY_CONNECTIONS,
                    channel.remoteAddress(),
                    isDraining
                            ? "going down"
                            : open.get() + " connections at " + Recorder.text(channel.localAddress()));
            ChannelEnds.abort(channel);
        } else {
            channel.pipeline().addLast(new TcpClient(this, forward, channel, loops.of(channel.eventLoop())));
        }
    }

    private void onClosed() {
        placesOfAll.incrementAndGet();
        open.decrementAndGet();
        completeIfDrained();
    }

    /** A connection came to nothing. */
    void onRefused(SocketAddress client, String why) {
        refused.increment();
        recorder.onRefused(Recorder.TCP_RESET, client, forward.agentId() + ", " + forward.to() + ": " + why);
    }

    Recorder recorder() {
        return recorder;
    }

    /** What the agent is asked for. */
    Message.TcpTunnelStart request(SocketAddress client) {
        return new Message.TcpTunnelStart(
                ProxyRequestFactory.nextId(),
                forward.to().destination(),
                forward.host(),
                forward.port(),
                Forwards.text(client),
                forward.connectTimeout().toMillis());
    }

    /**
     * Accepts nobody more; connections may go on until they end.
     *
     * @return completes when all have gone
     */
    CompletionStage<@Nullable Void> drain() {
        isDraining = true;
        Channel channel = listening;
        if (channel != null) {
            channel.close();
        }
        completeIfDrained();
        return drained;
    }

    private void completeIfDrained() {
        if (isDraining && open.get() == 0) {
            drained.complete(null);
        }
    }

    /** Writes members of an object that was begun. */
    void describe(Json json) {
        json.put("protocol", "tcp").put("listen", Forwards.text(address())).put("agent_id", forward.agentId());
        forward.to().describe(json);
        json.put("open", open.get()).put("accepted", accepted.sum()).put("refused", refused.sum());
    }
}
