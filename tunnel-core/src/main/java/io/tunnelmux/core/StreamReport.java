package io.tunnelmux.core;

import java.time.Duration;

/**
 * How one stream stood at one moment. Immutable; any thread.
 *
 * @param id its number on the tunnel
 * @param isLocal whether this side opened it
 * @param priority as this side has set it
 * @param description what its handler's {@code toString()} said of it, 256 chars at most
 * @param sending what goes to the peer
 * @param receiving what comes from it
 */
public record StreamReport(
        int id, boolean isLocal, Priority priority, String description, Half sending, Half receiving) {

    /** What one half of a stream waits for. */
    public enum Wait {
        /** Nothing is there to be moved. */
        NOTHING,
        /** To be sent: the peer has granted no more on the stream, because the consumer on its side has not taken what it has. */
        PEER_CREDIT,
        /** To be sent: the peer has granted no more on the tunnel as a whole. */
        TUNNEL_CREDIT,
        /** To be sent: its turn has not come, as others are before it or the transport takes no more. */
        TRANSPORT,
        /** Received: the consumer on this side has not taken it, as by {@link TunnelStream#consumed}. */
        CONSUMER
    }

    /**
     * One direction.
     *
     * <p>What is to be sent waits from the moment at which its last frame went out, or from when it was queued if nothing waited then. What was received
     * waits from the moment at which it came, if nothing waited for the consumer then, or from when the consumer was last fast enough for the peer: it
     * took something, and what it left was at most a quarter of what the peer could still send. So also a consumer that takes a little now and then is
     * seen to hold its stream up.
     *
     * @param bytes of DATA that have moved so far
     * @param heldBytes of DATA that wait here: to be sent, or for the consumer
     * @param waitsFor what for
     * @param waited how long; zero if for nothing
     */
    public record Half(long bytes, int heldBytes, Wait waitsFor, Duration waited) {}

    /** How long nothing has moved that should: the longer of both halves. Longer than a moment is a stall. */
    public Duration waited() {
        return sending.waited.compareTo(receiving.waited) > 0 ? sending.waited : receiving.waited;
    }
}
