package io.tunnelmux.core.transport;

import java.util.concurrent.Executor;

/**
 * The one thread that owns a tunnel, all of its streams and the sockets routed through it; a Netty event loop, or virtual time in a
 * test. A turn of the loop handles what has come in, then runs the tasks given to {@link #execute}.
 *
 * <p>Any thread may call any method.
 */
public interface TunnelLoop extends Executor {

    /** Whether the calling thread is this loop. */
    boolean inLoop();

    /**
     * Runs a task on the loop: soon, in the order of the calls, never within this call. What a task given from the loop itself does
     * happens at the end of the turn, which is where flushes belong.
     */
    @Override
    void execute(Runnable task);

    /** Runs a task on the loop after {@code delayNanos} nanoseconds, unless cancelled before. */
    Timer schedule(Runnable task, long delayNanos);

    /** A monotonic clock, in nanoseconds from an arbitrary origin. */
    long nanoTime();

    /** A task that waits for its time. */
    interface Timer {
        /** Forgets the task, if it has not begun. May be called often. */
        void cancel();
    }
}
