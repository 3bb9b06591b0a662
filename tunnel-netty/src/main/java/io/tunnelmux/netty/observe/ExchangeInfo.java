package io.tunnelmux.netty.observe;

import org.jspecify.annotations.Nullable;

/**
 * A request that a gateway or an agent works on. Immutable; any thread. Two requests may look the same.
 *
 * @param method as the client spelt it
 * @param host with its port where the client named one; empty where it named none
 * @param path without the query, which may hold secrets
 * @param agentId who serves it
 * @param peer at the gateway the client's address, at the agent the upstream; for people
 * @param upgrade what {@code Upgrade} asks for, in lower case, if it may; else null
 * @param trace where it belongs in a trace
 * @param isTraceBegun whether that trace begins here, so that nobody has the span that it names as the parent
 */
public record ExchangeInfo(
        String method,
        String host,
        String path,
        String agentId,
        String peer,
        @Nullable String upgrade,
        TraceContext trace,
        boolean isTraceBegun) {

    /** Whether it asks for a WebSocket. */
    public boolean isWebSocket() {
        return "websocket".equals(upgrade);
    }
}
