package io.tunnelmux.netty.gateway;

import io.tunnelmux.protocol.Message;
import org.jspecify.annotations.Nullable;

/** Decides for each WebSocket how it is carried. Called on event loops, several at once. Must not block. */
@FunctionalInterface
public interface WebSocketModeChooser {

    /**
     * The mode for one WebSocket. What this throws is logged, and the request refused: a mode may be there so that nothing goes by unseen.
     *
     * @param request as the agent would get it, with all that the client said
     * @param route that the request takes
     * @return null for what the route says, or else the gateway
     */
    @Nullable
    WebSocketMode choose(Message.HttpHead request, Route route);
}
