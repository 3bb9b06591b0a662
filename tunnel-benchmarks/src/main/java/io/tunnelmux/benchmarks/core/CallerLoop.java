package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.transport.TunnelLoop;
import java.util.ArrayDeque;

/** A loop that turns when its only thread says so. Timers never come: nothing here takes that long. */
final class CallerLoop implements TunnelLoop {

    private static final Timer NEVER = () -> {};

    private final Thread thread = Thread.currentThread();
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();

    @Override
    public boolean inLoop() {
        return Thread.currentThread() == thread;
    }

    @Override
    public void execute(Runnable task) {
        tasks.add(task);
    }

    @Override
    public Timer schedule(Runnable task, long delayNanos) {
        return NEVER;
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    /** Runs all tasks, and those that come of them. */
    void runUntilIdle() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }
}
