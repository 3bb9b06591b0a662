package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import java.util.concurrent.TimeUnit;

/**
 * Makes the receive windows of a tunnel and of its streams as large as the way to the peer is long, and no larger. A sender that is held back by its
 * window sends one window per round trip: 128 KiB at 100 ms are 1.3 MB/s, whatever the line could do. So each time a WINDOW goes out, and at most once per
 * round trip, the tuner looks at what the consumer has taken since it looked last, and wants a window of twice what that makes per round trip:
 *
 * <pre>
 * window 128 KiB, round trip 100 ms, line 12.5 MB/s
 *   taken in the last round trip   128 KiB   → the window was all that there was: 256 KiB
 *                                  256 KiB   → 512 KiB
 *                                  …
 *                                  1.25 MB   → the line is full: 2.5 MB, and from here on it asks for no more
 * </pre>
 *
 * A slow consumer takes little per round trip, so that its window does not grow either; nor does one whose consumer still holds a quarter of it.
 * Where less than half of a window would do, because the sender slows down or many share the line, it shrinks: of what was taken only half is granted. The
 * same happens to all that have grown while memory is short, see {@link TunnelMemory}. No window becomes larger than its ceiling, no stream's
 * smaller than it began, and the tunnel's no smaller than 256 KiB: what is under way beyond what the line needs only waits, and whatever is urgent waits behind
 * it.
 *
 * <p>Within a machine the round trip is no measure: it is a few dozen microseconds as long as nothing happens, and what a window must cover is the turns
 * of busy loops. So a stream may also have what it takes in two milliseconds, up to 1 MiB.
 *
 * <p>What the window is larger than twice what is taken per round trip, or per millisecond if that is longer, nobody needs soon: as far as that goes, and up to half of
 * the window, grants are gathered ({@link ReceiveWindow#leave}). On a long way, where the window is just what it must be, they come as often as ever.
 *
 * <p>The idea, to measure what the receiver takes in a round trip and to double that, is dynamic right-sizing (Fisk and Feng, "Dynamic Right-Sizing in TCP",
 * 2001), as Linux does for TCP. To do it in a multiplexer, where a ping tells the round trip, is from gRPC (the BDP estimator of
 * {@code grpc/grpc: src/core/lib/transport/bdp_estimator.h}); that it is asked when a WINDOW falls due, from QUIC ({@code quic-go/quic-go:
 * internal/flowcontrol/base_flow_controller.go}, after Chromium's). Of round trips the shortest of the last minutes counts: one measured on a full line
 * contains the queue that too large a window has made, and would ask for a larger one still.
 */
final class WindowTuner {

    /** Pings are at least so far apart. */
    static final long PING_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** How long busy loops may take for a turn, on both sides together. */
    static final long TURN_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    /** As large a stream's window may become for the sake of {@link #TURN_NANOS}. */
    static final int TURN_BYTES = 1024 * 1024;
    /** The shortest round trip is looked for in the current such time and in the one before. */
    static final long FORGET_NANOS = TimeUnit.MINUTES.toNanos(5);

    /** How far the tunnel's window may shrink: what two busy loops hand each other in a turn. */
    static final int LEAST_TUNNEL_BYTES = 256 * 1024;

    private static final long UNKNOWN = Long.MAX_VALUE;

    private final TunnelLoop loop;
    private final RoundTrips roundTrips;
    private final TunnelMemory memory;
    private final int maxStreamWindowBytes;
    private final int maxTunnelWindowBytes;
    private boolean hasPinged;
    private long pingedNanos;
    private long shortestSinceNanos;
    private long shortestNanos = UNKNOWN;
    private long shortestBeforeNanos = UNKNOWN;

    WindowTuner(TunnelLoop loop, RoundTrips roundTrips, TunnelMemory memory, TunnelConfig config) {
        this.loop = loop;
        this.roundTrips = roundTrips;
        this.memory = memory;
        maxStreamWindowBytes = config.maxStreamWindowBytes();
        maxTunnelWindowBytes = config.maxTunnelWindowBytes();
    }

    /** What to grant on a stream now. Its growth counts against the memory's budgets until {@link #forget}. */
    int takeStreamGrant(ReceiveWindow window) {
        long growthBytes = tune(window, maxStreamWindowBytes, TURN_BYTES);
        if (growthBytes > 0 && !memory.isShort()) {
            window.grow((int) memory.promise(growthBytes));
        } else if (growthBytes < 0 || window.grownBytes() > 0 && memory.isShort()) {
            memory.takeBack(window.shrink());
        }
        return window.takeGrant();
    }

    /** What to grant on the tunnel now. What lies in streams' buffers their own windows bound, so that this one's growth costs no memory. */
    int takeTunnelGrant(ReceiveWindow window) {
        long growthBytes = tune(window, maxTunnelWindowBytes, 0);
        if (growthBytes > 0) {
            window.grow((int) growthBytes);
        } else if (growthBytes < 0) {
            window.shrink();
        }
        return window.takeGrant();
    }

    /** A stream has ended. */
    void forget(ReceiveWindow window) {
        memory.takeBack(window.grownBytes());
    }

    /** By how much the window is to grow; less than 0 if it is to shrink. */
    private long tune(ReceiveWindow window, int ceilingBytes, int turnBytes) {
        int sizeBytes = window.sizeBytes();
        if (ceilingBytes == sizeBytes - window.grownBytes()) {
            return 0;
        }
        long nowNanos = loop.nanoTime();
        long roundTripNanos = roundTripNanos(nowNanos);
        if (!window.isMeasuring()) {
            window.measureFrom(nowNanos);
            return 0;
        }
        long sinceNanos = nowNanos - window.measuredSinceNanos();
        if (sinceNanos < Math.max(roundTripNanos, TURN_NANOS)) {
            return 0;
        }
        double twiceBytesPerNano = 2.0 * window.measuredBytes() / sinceNanos;
        window.measureFrom(nowNanos);
        window.leave((long) (twiceBytesPerNano * Math.max(roundTripNanos, TURN_NANOS)));
        long wantedBytes = (long)
                Math.max(twiceBytesPerNano * roundTripNanos, Math.min(twiceBytesPerNano * TURN_NANOS, turnBytes));
        if (wantedBytes > sizeBytes) {
            boolean isConsumerSlow = window.heldBytes() >= sizeBytes / 4;
            return isConsumerSlow ? 0 : Math.min(wantedBytes, Math.min(2L * sizeBytes, ceilingBytes)) - sizeBytes;
        }
        return roundTripNanos > 0 && wantedBytes < sizeBytes / 2 ? -1 : 0;
    }

    /** The shortest of the last minutes, 0 as long as none is known. Asks for another one every second. */
    private long roundTripNanos(long nowNanos) {
        if (!hasPinged || nowNanos - pingedNanos >= PING_EVERY_NANOS && !roundTrips.isPending()) {
            hasPinged = true;
            pingedNanos = nowNanos;
            roundTrips.measure();
        }
        long latestNanos = roundTrips.latestNanos();
        if (latestNanos == 0) {
            return 0;
        }
        if (shortestNanos != UNKNOWN && nowNanos - shortestSinceNanos >= FORGET_NANOS) {
            shortestBeforeNanos = shortestNanos;
            shortestNanos = UNKNOWN;
        }
        if (shortestNanos == UNKNOWN) {
            shortestSinceNanos = nowNanos;
        }
        shortestNanos = Math.min(shortestNanos, latestNanos);
        return Math.min(shortestNanos, shortestBeforeNanos);
    }
}
