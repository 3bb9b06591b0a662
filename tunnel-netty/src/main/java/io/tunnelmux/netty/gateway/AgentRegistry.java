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
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
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

    private final Authenticator authenticator;
    private final AdmissionConfig limits;
    private final LongSupplier nanoTime;
    /** Changed under the lock of this registry, read by any thread. */
    private final Map<String, AgentPool> pools = new ConcurrentHashMap<>();

    /** Requests that wait, over all pools. */
    private final AtomicInteger waiting = new AtomicInteger();

    /** Those that drain as well. */
    private final Set<Tunnel> open = ConcurrentHashMap.newKeySet();

    private final CompletableFuture<@Nullable Void> drained = new CompletableFuture<>();
    private volatile boolean isDraining;
    private long prunedAtNanos;

    AgentRegistry(Authenticator authenticator, AdmissionConfig limits, LongSupplier nanoTime) {
        this.authenticator = authenticator;
        this.limits = limits;
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
            List<Tunnel> tunnels = pool.tunnels();
            if (!tunnels.isEmpty()) {
                int streams = tunnels.stream().mapToInt(Tunnel::openStreams).sum();
                Hello last = tunnels.get(tunnels.size() - 1).peer();
                agents.add(new Agent(id, last.instanceId(), tunnels.size(), streams, last.metadata()));
            }
        });
        return List.copyOf(agents);
    }

    /**
     * A tunnel for a stream that is not let in by {@link RequestAdmission}: that with the fewest open of those with room, and of several such one of
     * {@code preferred}.
     *
     * @param except not this one, which has just refused
     * @return null if the agent has none that takes streams
     */
    @Nullable
    Tunnel choose(String agentId, TunnelLoop preferred, @Nullable Tunnel except) {
        AgentPool pool = pools.get(agentId);
        return pool == null ? null : pool.choose(preferred, except);
    }

    /** Those that are connected, and those that were a moment ago or still carry requests, by their ids. */
    Map<String, AgentPool> pools() {
        return Collections.unmodifiableMap(pools);
    }

    /** What there is of an agent that is connected or was a moment ago; null of others. */
    @Nullable
    AgentPool pool(String agentId) {
        return pools.get(agentId);
    }

    /** Requests that wait for their agents. */
    int waiting() {
        return waiting.get();
    }

    /** All tunnels that stand, those that drain as well; any thread may look at them as they come and go. */
    Set<Tunnel> tunnels() {
        return Collections.unmodifiableSet(open);
    }

    /** The agent's tunnels that take streams. */
    List<Tunnel> tunnels(String agentId) {
        AgentPool pool = pools.get(agentId);
        return pool == null ? List.of() : pool.tunnels();
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
        AgentPool pool = pools.get(agentId);
        return pool != null && pool.isFullOf(hello.instanceId()) ? tooMany() : null;
    }

    private static HelloVerifier.Refusal tooMany() {
        return new HelloVerifier.Refusal(ErrorCode.REFUSED, "this instance has " + MAX_TUNNELS + " tunnels already");
    }

    private void onOpened(Tunnel tunnel) {
        open.add(tunnel);
        if (isDraining) {
            tunnel.close(ErrorCode.SHUTTING_DOWN, "the gateway is going down");
            return;
        }
        Hello hello = tunnel.peer();
        String agentId = Objects.requireNonNull(hello.agentId());
        AgentPool pool;
        List<Tunnel> older;
        synchronized (this) {
            prune();
            pool = pools.computeIfAbsent(agentId, id -> new AgentPool(limits, nanoTime, waiting));
            older = pool.add(tunnel, hello.instanceId());
        }
        pool.callWaiting();
        if (older == null) {
            HelloVerifier.Refusal refusal = tooMany();
            tunnel.close(refusal.code(), refusal.reason());
        } else if (!older.isEmpty()) {
            LOG.warn("agent superseded agent_id={} by={} tunnels={}", agentId, tunnel.remoteAddress(), older.size());
            for (Tunnel old : older) {
                old.close(ErrorCode.SUPERSEDED, "another instance of " + agentId + " has connected");
            }
        }
    }

    /** Only the tunnel itself goes, whatever has come to its agent's pool since. */
    private void remove(Tunnel tunnel) {
        AgentPool pool = pools.get(Objects.requireNonNull(tunnel.peer().agentId()));
        if (pool != null) {
            pool.remove(tunnel);
        }
        prune();
    }

    private synchronized void prune() {
        long now = nanoTime.getAsLong();
        if (now - prunedAtNanos >= AgentPool.RECONNECTING_NANOS) {
            prunedAtNanos = now;
            pools.values().removeIf(AgentPool::isForgotten);
        }
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
