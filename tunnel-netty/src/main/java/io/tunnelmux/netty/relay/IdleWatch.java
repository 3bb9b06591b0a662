package io.tunnelmux.netty.relay;

import io.tunnelmux.core.transport.TunnelLoop;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Tells when a number has not changed for a while. It is looked at eight times in that while, so that whoever counts need not ask what time it is: what
 * is told may come an eighth too late. On the loop.
 */
final class IdleWatch {

    private static final int LOOKS = 8;

    private final TunnelLoop loop;
    private final long limitNanos;
    private final LongSupplier number;
    private final Runnable onIdle;
    private long lastNumber;
    private long changedAtNanos;
    private TunnelLoop.Timer timer;

    /**
     * Begins to watch.
     *
     * @param onIdle called once, unless it is stopped before
     */
    IdleWatch(TunnelLoop loop, Duration limit, LongSupplier number, Runnable onIdle) {
        this.loop = loop;
        this.number = number;
        this.onIdle = onIdle;
        limitNanos = limit.toNanos();
        lastNumber = number.getAsLong();
        changedAtNanos = loop.nanoTime();
        timer = next();
    }

    void stop() {
        timer.cancel();
    }

    private TunnelLoop.Timer next() {
        return loop.schedule(this::look, Math.max(1, limitNanos / LOOKS));
    }

    private void look() {
        long now = loop.nanoTime();
        long current = number.getAsLong();
        if (current != lastNumber) {
            lastNumber = current;
            changedAtNanos = now;
        } else if (now - changedAtNanos >= limitNanos) {
            onIdle.run();
            return;
        }
        timer = next();
    }
}
