package io.tunnelmux.netty.agent;

import io.netty.util.concurrent.DefaultThreadFactory;
import io.tunnelmux.core.Backoff;
import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.netty.http.Json;
import io.tunnelmux.netty.status.StatusListener;
import io.tunnelmux.netty.status.StatusSource;
import io.tunnelmux.netty.status.TunnelStatus;
import io.tunnelmux.netty.transport.NettyConnector;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end that dials out: keeps tunnels to a gateway up, and answers what comes through them from the upstreams of its configuration. It
 * opens connections to no other address.
 *
 * <p>Each tunnel lives on one event loop, together with all connections to upstreams that serve its streams. Any thread may call.
 */
public final class Agent implements AutoCloseable {

    /** Told of each change of one of the agent's tunnels, on that tunnel's event loop. Must not block. */
    @FunctionalInterface
    public interface Listener {
        /**
         * @param connection which of them, from 0
         * @param detail for people: what led to it, never a token
         */
        void onState(int connection, TunnelClient.State state, String detail);
    }

    private static final Logger LOG = LoggerFactory.getLogger(Agent.class);

    private static final int INSTANCE_ID_BYTES = 16;
    private static final int LOOKUP_THREADS = 4;
    private static final int MAX_WAITING_LOOKUPS = 256;
    private static final long LOOKUP_THREAD_SECONDS = 10;
    /** After its patience a tunnel says goodbye; that takes a moment. */
    private static final Duration GOODBYE = Duration.ofSeconds(1);

    private final NettyLoops loops;
    private final ThreadPoolExecutor lookups;
    private final Map<NettyLoop, LoopUpstreams> upstreams = new HashMap<>();
    private final List<TunnelClient> clients = new ArrayList<>();
    /** Those that stand now, those that drain as well. */
    private final Set<Tunnel> tunnels = ConcurrentHashMap.newKeySet();

    private final String agentId;
    private final MemoryBudget memoryBudget;
    private @Nullable StatusListener status;
    private final AtomicBoolean isClosing = new AtomicBoolean();
    private final CountDownLatch closed = new CountDownLatch(1);

    private Agent(AgentConfig config, NettyLoops loops) throws IOException {
        this.loops = loops;
        agentId = config.agentId();
        memoryBudget = config.tunnel().memoryBudget();
        lookups = new ThreadPoolExecutor(
                LOOKUP_THREADS,
                LOOKUP_THREADS,
                LOOKUP_THREAD_SECONDS,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(MAX_WAITING_LOOKUPS),
                new DefaultThreadFactory("tunnelmux-lookup", true));
        lookups.allowCoreThreadTimeOut(true);
        TlsConfig tls = config.upstreamTls() != null ? config.upstreamTls() : TlsConfig.client();
        SecureRandom random = new SecureRandom();
        byte[] id = new byte[INSTANCE_ID_BYTES];
        random.nextBytes(id);
        TunnelHandler handler = Objects.requireNonNull(
                config.tunnelHandler().apply(new AgentStreams(upstreams, tunnels)),
                "the tunnelHandler has returned null");
        String instanceId = HexFormat.of().formatHex(id);
        for (int i = 0; i < config.connections(); i++) {
            int connection = i;
            NettyLoop loop = loops.next();
            upstreams.computeIfAbsent(loop, key -> LoopUpstreams.of(key, config, loops, lookups, tls));
            clients.add(TunnelClient.builder(NettyConnector.builder(loop)
                            .tls(config.gatewayTls())
                            .build())
                    .gateways(config.gateways())
                    .agentId(config.agentId())
                    .instanceId(instanceId)
                    .token(config.token())
                    .config(config.tunnel())
                    .backoff(new Backoff(config.firstBackoff(), config.backoffCeiling(), random))
                    .handler(handler)
                    .listener((state, detail) -> config.listener().onState(connection, state, detail))
                    .build());
        }
    }

    /**
     * Starts an agent, which connects and stays connected until it is closed.
     *
     * @throws NullPointerException if the configured {@code tunnelHandler} returns null
     * @throws UnsupportedOperationException if the configured kind of event loop is not available here
     * @throws IOException if whom the platform trusts is needed and cannot be read, or the address for operators cannot be listened on
     */
    public static Agent start(AgentConfig config) throws IOException {
        NettyLoops loops = NettyLoops.create(loopCount(config), config.ioMode());
        LOG.info("agent starting agent_id={} loops={} io={}", config.agentId(), loops.size(), loops.mode());
        Agent agent;
        try {
            agent = new Agent(config, loops);
            agent.startStatus(config);
        } catch (RuntimeException | IOException e) {
            loops.close();
            throw e;
        }
        agent.clients.forEach(TunnelClient::start);
        return agent;
    }

    private void startStatus(AgentConfig config) throws IOException {
        InetSocketAddress address = config.metricsAddress();
        if (address == null) {
            return;
        }
        try {
            status = StatusListener.start(address, config.ioMode(), loops, new Source(), config.metrics())
                    .toCompletableFuture()
                    .join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
        }
    }

    private static int loopCount(AgentConfig config) {
        return Math.min(config.connections(), Runtime.getRuntime().availableProcessors());
    }

    /** How many of the agent's tunnels stand. */
    public int connected() {
        return (int) clients.stream()
                .filter(client -> client.state() == TunnelClient.State.CONNECTED)
                .count();
    }

    /** The tunnels that stand, those that drain as well: to send messages through them, to ask what they wait for. A snapshot. */
    public List<Tunnel> tunnels() {
        return List.copyOf(tunnels);
    }

    /** Where operators come in; null if nowhere. */
    public @Nullable InetSocketAddress metricsAddress() {
        return status == null ? null : status.address();
    }

    /** Ends all waits between attempts to connect. */
    public void reconnectNow() {
        if (!isClosing.get()) {
            clients.forEach(TunnelClient::reconnectNow);
        }
    }

    /** As {@link #close(Duration)} with ten seconds. */
    @Override
    public void close() {
        close(Duration.ofSeconds(10));
    }

    /**
     * Takes no more streams, lets those under way end, and closes. Returns when all is closed; what has not ended within {@code patience} is
     * cut. Further calls do nothing but wait. Must not be called on an event loop.
     */
    public void close(Duration patience) {
        try {
            if (isClosing.getAndSet(true)) {
                closed.await();
            } else {
                drain(patience);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void drain(Duration patience) throws InterruptedException {
        try {
            CompletableFuture<?>[] draining = clients.stream()
                    .map(client -> client.close(patience).toCompletableFuture())
                    .toArray(CompletableFuture<?>[]::new);
            CompletableFuture.allOf(draining).get(patience.plus(GOODBYE).toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            LOG.warn("not all tunnels ended in time why=\"{}\"", e.toString());
        } finally {
            upstreams.forEach((loop, shared) -> loop.execute(shared.connections()::close));
            loops.close();
            lookups.shutdown();
            if (status != null) {
                status.close();
            }
            closed.countDown();
        }
    }

    /** What operators see. */
    private final class Source implements StatusSource {

        /** One tunnel at least takes requests. */
        @Override
        public boolean isReady() {
            return !isClosing.get() && tunnels.stream().anyMatch(Tunnel::takesStreams);
        }

        @Override
        public MemoryBudget memoryBudget() {
            return memoryBudget;
        }

        @Override
        public Collection<Tunnel> tunnels() {
            return tunnels;
        }

        @Override
        public void describe(Json json, List<TunnelStatus> statuses) {
            json.put("agent_id", agentId).beginArray("connections");
            clients.forEach(client ->
                    json.beginObject().put("state", client.state().name()).end());
            json.end().beginArray("tunnels");
            statuses.forEach(status -> {
                status.describe(json.beginObject());
                json.end();
            });
            json.end();
        }
    }
}
