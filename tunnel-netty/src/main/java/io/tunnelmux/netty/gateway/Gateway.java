package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelServer;
import io.tunnelmux.netty.http.Json;
import io.tunnelmux.netty.status.StatusListener;
import io.tunnelmux.netty.status.StatusSource;
import io.tunnelmux.netty.status.TunnelStatus;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end that clients reach: takes their requests in, picks an agent for each, and sends it through one of the agent's tunnels.
 *
 * <pre>{@code
 * Gateway gateway = Gateway.start(GatewayConfig.builder()
 *                 .httpAddress(new InetSocketAddress("127.0.0.1", 8080))
 *                 .tunnelAddress(new InetSocketAddress("127.0.0.1", 8081))
 *                 .authenticator(TokenAuthenticator.of(token))
 *                 .router(AgentRouter.toAgent("demo"))
 *                 .build())
 *         .toCompletableFuture()
 *         .join();
 * }</pre>
 *
 * <p>Any thread may call any method.
 */
public final class Gateway {

    private static final Logger LOG = LoggerFactory.getLogger(Gateway.class);

    /** How much longer than their patience the tunnels may take to end. */
    private static final Duration GOODBYE = Duration.ofSeconds(1);

    private final MemoryBudget memoryBudget;
    private final NettyLoops loops;
    private final AgentRegistry registry;
    private final RequestAdmission admission;
    private final NettyAcceptor acceptor;
    private final HttpFront front;
    private final Forwards forwards;
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private volatile @Nullable InetSocketAddress httpAddress;
    private volatile InetSocketAddress tunnelAddress;
    private volatile @Nullable StatusListener status;
    private volatile boolean isClosing;

    private Gateway(GatewayConfig config) {
        memoryBudget = config.tunnel().memoryBudget();
        tunnelAddress = config.tunnelAddress();
        Recorder recorder = new Recorder(config);
        registry = new AgentRegistry(config.authenticator(), config.admission(), System::nanoTime);
        admission = new RequestAdmission(config.admission(), registry, System::nanoTime, recorder::onCircuit);
        TunnelHandler handler = Objects.requireNonNull(
                config.tunnelHandler().apply(registry.handler()), "the tunnelHandler has returned null");
        loops = NettyLoops.create(config.loops(), config.ioMode());
        LOG.info("gateway starting loops={} io={}", loops.size(), loops.mode());
        acceptor = NettyAcceptor.builder(loops, new TunnelServer(config.tunnel(), registry.verifier(), handler))
                .address(config.tunnelAddress())
                .path(config.tunnelPath())
                .tls(config.tls())
                .admission(new TunnelAdmission(config.authenticator(), System::nanoTime))
                .refusals(recorder::onTunnelRefused)
                .build();
        front = new HttpFront(config, loops, admission, recorder, config.isPortShared() ? acceptor : null);
        forwards = new Forwards(config, loops, registry, recorder);
    }

    /**
     * Begins to listen.
     *
     * @return the gateway once it does, or an {@link IOException} that says where it cannot, with everything closed again
     * @throws NullPointerException if the configured {@code tunnelHandler} returns null
     */
    public static CompletionStage<Gateway> start(GatewayConfig config) {
        Gateway gateway = new Gateway(config);
        CompletionStage<Gateway> started = gateway.startFront(config)
                .thenCompose(http -> {
                    gateway.httpAddress = http;
                    return http != null && config.isPortShared()
                            ? CompletableFuture.completedStage(http)
                            : listening(config.tunnelAddress(), gateway.acceptor.start());
                })
                .thenCompose(tunnel -> {
                    gateway.tunnelAddress = tunnel;
                    return gateway.forwards.start(Gateway::listening);
                })
                .thenCompose(forwarding -> gateway.startStatus(config))
                .thenApply(status -> {
                    gateway.status = status;
                    return gateway;
                });
        return started.whenComplete((running, failure) -> {
            if (failure != null) {
                gateway.loops.close();
            }
        });
    }

    private CompletionStage<@Nullable InetSocketAddress> startFront(GatewayConfig config) {
        InetSocketAddress address = config.httpAddress();
        return address == null
                ? CompletableFuture.completedStage(null)
                : listening(address, front.start(address)).thenApply(bound -> bound);
    }

    private CompletionStage<@Nullable StatusListener> startStatus(GatewayConfig config) {
        InetSocketAddress address = config.metricsAddress();
        return address == null
                ? CompletableFuture.completedStage(null)
                : StatusListener.start(address, config.ioMode(), loops, new Source(), config.metrics())
                        .thenApply(listener -> listener);
    }

    private static CompletionStage<InetSocketAddress> listening(
            InetSocketAddress address, CompletionStage<InetSocketAddress> bound) {
        return bound.exceptionallyCompose(failure -> {
            Throwable cause =
                    failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
            return CompletableFuture.failedStage(new IOException(
                    "cannot listen on " + address.getHostString() + ":" + address.getPort() + ": " + cause.getMessage(),
                    cause));
        });
    }

    /**
     * Where clients come in.
     *
     * @throws IllegalStateException if nowhere, and all requests come by {@link #exchange}
     */
    public InetSocketAddress httpAddress() {
        InetSocketAddress address = httpAddress;
        if (address == null) {
            throw new IllegalStateException("configured without an HTTP server");
        }
        return address;
    }

    /** Where agents come in. */
    public InetSocketAddress tunnelAddress() {
        return tunnelAddress;
    }

    /** Where the connections of the configured {@link TcpForward}s come in, in their order. */
    public List<InetSocketAddress> tcpAddresses() {
        return forwards.tcpAddresses();
    }

    /** Where the datagrams of the configured {@link UdpForward}s come in, in their order. */
    public List<InetSocketAddress> udpAddresses() {
        return forwards.udpAddresses();
    }

    /** Where operators come in; null if nowhere. */
    public @Nullable InetSocketAddress metricsAddress() {
        StatusListener listener = status;
        return listener == null ? null : listener.address();
    }

    /** The agents that are connected. */
    public List<AgentRegistry.Agent> agents() {
        return registry.agents();
    }

    /** An agent's tunnels that take streams: to ping it, to send it messages, to ask what it waits for. None if it is not connected; a snapshot. */
    public List<Tunnel> tunnels(String agentId) {
        return registry.tunnels(agentId);
    }

    /** Asks another router from the next request on; those under way are not touched. */
    public void router(RequestRouter router) {
        front.router(Objects.requireNonNull(router));
    }

    /** How many requests wait for an agent: for one of its streams to end, or for it to come back. */
    public int queueDepth(String agentId) {
        return admission.queueDepth(agentId);
    }

    /**
     * Sends a request through the tunnel of the agent that the routes name, as if a client had sent it to the gateway's HTTP server: the same rules, limits
     * and timeouts hold.
     *
     * @return the response once its head is there, completed on an event loop; fails with a {@link ProxyException} if there is none, whatever the reason, and with
     *     nothing else. Cancelling it cancels the request, up to the upstream
     */
    public CompletableFuture<GatewayResponse> exchange(GatewayRequest request) {
        CompletableFuture<GatewayResponse> response = new CompletableFuture<>();
        NettyLoop loop = loops.next();
        try {
            loop.execute(() -> new EmbeddedClient(front, loop, request, response).begin());
        } catch (RejectedExecutionException e) {
            response.completeExceptionally(new ProxyException(ProxyError.shuttingDown(null), e));
        }
        return response;
    }

    /**
     * Goes down in an orderly way: nobody is let in any more, agents are told to go elsewhere, requests under way may end, and what is left
     * when {@code patience} is over is cut. Further calls return what the first did.
     *
     * @return completes when everything is closed
     */
    public CompletionStage<Void> close(Duration patience) {
        synchronized (this) {
            if (isClosing) {
                return closed;
            }
            isClosing = true;
        }
        LOG.info("gateway going down agents={} patience={}", registry.agents().size(), patience);
        acceptor.close();
        CompletableFuture<?> clientsGone = CompletableFuture.allOf(
                front.drain().toCompletableFuture(), forwards.drain().toCompletableFuture());
        admission.drain();
        CompletableFuture<?> agentsGone =
                registry.drain("the gateway is going down", patience).toCompletableFuture();
        // The tunnels' patience ends at the same time; what they cut then must be told to the clients before the loops
        // go.
        CompletableFuture<?> tunnelsCut = CompletableFuture.allOf(agentsGone)
                .completeOnTimeout(null, patience.plus(GOODBYE).toMillis(), TimeUnit.MILLISECONDS);
        CompletableFuture<?> allGone = CompletableFuture.allOf(clientsGone, agentsGone)
                .completeOnTimeout(null, patience.toMillis(), TimeUnit.MILLISECONDS);
        CompletableFuture.allOf(allGone, tunnelsCut).whenCompleteAsync((done, failure) -> {
            loops.close();
            StatusListener listener = status;
            if (listener != null) {
                listener.close();
            }
            if (failure == null) {
                closed.complete(null);
            } else {
                closed.completeExceptionally(new CompletionException(failure));
            }
        });
        return closed;
    }

    /** What operators see. */
    private final class Source implements StatusSource {

        @Override
        public boolean isReady() {
            return !isClosing;
        }

        @Override
        public MemoryBudget memoryBudget() {
            return memoryBudget;
        }

        @Override
        public Collection<Tunnel> tunnels() {
            return registry.tunnels();
        }

        @Override
        public void describe(Json json, List<TunnelStatus> tunnels) {
            Map<String, List<TunnelStatus>> agents = tunnels.stream()
                    .collect(Collectors.groupingBy(
                            status -> Objects.requireNonNull(
                                    status.tunnel().peer().agentId()),
                            TreeMap::new,
                            Collectors.toList()));
            json.beginArray("agents");
            agents.forEach((id, pool) -> {
                AgentPool known = registry.pool(id);
                json.beginObject()
                        .put("agent_id", id)
                        .put("requests", known == null ? 0 : known.inside())
                        .put("waiting_requests", known == null ? 0 : known.waiting())
                        .beginArray("tunnels");
                pool.forEach(status -> {
                    status.describe(json.beginObject());
                    json.end();
                });
                json.end().end();
            });
            json.end()
                    .put("requests", admission.requests())
                    .put("waiting_requests", admission.queueDepth())
                    .beginArray("circuits");
            admission.forEachCircuit((route, breaker) -> json.beginObject()
                    .put("agent_id", route.agentId())
                    .put("host", route.host())
                    .put("path", route.pathPrefix())
                    .put("state", breaker.state().name().toLowerCase(Locale.ROOT))
                    .putMillis("retry_after_ms", Duration.ofNanos(breaker.waitNanos()))
                    .end());
            json.end();
            forwards.describe(json);
        }
    }
}
