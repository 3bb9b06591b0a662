package io.tunnelmux.netty.transport;

import java.util.concurrent.TimeUnit;

/** What a peer may do for nothing: a burst at once, and after that so much a second. One thread. */
final class Budget {
    private final long nanosPerUnit;
    private final long burstNanos;
    /** Time saved up, which is spent by units. */
    private long savedNanos;

    private long lastNanos;

    Budget(int burst, int perSecond, long nowNanos) {
        nanosPerUnit = TimeUnit.SECONDS.toNanos(1) / perSecond;
        burstNanos = burst * nanosPerUnit;
        savedNanos = burstNanos;
        lastNanos = nowNanos;
    }

    /** Spends one unit; false if nothing is left. */
    boolean spend(long nowNanos) {
        savedNanos = Math.min(burstNanos, savedNanos + nowNanos - lastNanos);
        lastNanos = nowNanos;
        if (savedNanos < nanosPerUnit) {
            return false;
        }
        savedNanos -= nanosPerUnit;
        return true;
    }
}
