package io.tunnelmux.netty.gateway;

import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;

/**
 * Told what a gateway does, to count it and to trace it: see {@link GatewayConfig.Builder#observer}. Each method does nothing unless it is overridden. Tunnels
 * and streams have an observer of their own, {@link io.tunnelmux.core.TunnelObserver}.
 *
 * <p>Called on event loops, several at once. Must not block. What it throws is logged, once a second at most, and harms nothing.
 */
public interface GatewayObserver {

    /** A request has a route. Whoever is returned is told what becomes of it. */
    default ExchangeObserver onExchange(ExchangeInfo exchange) {
        return ExchangeObserver.NONE;
    }

    /**
     * Somebody was turned away: a request without a route, a connection too many, an agent with a wrong token.
     *
     * @param cause of a set that is known beforehand; what begins with {@code tunnel_} is about agents
     */
    default void onRefused(String cause) {}

    /**
     * What lies behind a route has failed again and again and rests, or has recovered. May come again for one that rests, when it was tried in vain.
     *
     * @param isOpen whether requests are refused
     */
    default void onCircuit(Route route, boolean isOpen) {}
}
