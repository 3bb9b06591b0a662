package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.ProtocolException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Counts what a peer does that is no breach, but work for this side each time: {@link AbuseLimits}. Costs one look at the clock for each PING and each
 * needless frame, and nothing for all others. Each method returns null, or the breach that a frame too many is.
 */
final class AbuseGuard {

    private final TunnelLoop loop;
    private final AbuseLimits limits;
    private final Bucket pings;
    private final Bucket needless;

    AbuseGuard(TunnelLoop loop, AbuseLimits limits) {
        this.loop = loop;
        this.limits = limits;
        long now = loop.nanoTime();
        pings = new Bucket(limits.pingBurst(), limits.pingsPerSecond(), now);
        needless = new Bucket(limits.needlessBurst(), limits.needlessPerSecond(), now);
    }

    /** The peer asks for an answer. */
    @Nullable
    ProtocolException onPing() {
        return pings.take(loop.nanoTime())
                ? null
                : calmDown(
                        "PING beyond " + limits.pingBurst() + " at once and " + limits.pingsPerSecond() + " a second");
    }

    /** A frame came that is of no use to anybody here. */
    @Nullable
    ProtocolException onNeedless(Frame frame) {
        return needless.take(loop.nanoTime())
                ? null
                : calmDown(frame.getClass().getSimpleName() + ", needless, beyond " + limits.needlessBurst()
                        + " such frames at once and " + limits.needlessPerSecond() + " a second");
    }

    /** DATA came for an open stream. Where that keeps its units an empty one is a unit, and only an empty piece of one is of no use. */
    @Nullable
    ProtocolException onData(ReceiveHalf half, Frame.Data data) {
        boolean isUseless =
                data.payload().length() == 0 && !data.isEnd() && (data.hasMore() || !half.isMessageOriented());
        return half.countEmptyData(isUseless) <= limits.emptyDataInARow()
                ? null
                : calmDown("DATA without bytes, more than " + limits.emptyDataInARow() + " in a row on stream "
                        + data.streamId());
    }

    private static ProtocolException calmDown(String message) {
        return ProtocolException.tunnel(ErrorCode.CALM_DOWN, message);
    }

    /**
     * A bucket of tokens that is filled at a steady rate, kept as the one time at which it will be full again: the generic cell rate algorithm (ITU-T
     * I.371, "virtual scheduling"). With a burst of 20 and 2 a second, each token takes half a second to come back, and a token is there as long as the
     * bucket will be full within nine and a half.
     */
    private static final class Bucket {

        private final long tokenNanos;
        private final long toleranceNanos;
        private long fullAtNanos;

        Bucket(int burst, int perSecond, long nowNanos) {
            tokenNanos = TimeUnit.SECONDS.toNanos(1) / perSecond;
            toleranceNanos = (burst - 1) * tokenNanos;
            fullAtNanos = nowNanos;
        }

        /** Takes a token, if one is there. */
        boolean take(long nowNanos) {
            long untilFullNanos = Math.max(0, fullAtNanos - nowNanos);
            if (untilFullNanos > toleranceNanos) {
                return false;
            }
            fullAtNanos = nowNanos + untilFullNanos + tokenNanos;
            return true;
        }
    }
}
