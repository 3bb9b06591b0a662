package io.tunnelmux.core.testing;

import io.tunnelmux.core.transport.TunnelLoop;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A loop with a thread of its own and real time, for what only threads can show. {@link #close} ends it; the first failure of a task is thrown
 * there. For most tests {@link VirtualLoop} is the better one.
 *
 * <p>Any thread.
 */
public final class ThreadLoop implements TunnelLoop, AutoCloseable {

    private static final long PATIENCE_SECONDS = 30;

    private final ScheduledThreadPoolExecutor executor;
    private volatile @Nullable Thread thread;
    private volatile @Nullable Throwable failure;

    /** A loop whose thread bears this name. */
    public ThreadLoop(String name) {
        executor = new ScheduledThreadPoolExecutor(1, task -> {
            Thread created = new Thread(task, name);
            created.setDaemon(true);
            thread = created;
            return created;
        });
        executor.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
        executor.setRemoveOnCancelPolicy(true);
        executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    @Override
    public boolean inLoop() {
        return Thread.currentThread() == thread;
    }

    @Override
    public void execute(Runnable task) {
        executor.execute(() -> run(task));
    }

    @Override
    public Timer schedule(Runnable task, long delayNanos) {
        ScheduledFuture<?> future = executor.schedule(() -> run(task), delayNanos, TimeUnit.NANOSECONDS);
        return () -> future.cancel(false);
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    /** Runs what was given to {@link #execute} before, and ends; what comes later is dropped. */
    @Override
    public void close() throws InterruptedException {
        executor.shutdown();
        if (!executor.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("a loop that does not end");
        }
        if (failure != null) {
            throw new AssertionError("a task failed", failure);
        }
    }

    private void run(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            if (failure == null) {
                failure = e;
            }
        }
    }
}
