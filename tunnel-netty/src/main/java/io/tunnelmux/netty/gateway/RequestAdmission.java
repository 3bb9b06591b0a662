package io.tunnelmux.netty.gateway;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether a request that has a route may go to its agent: now, in a moment, or not. It asks, in this order, how often the client, the route and the
 * agent may have one, how many there are at once over all and for the route, whether what lies behind the route seems to work, and then for a place on one of the
 * agent's tunnels, which may have to be waited for.
 *
 * <p>Any thread.
 */
final class RequestAdmission {

    /** Far more than anybody has; a router that makes up new ones all the time must not fill the memory. */
    private static final int MAX_ROUTES = 10_000;

    private final AdmissionConfig limits;
    private final AgentRegistry registry;
    private final LongSupplier nanoTime;
    private final BiConsumer<? super Route, Breaker.State> onCircuit;
    private final @Nullable AddressLimiter clients;
    private final @Nullable AddressLimiter aborts;
    private final Cache<Route, RouteState> routes = Caffeine.newBuilder()
            .maximumSize(MAX_ROUTES)
            .executor(Runnable::run)
            .build();
    private final AtomicInteger requests = new AtomicInteger();

    /** @param onCircuit told when the breaker of a route opens or closes; by any thread */
    RequestAdmission(
            AdmissionConfig limits,
            AgentRegistry registry,
            LongSupplier nanoTime,
            BiConsumer<? super Route, Breaker.State> onCircuit) {
        this.limits = limits;
        this.registry = registry;
        this.nanoTime = nanoTime;
        this.onCircuit = onCircuit;
        clients = limiter(limits.clientRate());
        aborts = limiter(limits.abortRate());
    }

    private @Nullable AddressLimiter limiter(@Nullable RateLimit limit) {
        return limit == null ? null : new AddressLimiter(limit, nanoTime);
    }

    /** Everything but the place on a tunnel. Either the visit is told that it is admitted, or the answer to its client is returned. */
    @Nullable
    ProxyError admit(Visit visit) {
        Route route = visit.route();
        InetAddress client = visit.client();
        long wait = aborts == null ? 0 : aborts.look(counted(client));
        if (wait > 0) {
            return limited(visit, "too many requests were given up", wait);
        }
        wait = clients == null ? 0 : clients.take(client);
        if (wait > 0) {
            return limited(visit, "the client's rate", wait);
        }
        RouteState state = routes.get(route, added -> new RouteState(added, limits, nanoTime, onCircuit));
        wait = state.take();
        if (wait > 0) {
            return limited(visit, "the route's rate", wait);
        }
        AgentPool pool = registry.pool(route.agentId());
        if (pool == null) {
            return refusal(visit, AgentPool.Turn.OFFLINE);
        }
        wait = pool.take();
        if (wait > 0) {
            return limited(visit, "the agent's rate", wait);
        }
        if (requests.incrementAndGet() > limits.maxRequests()) {
            requests.decrementAndGet();
            return full(visit, "the gateway has " + limits.maxRequests());
        }
        if (!state.enter()) {
            requests.decrementAndGet();
            return full(visit, "the route has " + route.maxConcurrent());
        }
        Breaker breaker = state.breaker();
        long turn = breaker == null ? 0 : breaker.enter();
        if (turn == Breaker.BARRED && breaker != null) {
            onLeft(state);
            return ProxyError.circuitOpen(route.agentId(), visit.path(), breaker.waitNanos());
        }
        visit.onAdmitted(pool, state, turn);
        return null;
    }

    /** What a client is told whose request got no place on a tunnel. */
    ProxyError refusal(Visit visit, AgentPool.Turn turn) {
        String agentId = visit.route().agentId();
        return switch (turn) {
            case FULL -> full(visit, "the agent has as many as it takes");
            case RECONNECTING -> ProxyError.absent(AgentRegistry.Presence.RECONNECTING, agentId, visit.path());
            case OFFLINE -> ProxyError.absent(AgentRegistry.Presence.OFFLINE, agentId, visit.path());
            case INSIDE, WAITING -> throw new IllegalArgumentException("no refusal: " + turn);
        };
    }

    private ProxyError limited(Visit visit, String said, long waitNanos) {
        return ProxyError.rateLimited(said, visit.route().agentId(), visit.path(), waitNanos);
    }

    private ProxyError full(Visit visit, String said) {
        return ProxyError.overloaded(said, visit.route().agentId(), visit.path());
    }

    /** A client has given up a request under way. */
    void onAborted(@Nullable InetAddress client) {
        if (aborts != null) {
            aborts.take(counted(client));
        }
    }

    /** Null for addresses that many may have at once. */
    private static @Nullable InetAddress counted(@Nullable InetAddress client) {
        return client == null || client.isLoopbackAddress() ? null : client;
    }

    /** A request that was admitted is over. */
    void onLeft(RouteState state) {
        state.leave();
        requests.decrementAndGet();
    }

    /** Sends away all who wait, as the gateway goes down. */
    void drain() {
        registry.pools().values().forEach(AgentPool::close);
    }

    // For those who look at it from outside.

    /** Requests that wait or are served, over all agents. */
    int requests() {
        return requests.get();
    }

    /** Requests that wait, over all agents. */
    int queueDepth() {
        return registry.waiting();
    }

    /** Requests that wait for an agent. */
    int queueDepth(String agentId) {
        AgentPool pool = registry.pool(agentId);
        return pool == null ? 0 : pool.waiting();
    }

    /** The breakers that are not closed. */
    void forEachCircuit(BiConsumer<? super Route, ? super Breaker> action) {
        routes.asMap().forEach((route, state) -> {
            Breaker breaker = state.breaker();
            if (breaker != null && breaker.state() != Breaker.State.CLOSED) {
                action.accept(route, breaker);
            }
        });
    }
}
