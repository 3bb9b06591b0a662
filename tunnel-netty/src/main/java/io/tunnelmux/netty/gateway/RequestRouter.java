package io.tunnelmux.netty.gateway;

import org.jspecify.annotations.Nullable;

/**
 * Finds the agent of a request, and what holds for it: an {@link AgentRouter}, or something of your own that knows hosts and agents as they come and go.
 *
 * <p>Called for each request, by any thread and by several at once, on event loops: must not block. What it throws costs the request.
 */
@FunctionalInterface
public interface RequestRouter {

    /**
     * The route of a request, or null if there is none. Limits of a route hold for all routes that are equal; make no new kind of it for each request.
     *
     * @param authority host and port as in {@code Host}; empty if the request has none
     * @param path as it came, without the query
     */
    @Nullable
    Route route(String authority, String path);
}
