package io.tunnelmux.core;

import io.tunnelmux.core.testing.ThreadLoop;
import io.tunnelmux.core.transport.TunnelLoop;
import java.util.concurrent.atomic.AtomicInteger;

/** A loop with a thread that counts the tasks it is given. */
final class CountingLoop implements TunnelLoop {

    final AtomicInteger tasks = new AtomicInteger();
    final ThreadLoop loop;

    CountingLoop(String name) {
        loop = new ThreadLoop(name);
    }

    @Override
    public boolean inLoop() {
        return loop.inLoop();
    }

    @Override
    public void execute(Runnable task) {
        tasks.incrementAndGet();
        loop.execute(task);
    }

    @Override
    public Timer schedule(Runnable task, long delayNanos) {
        return loop.schedule(task, delayNanos);
    }

    @Override
    public long nanoTime() {
        return loop.nanoTime();
    }
}
