package io.tunnelmux.core;

import io.tunnelmux.protocol.Message;
import org.jspecify.annotations.Nullable;

/** Told of what happens on one tunnel, on its loop. Callbacks must not block. */
public interface TunnelHandler {

    /** The handshake is done: streams can be opened. Once, first. */
    void onOpened(Tunnel tunnel);

    /**
     * The peer opens a stream.
     *
     * @param request what it opens the stream with
     * @param isEnd whether the peer's half has ended with it already
     * @return who is told of all that follows on the stream; null refuses it, and the peer may send it again elsewhere
     */
    @Nullable
    StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd);

    /** A message came on the tunnel itself, on no stream. */
    default void onMessage(Tunnel tunnel, Message message) {}

    /** The peer takes no more streams; those under way go on. At most once. */
    default void onDraining(Tunnel tunnel) {}

    /** The tunnel has ended, and all its streams before it. Exactly once, last, and only after {@link #onOpened}. */
    void onClosed(Tunnel tunnel, Outcome outcome);
}
