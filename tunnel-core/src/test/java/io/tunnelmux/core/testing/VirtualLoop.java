package io.tunnelmux.core.testing;

import io.tunnelmux.core.transport.TunnelLoop;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;

/**
 * A loop whose time stands still until a test turns it. The test's own thread is the loop: tasks run when the test says so, in order, and timers when their
 * virtual time has come. Begin with {@link #runUntilIdle} after each step of a test, and {@link #advance} where time limits or delays matter. When all is
 * closed, {@link #pendingTimers} should be 0.
 *
 * <p>For the thread that made it.
 */
public final class VirtualLoop implements TunnelLoop {

    private static final int MAX_TASKS_AT_ONE_INSTANT = 5_000_000;

    private final Thread thread = Thread.currentThread();
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private final PriorityQueue<VirtualTimer> timers = new PriorityQueue<>();
    private long nowNanos;
    private long timerCount;

    @Override
    public boolean inLoop() {
        return Thread.currentThread() == thread;
    }

    @Override
    public void execute(Runnable task) {
        if (!inLoop()) {
            throw new IllegalStateException("a virtual loop is for one thread");
        }
        tasks.add(task);
    }

    @Override
    public Timer schedule(Runnable task, long delayNanos) {
        VirtualTimer timer = new VirtualTimer(task, nowNanos + Math.max(0, delayNanos), timerCount++);
        timers.add(timer);
        return timer;
    }

    @Override
    public long nanoTime() {
        return nowNanos;
    }

    /** Runs one task. False if there was none. */
    public boolean runOne() {
        Runnable task = tasks.poll();
        if (task == null) {
            return false;
        }
        task.run();
        return true;
    }

    /** Runs all that can run without time passing. */
    public void runUntilIdle() {
        for (int ran = 0; runOne(); ran++) {
            if (ran > MAX_TASKS_AT_ONE_INSTANT) {
                throw new AssertionError("tasks beget tasks without end");
            }
        }
    }

    /** Lets time pass, and runs all that it brings, in its order. */
    public void advance(Duration time) {
        long untilNanos = nowNanos + time.toNanos();
        runUntilIdle();
        for (VirtualTimer next = timers.peek(); next != null && next.atNanos <= untilNanos; next = timers.peek()) {
            timers.remove();
            nowNanos = Math.max(nowNanos, next.atNanos);
            next.task.run();
            runUntilIdle();
        }
        nowNanos = untilNanos;
    }

    /** Timers that wait; none should once everything is closed. */
    public int pendingTimers() {
        return timers.size();
    }

    @Override
    public String toString() {
        return "virtual loop at " + TimeUnit.NANOSECONDS.toMillis(nowNanos) + " ms";
    }

    private final class VirtualTimer implements Timer, Comparable<VirtualTimer> {

        private final Runnable task;
        private final long atNanos;
        private final long order;

        VirtualTimer(Runnable task, long atNanos, long order) {
            this.task = task;
            this.atNanos = atNanos;
            this.order = order;
        }

        @Override
        public void cancel() {
            timers.remove(this);
        }

        @Override
        public int compareTo(VirtualTimer other) {
            int byTime = Long.compare(atNanos, other.atNanos);
            return byTime != 0 ? byTime : Long.compare(order, other.order);
        }
    }
}
