package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;

/** Is shown what a {@link MessageRelay} hands on, in its order. On the relay's loop; must not block, and what it throws ends the WebSocket. */
public interface MessageTap {

    /** What control frame. */
    enum Control {
        /** A ping. */
        PING,
        /** A pong. */
        PONG
    }

    /**
     * A part of a message; all parts of it come one after the other.
     *
     * @param isFromChannel whether it came from the channel, and not from the stream
     * @param lent its readable bytes; nothing about it may be changed
     * @param isLast whether the message is complete with it
     */
    void onPart(boolean isFromChannel, boolean isText, ByteBuf lent, boolean isLast);

    /** A ping or a pong. */
    void onControl(boolean isFromChannel, Control control, int bytes);

    /**
     * A close frame: nothing more comes this way. One that this side makes up, because of a breach or a loss, is not among them.
     *
     * @param code 1005 if the frame says nothing
     */
    void onClose(boolean isFromChannel, int code, String reason);
}
