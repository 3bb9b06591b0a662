package io.tunnelmux.netty.agent;

import io.tunnelmux.protocol.Message;
import org.jspecify.annotations.Nullable;

/**
 * Says where a request goes. The answer must come from what the agent was configured with, never from an address that the request
 * names: whoever can reach the gateway could otherwise reach everything that the agent can.
 *
 * <p>Called on a tunnel's loop, on several of them at once if the agent has several connections. Must not block.
 */
@FunctionalInterface
public interface UpstreamResolver {

    /** The upstream for {@code request}; null if there is none, and the request is answered with 404, or with 403 where it names a target or a service; both are {@code forbidden}. */
    @Nullable
    Upstream resolve(Message.ProxyRequest request);
}
