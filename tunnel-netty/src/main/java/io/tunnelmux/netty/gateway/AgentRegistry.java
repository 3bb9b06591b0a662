package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.HelloVerifier;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agents that are connected. An agent's tunnels form a pool as long as they are of one instance of its program, up to eight; a tunnel
 * of another instance, or of none, takes the place of all others. A tunnel that drains leaves its pool at once, and ends when its streams do.
 *
 * <p>Any thread.
 */
public final class AgentRegistry {

    /** Most tunnels of one instance. */
    public static final int MAX_TUNNELS = 8;

    private static final Logger LOG = LoggerFactory.getLogger(AgentRegistry.class);
    /** An agent that was there so recently is probably on its way back. */
    private static final long RECONNECTING_NANOS = Duration.ofSeconds(30).toNanos();

    private static final Tunnel[] NONE = {};

    private final Authenticator authenticator;
    private final LongSupplier nanoTime;
    /** Changed under the lock of this registry, read by any thread. */
    private final Map<String, Pool> pools = new ConcurrentHashMap<>();

    /** Those that drain as well. */
    private final Set<Tunnel> open = ConcurrentHashMap.newKeySet();

    private final CompletableFuture<@Nullable Void> drained = new CompletableFuture<>();
    private volatile boolean isDraining;
    private long prunedAtNanos;

    AgentRegistry(Authenticator authenticator, LongSupplier nanoTime) {
        this.authenticator = authenticator;
        this.nanoTime = nanoTime;
        prunedAtNanos = nanoTime.getAsLong();
    }

    /**
     * An agent that is connected.
     *
     * @param tunnels how many it has that take streams
     * @param openStreams over all of them
     * @param metadata what the last of them said of itself
     */
    public record Agent(
            String id, @Nullable String instanceId, int tunnels, int openStreams, Map<String, String> metadata) {}

    enum Presence {
        /** It has a tunnel that takes streams. */
        ONLINE,
        /** It had one a moment ago. */
        RECONNECTING,
        OFFLINE
    }

    /** All that are connected, in no order; a snapshot. */
    public List<Agent> agents() {
        List<Agent> agents = new ArrayList<>();
        pools.forEach((id, pool) -> {
            Tunnel[] tunnels = pool.tunnels;
            if (tunnels.length > 0) {
                int streams =
                        Arrays.stream(tunnels).mapToInt(Tunnel::openStreams).sum();
                Hello last = tunnels[tunnels.length - 1].peer();
                agents.add(new Agent(id, last.instanceId(), tunnels.length, streams, last.metadata()));
            }
        });
        return List.copyOf(agents);
    }

    Presence presence(String agentId) {
        Pool pool = pools.get(agentId);
        if (pool == null) {
            return Presence.OFFLINE;
        }
        if (pool.tunnels.length > 0) {
            return Presence.ONLINE;
        }
        return nanoTime.getAsLong() - pool.lostAtNanos < RECONNECTING_NANOS ? Presence.RECONNECTING : Presence.OFFLINE;
    }

    /**
     * The tunnel for the agent's next stream: the one with the fewest open, and of several such one of {@code preferred}.
     *
     * @param except not this one, which has just refused
     * @return null if the agent has none that takes streams
     */
    @Nullable
    Tunnel choose(String agentId, TunnelLoop preferred, @Nullable Tunnel except) {
        Pool pool = pools.get(agentId);
        if (pool == null) {
            return null;
        }
        Tunnel best = null;
        int bestStreams = 0;
        for (Tunnel tunnel : pool.tunnels) {
            int streams = tunnel.openStreams();
            boolean isBetter = best == null
                    || streams < bestStreams
                    || streams == bestStreams && best.loop() != preferred && tunnel.loop() == preferred;
            if (isBetter && tunnel != except && tunnel.takesStreams()) {
                best = tunnel;
                bestStreams = streams;
            }
        }
        return best;
    }

    /** All tunnels that stand, those that drain as well; any thread may look at them as they come and go. */
    Set<Tunnel> tunnels() {
        return Collections.unmodifiableSet(open);
    }

    /** The agent's tunnels that take streams. */
    List<Tunnel> tunnels(String agentId) {
        Pool pool = pools.get(agentId);
        return pool == null ? List.of() : List.of(pool.tunnels);
    }

    /**
     * Drains all tunnels, also those that come yet: see {@link Tunnel#drain}.
     *
     * @return completes when none is left
     */
    CompletionStage<@Nullable Void> drain(String reason, Duration patience) {
        isDraining = true;
        open.forEach(tunnel -> tunnel.drain(reason, patience));
        completeIfDrained();
        return drained;
    }

    private void completeIfDrained() {
        if (isDraining && open.isEmpty()) {
            drained.complete(null);
        }
    }

    HelloVerifier verifier() {
        return this::verify;
    }

    TunnelHandler handler() {
        return new Handler();
    }

    private HelloVerifier.@Nullable Refusal verify(Hello hello, @Nullable String token) {
        String agentId = Objects.requireNonNull(hello.agentId());
        // Both are asked, so that both answers take the same time.
        boolean isKnown = token != null && authenticator.knows(token);
        boolean mayBe = token != null && authenticator.mayBe(agentId, token);
        if (!isKnown) {
            return new HelloVerifier.Refusal(ErrorCode.UNAUTHORIZED, "no token, or one that nobody bears");
        }
        if (!mayBe) {
            return new HelloVerifier.Refusal(ErrorCode.FORBIDDEN, "the token may not be used as " + agentId);
        }
        Pool pool = pools.get(agentId);
        if (pool != null && isOfInstance(pool, hello.instanceId()) && pool.tunnels.length >= MAX_TUNNELS) {
            return tooMany();
        }
        return null;
    }

    private static HelloVerifier.Refusal tooMany() {
        return new HelloVerifier.Refusal(ErrorCode.REFUSED, "this instance has " + MAX_TUNNELS + " tunnels already");
    }

    private static boolean isOfInstance(Pool pool, @Nullable String instanceId) {
        return instanceId != null && instanceId.equals(pool.instanceId);
    }

    private void onOpened(Tunnel tunnel) {
        open.add(tunnel);
        if (isDraining) {
            tunnel.close(ErrorCode.SHUTTING_DOWN, "the gateway is going down");
            return;
        }
        Hello hello = tunnel.peer();
        String agentId = Objects.requireNonNull(hello.agentId());
        Tunnel[] older = NONE;
        boolean isTooMany = false;
        synchronized (this) {
            prune();
            Pool pool = pools.computeIfAbsent(agentId, id -> new Pool());
            if (!isOfInstance(pool, hello.instanceId())) {
                older = pool.tunnels;
                pool.tunnels = NONE;
                pool.instanceId = hello.instanceId();
            }
            if (pool.tunnels.length < MAX_TUNNELS) {
                Tunnel[] more = Arrays.copyOf(pool.tunnels, pool.tunnels.length + 1);
                more[pool.tunnels.length] = tunnel;
                pool.tunnels = more;
            } else {
                isTooMany = true;
            }
        }
        if (isTooMany) {
            HelloVerifier.Refusal refusal = tooMany();
            tunnel.close(refusal.code(), refusal.reason());
        }
        if (older.length > 0) {
            LOG.warn("agent superseded agent_id={} by={} tunnels={}", agentId, tunnel.remoteAddress(), older.length);
            for (Tunnel old : older) {
                old.close(ErrorCode.SUPERSEDED, "another instance of " + agentId + " has connected");
            }
        }
    }

    /** Only the tunnel itself goes, whatever has come to its agent's pool since. */
    private synchronized void remove(Tunnel tunnel) {
        Pool pool = pools.get(Objects.requireNonNull(tunnel.peer().agentId()));
        if (pool != null) {
            Tunnel[] rest =
                    Arrays.stream(pool.tunnels).filter(other -> other != tunnel).toArray(Tunnel[]::new);
            if (rest.length == 0 && pool.tunnels.length > 0) {
                pool.lostAtNanos = nanoTime.getAsLong();
            }
            pool.tunnels = rest;
        }
        prune();
    }

    private void prune() {
        long now = nanoTime.getAsLong();
        if (now - prunedAtNanos >= RECONNECTING_NANOS) {
            prunedAtNanos = now;
            pools.values().removeIf(pool -> pool.tunnels.length == 0 && now - pool.lostAtNanos >= RECONNECTING_NANOS);
        }
    }

    private static final class Pool {
        private @Nullable String instanceId;
        /** Never changed, only replaced. */
        private volatile Tunnel[] tunnels = NONE;

        private volatile long lostAtNanos;
    }

    private final class Handler implements TunnelHandler {

        @Override
        public void onOpened(Tunnel tunnel) {
            AgentRegistry.this.onOpened(tunnel);
        }

        @Override
        public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            return null;
        }

        @Override
        public void onDraining(Tunnel tunnel) {
            remove(tunnel);
        }

        @Override
        public void onClosed(Tunnel tunnel, Outcome outcome) {
            remove(tunnel);
            open.remove(tunnel);
            completeIfDrained();
        }
    }
}
