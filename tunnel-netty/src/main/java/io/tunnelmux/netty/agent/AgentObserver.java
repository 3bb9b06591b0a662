package io.tunnelmux.netty.agent;

import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;

/**
 * Told what an agent does, to count it and to trace it: see {@link AgentConfig.Builder#observer}. Tunnels, streams and what the agent does to stay connected
 * have an observer of their own, {@link io.tunnelmux.core.TunnelObserver}.
 *
 * <p>Called on event loops, several at once. Must not block. What it throws is logged, once a second at most, and harms nothing.
 */
@FunctionalInterface
public interface AgentObserver {

    /** A request has come for an upstream. Whoever is returned is told what becomes of it. */
    ExchangeObserver onExchange(ExchangeInfo exchange);
}
