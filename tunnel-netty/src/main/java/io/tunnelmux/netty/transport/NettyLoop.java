package io.tunnelmux.netty.transport;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import io.tunnelmux.core.transport.TunnelLoop;
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
    private final Runnable flushAll = flushes::flushAll;

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

    @Override
    public boolean inLoop() {
        return eventLoop.inEventLoop();
    }

    @Override
    public void execute(Runnable task) {
        eventLoop.execute(task);
    }

    @Override
    public Timer schedule(Runnable task, long delayNanos) {
        Future<?> scheduled = eventLoop.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
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
