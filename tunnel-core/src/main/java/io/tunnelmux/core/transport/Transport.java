package io.tunnelmux.core.transport;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;

/**
 * What carries the frames of one tunnel, in order, to one peer: a WebSocket, a TCP connection, a pipe in memory. It holds little
 * unsent: once {@link #isWritable()} is false the tunnel keeps its frames, so that what is urgent overtakes what is bulky.
 *
 * <p>All methods but {@link #loop()} and {@link #peer()} are called on the loop. Nothing is received before {@link #start}.
 */
public interface Transport {

    /** The loop that owns this transport. */
    TunnelLoop loop();

    /**
     * Begins to receive. Called once.
     *
     * @param listener told of all that comes
     * @param maxFrameBytes longest payload of a frame that is accepted, as this side's HELLO says
     */
    void start(TransportListener listener, int maxFrameBytes);

    /** Queues a frame, which is taken, for the next {@link #flush()}. After the transport has closed it is released and forgotten. */
    void write(Frame frame);

    /** Hands all that was written to the socket, as one unit where it can. */
    void flush();

    /** Whether more should be written now; what is written all the same is taken. When it becomes true again, {@link TransportListener#onWritable()} is called. */
    boolean isWritable();

    /**
     * Sends what was written, closes, and frees everything within a bounded time even if the peer takes nothing more. The code chooses how a
     * binding says goodbye (a WebSocket close code); the peer learns the reason from GOAWAY. Further calls do nothing.
     */
    void close(ErrorCode code, String reason);

    /** The peer's address, for people. */
    String peer();
}
