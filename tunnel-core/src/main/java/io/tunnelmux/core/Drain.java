package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.ProtocolException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How far a tunnel has gone down in an orderly way: what each side has said of the streams it still takes, and until when this side waits for them. */
final class Drain {

    private final TunnelLoop loop;
    private boolean isLocal;
    private boolean isRemote;
    private int lastAcceptedId = Integer.MAX_VALUE;
    private int lastIdPeerTakes = Integer.MAX_VALUE;
    private long reconnectAfterMillis;
    private long deadlineNanos;
    private TunnelLoop.@Nullable Timer timer;

    Drain(TunnelLoop loop) {
        this.loop = loop;
    }

    /** Whether this side takes no more streams. */
    boolean isLocal() {
        return isLocal;
    }

    /** Whether the peer takes no more streams. */
    boolean isRemote() {
        return isRemote;
    }

    /** Highest id of the peer's streams that this side takes; 2^31-1 as long as it takes all. */
    int lastAcceptedId() {
        return lastAcceptedId;
    }

    /** Whether the peer has said that it did not take this stream of ours. */
    boolean isBeyondPeer(int id) {
        return id > lastIdPeerTakes;
    }

    /** How long the peer asked to stay away; 0 is at will. */
    long reconnectAfterMillis() {
        return reconnectAfterMillis;
    }

    /** This side takes none of the peer's streams above {@code id} any more. */
    void beginLocally(int id) {
        isLocal = true;
        lastAcceptedId = id;
    }

    /**
     * Waits {@code patience} at most before {@code whenOver} runs.
     *
     * @return false if this side waits no longer than that already
     */
    boolean isShortenedTo(Duration patience, Runnable whenOver) {
        long patienceNanos = Deadlines.nanosOf(patience);
        long newDeadlineNanos = loop.nanoTime() + patienceNanos;
        if (isLocal && newDeadlineNanos - deadlineNanos >= 0) {
            return false;
        }
        stop();
        deadlineNanos = newDeadlineNanos;
        timer = loop.schedule(whenOver, patienceNanos);
        return true;
    }

    /**
     * The peer says how far it goes.
     *
     * @return whether streams that it took go on; if not, the tunnel ends with this GOAWAY
     * @throws ProtocolException if it takes more than it said before
     */
    boolean onGoAway(Frame.GoAway goAway) {
        reconnectAfterMillis = goAway.reconnectAfterMillis();
        ErrorCode code = ErrorCode.of(goAway.code());
        boolean goesOn = code == ErrorCode.NO_ERROR || code == ErrorCode.SHUTTING_DOWN;
        if (goesOn && goAway.lastStreamId() > lastIdPeerTakes) {
            throw ProtocolException.tunnel(
                    ErrorCode.PROTOCOL_ERROR,
                    "GOAWAY takes streams up to " + goAway.lastStreamId() + ", before up to " + lastIdPeerTakes);
        }
        lastIdPeerTakes = Math.min(lastIdPeerTakes, goAway.lastStreamId());
        return goesOn;
    }

    /** The peer's first word that it goes down. */
    void beginRemotely() {
        isRemote = true;
    }

    /** Nothing is waited for any more. */
    void stop() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }
}
