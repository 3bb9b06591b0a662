package io.tunnelmux.core;

import io.tunnelmux.protocol.ErrorCode;
import java.time.Duration;

/**
 * Told what happens in tunnels, to count it and to trace it: see {@link TunnelConfig.Builder#observer}. Each method does nothing unless it is overridden;
 * without an observer nothing is measured for one.
 *
 * <p>What is held is asked for and not told: {@link MemoryBudget#usedBytes} and {@link MemoryBudget#endedStreams}, {@link Tunnel#heldBytes}.
 *
 * <p>Called on the loop of the tunnel or client that it is about, thus from several threads if there are several loops. Must not block. What it throws is
 * logged, once a second at most, and harms neither stream nor tunnel.
 */
public interface TunnelObserver {

    /** A half of a stream that has something to move and has not for so long is stalled. Looked at twice as often. */
    Duration STALL = Duration.ofSeconds(1);

    /** Both sides have shaken hands. */
    default void onTunnelOpened(Tunnel tunnel) {}

    /**
     * A tunnel that was opened has ended, after all of its streams. Once.
     *
     * @param stood how long, from its handshake on
     */
    default void onTunnelClosed(Tunnel tunnel, Outcome outcome, Duration stood) {}

    /** A transport was there and no tunnel has come of it: the peer was refused, refused this side, or was too slow. Once; {@link Tunnel#peer} may be unknown. */
    default void onHandshakeFailed(Tunnel tunnel, Outcome outcome) {}

    /**
     * A stream has begun.
     *
     * @param isLocal whether this side opened it
     */
    default void onStreamOpened(TunnelStream stream, boolean isLocal) {}

    /** A stream that had begun has ended, just before its handler hears of it. Once. */
    default void onStreamClosed(TunnelStream stream, StreamEnd end) {}

    /**
     * A stream could not begin.
     *
     * @param isLocal whether this side wanted to open it
     * @param code why
     */
    default void onStreamRefused(Tunnel tunnel, boolean isLocal, ErrorCode code) {}

    /**
     * A half of a stream has waited for {@link #STALL}, or goes on waiting for something else.
     *
     * @param reason what for; {@code CONSUMER} is about the receiving half, all others about the sending one
     * @param waited how long already
     */
    default void onStallBegan(TunnelStream stream, StreamReport.Wait reason, Duration waited) {}

    /**
     * It waits no more, or for something else, or the stream is about to end. Once for each {@link #onStallBegan}.
     *
     * @param lasted from the beginning of the wait; up to half a {@link #STALL} too long
     */
    default void onStallEnded(TunnelStream stream, StreamReport.Wait reason, Duration lasted) {}

    /** A frame has come that is of no use to anybody here, see {@link AbuseLimits#needlessBurst}. */
    default void onNeedlessFrame(Tunnel tunnel) {}

    /** A client does something else now; see {@link TunnelClient#connects} for how often it had its tunnel. */
    default void onClientState(TunnelClient client, TunnelClient.State before, TunnelClient.State state) {}
}
