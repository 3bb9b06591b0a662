package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import java.time.Duration;
import java.util.Comparator;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Many deadlines and one timer of the loop, set to the earliest. Adding, cancelling and coming due cost the logarithm of how many there are; none is looked at
 * before its time. On the loop.
 */
final class Deadlines {

    /** Something that is due at a time, until it is cancelled. */
    static final class Deadline {

        private final long atNanos;
        private final long order;
        private final Runnable action;

        private Deadline(long atNanos, long order, Runnable action) {
            this.atNanos = atNanos;
            this.order = order;
            this.action = action;
        }
    }

    /** A hundred years. Times are compared by their difference, so that two must not be further apart than a {@code long} of nanoseconds reaches. */
    private static final Duration FOR_EVER = Duration.ofDays(36_500);

    private static final Comparator<Deadline> EARLIEST_FIRST = (one, other) -> {
        int byTime = Long.signum(one.atNanos - other.atNanos);
        return byTime != 0 ? byTime : Long.compare(one.order, other.order);
    };

    private final TunnelLoop loop;
    private final TreeSet<Deadline> waiting = new TreeSet<>(EARLIEST_FIRST);
    private long count;
    private TunnelLoop.@Nullable Timer timer;
    private long timerAtNanos;

    Deadlines(TunnelLoop loop) {
        this.loop = loop;
    }

    /** Runs an action after so long, unless it is cancelled before. */
    Deadline add(Duration delay, Runnable action) {
        Deadline deadline = new Deadline(loop.nanoTime() + nanosOf(delay), count++, action);
        waiting.add(deadline);
        setTimer(waiting.first().atNanos);
        return deadline;
    }

    /** How long to wait, at most for ever. */
    static long nanosOf(Duration delay) {
        return (delay.compareTo(FOR_EVER) < 0 ? delay : FOR_EVER).toNanos();
    }

    /** The timer stays: it finds nothing to do, or the next. */
    void cancel(Deadline deadline) {
        waiting.remove(deadline);
    }

    /** Cancels all. */
    void clear() {
        waiting.clear();
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }

    private void setTimer(long atNanos) {
        if (timer != null) {
            if (timerAtNanos - atNanos <= 0) {
                return;
            }
            timer.cancel();
        }
        timerAtNanos = atNanos;
        timer = loop.schedule(this::onTimer, Math.max(0, atNanos - loop.nanoTime()));
    }

    private void onTimer() {
        timer = null;
        while (!waiting.isEmpty() && waiting.first().atNanos - loop.nanoTime() <= 0) {
            Deadline due = waiting.first();
            waiting.remove(due);
            due.action.run();
        }
        if (!waiting.isEmpty()) {
            setTimer(waiting.first().atNanos);
        }
    }
}
