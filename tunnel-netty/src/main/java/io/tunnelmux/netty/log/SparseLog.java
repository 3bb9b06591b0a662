package io.tunnelmux.netty.log;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Lets one line a second into the log of what strangers can make happen as often as they like. Any thread. */
public final class SparseLog {
    private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final AtomicLong next;
    private final AtomicLong withheld = new AtomicLong();

    /** Lets the first line in from {@code nowNanos} on. */
    public SparseLog(long nowNanos) {
        next = new AtomicLong(nowNanos);
    }

    /** How many lines were withheld since the last one, or -1 to withhold this one too. */
    public long admit(long nowNanos) {
        long due = next.get();
        if (nowNanos - due < 0 || !next.compareAndSet(due, nowNanos + INTERVAL_NANOS)) {
            withheld.incrementAndGet();
            return -1;
        }
        return withheld.getAndSet(0);
    }
}
