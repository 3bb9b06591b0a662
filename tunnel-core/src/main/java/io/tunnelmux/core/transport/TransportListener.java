package io.tunnelmux.core.transport;

import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.ProtocolException;
import org.jspecify.annotations.Nullable;

/**
 * Told by a {@link Transport} of all that it receives. Everything is called on the loop, and none of it after {@link #onClosed}. A listener
 * never makes the transport wait: what it cannot handle now, it keeps within the bounds that credit sets.
 */
public interface TransportListener extends FrameHandler {

    /** Bytes came, be they whole frames or not: the peer lives. Called once per read, before the frames in it. */
    void onBytesReceived();

    /** The transport may be written to again, after {@link Transport#isWritable()} was false. */
    void onWritable();

    /** The peer broke a rule in a way that costs the tunnel. Nothing more is received; the listener closes the transport. */
    void onBreach(ProtocolException breach);

    /**
     * The transport has closed, by whomever. Exactly once, last, also after {@link Transport#close}.
     *
     * @param cause what broke it, or null if it closed in an orderly way
     */
    void onClosed(@Nullable Throwable cause);
}
