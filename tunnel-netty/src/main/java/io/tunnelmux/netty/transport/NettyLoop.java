package io.tunnelmux.netty.transport;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import io.tunnelmux.core.transport.TunnelLoop;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;

/**
 * A Netty event loop as the loop of tunnels. A turn reads from all channels that have something, then runs the tasks; flushes belong at
 * its end, see {@link #flushLater}.
 *
 * <p>Any thread may call any method, but {@link #flushLater}, which belongs to the loop.
 */
public final class NettyLoop implements TunnelLoop {
    private final NettyLoops loops;
    private final EventLoop eventLoop;
    private final FlushQueue flushes = new FlushQueue();
    private final Runnable flushAll = guarded(flushes::flushAll);
    /** Tasks of the loop's own thread, which cost no object each. In the order in which they came, like those of other threads. */
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();

    private final Runnable runTasks = guarded(this::runTasks);
    private boolean isRunDue;

    NettyLoop(NettyLoops loops, EventLoop eventLoop) {
        this.loops = loops;
        this.eventLoop = eventLoop;
    }

    /** What is behind it; channels registered there share its thread with the tunnels of this loop. */
    public EventLoop eventLoop() {
        return eventLoop;
    }

    /** Where it belongs to. */
    NettyLoops loops() {
        return loops;
    }

    /**
     * Flushes a channel once, at the end of this turn of the loop, however often it is asked for. Must be called on the loop.
     *
     * @param channel registered with this loop
     */
    public void flushLater(Channel channel) {
        assert eventLoop.inEventLoop();
        if (flushes.add(channel)) {
            eventLoop.execute(flushAll);
        }
    }

    /**
     * Hands an error that is an {@link OutOfMemoryError} to the uncaught exception handler of this thread, and does nothing with any other. Netty logs what
     * handlers and tasks throw and goes on; what such an error has left half done nobody knows, so that whoever runs the process must be able to end it.
     * For whoever catches what a handler threw. Any thread.
     */
    public static void tellIfOutOfMemory(Throwable error) {
        if (error instanceof OutOfMemoryError) {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, error);
        }
    }

    private static Runnable guarded(Runnable task) {
        return () -> {
            try {
                task.run();
            } catch (OutOfMemoryError e) {
                tellIfOutOfMemory(e);
                throw e;
            }
        };
    }

    @Override
    public boolean inLoop() {
        return eventLoop.inEventLoop();
    }

    @Override
    public void execute(Runnable task) {
        if (!eventLoop.inEventLoop()) {
            eventLoop.execute(guarded(task));
            return;
        }
        // Not later: what another thread gives the event loop from here on comes behind it.
        runLater();
        tasks.add(task);
    }

    private void runLater() {
        if (!isRunDue) {
            eventLoop.execute(runTasks);
            isRunDue = true;
        }
    }

    private void runTasks() {
        isRunDue = false;
        int left = tasks.size();
        try {
            // A loop that a task itself turns has run the others by then.
            while (left > 0 && !tasks.isEmpty()) {
                left--;
                tasks.remove().run();
            }
        } finally {
            if (left > 0 && !tasks.isEmpty()) {
                runLater();
            }
        }
    }

    @Override
    public Timer schedule(Runnable task, long delayNanos) {
        Future<?> scheduled = eventLoop.schedule(guarded(task), delayNanos, TimeUnit.NANOSECONDS);
        return () -> scheduled.cancel(false);
    }

    @Override
    public long nanoTime() {
        return eventLoop.ticker().nanoTime();
    }

    @Override
    public String toString() {
        return "NettyLoop " + eventLoop;
    }
}
