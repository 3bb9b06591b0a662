package io.tunnelmux.netty.agent;

import io.tunnelmux.protocol.Message;
import org.jspecify.annotations.Nullable;

/**
 * Judges each request to an upstream before anything is dialled for it: says what the upstream gets in place of what came, or that it gets nothing.
 * Set with {@link Upstream#withFilter}; holds for every request, also for those that become a WebSocket or something else.
 *
 * <p>Called on a tunnel's loop, on several of them at once if the agent has several connections. Must not block.
 */
@FunctionalInterface
public interface RequestFilter {

    /**
     * The head that goes to the upstream. Fields that belong to one connection, and those that {@code Connection} names, are left behind in it afterwards
     * as from every request; nothing else is changed.
     *
     * @param head as it came through the tunnel, nothing checked and nothing taken away: whoever reaches the gateway may have written it. A WebSocket's
     *     subprotocols are in it as {@code Sec-WebSocket-Protocol}
     * @param upgrade the protocol that the connection is to change to, as spelt by the client: {@code websocket}, {@code SPDY/3.1}; null if it stays HTTP. What
     *     {@code head} has under {@code Upgrade} counts only where this is not null
     * @throws RequestRefusedException if the upstream gets nothing
     */
    Message.HttpHead apply(Message.HttpHead head, @Nullable String upgrade) throws RequestRefusedException;
}
