package io.tunnelmux.core;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs tasks of one thread on the threads of another executor, in order and one at a time. How many may wait is for whoever gives them to see to. */
final class SerialExecutor {

    private final Executor executor;
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final AtomicInteger count = new AtomicInteger();

    SerialExecutor(Executor executor) {
        this.executor = executor;
    }

    /**
     * For one thread. What a task throws goes to the thread that runs it; the tasks behind it run all the same.
     *
     * @throws RejectedExecutionException if the executor takes no more; the task is forgotten then
     */
    void execute(Runnable task) {
        tasks.add(task);
        if (count.getAndIncrement() > 0) {
            return;
        }
        try {
            executor.execute(this::run);
        } catch (RejectedExecutionException e) {
            // None other waits: others come from this very thread.
            tasks.remove();
            count.decrementAndGet();
            throw e;
        }
    }

    private void run() {
        do {
            boolean hasReturned = false;
            try {
                tasks.remove().run();
                hasReturned = true;
            } finally {
                if (!hasReturned && count.decrementAndGet() > 0) {
                    goOnElsewhere();
                }
            }
        } while (count.decrementAndGet() > 0);
    }

    private void goOnElsewhere() {
        try {
            executor.execute(this::run);
        } catch (RejectedExecutionException e) {
            // They were accepted before, so they run: here, since nowhere else.
            run();
        }
    }
}
