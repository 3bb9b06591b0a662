package io.tunnelmux.core;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;

/**
 * Told of what comes on one stream. Everything is called on the tunnel's loop and must not block; an exception from a callback costs the
 * stream ({@code INTERNAL_ERROR}), not the tunnel. After {@link #onClosed} nothing more comes.
 */
public interface StreamHandler {

    /**
     * A message came on the stream.
     *
     * @param isEnd whether the peer's half ends with it
     */
    void onMessage(TunnelStream stream, Message message, boolean isEnd);

    /**
     * Bytes came. The frame is taken: release its payload, and call {@link TunnelStream#consumed} once its consumer has the bytes. The peer's
     * half ends with it if {@link Frame.Data#isEnd()}; its payload may then be empty.
     */
    void onData(TunnelStream stream, Frame.Data data);

    /** The stream may be written to again, after {@link TunnelStream#isWritable()} was false. */
    void onWritable(TunnelStream stream);

    /**
     * The stream has ended. Exactly once, last. If the outcome is not {@linkplain Outcome#isClean() clean}, or comes before the peer's half
     * ended, what was received is not the whole.
     */
    void onClosed(TunnelStream stream, Outcome outcome);
}
