package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What a tunnel holds and what it has let its peer send beyond the first windows, counted against its own budget for growth and the {@link MemoryBudget}.
 *
 * <p>Streams that hold something are kept in the order in which they last moved, which is to hold nothing, or to have got rid of 32 KiB: a consumer that takes a
 * byte now and then is as good as stalled. So the one that has stalled longest is always the first, and to keep it so costs a few assignments.
 *
 * <p>The budget is told of every 64 KiB that come or go, and of nothing left; it is one for many loops, and to tell it of every frame would have
 * them wait for each other. On the loop, unless said otherwise.
 */
final class TunnelMemory {

    static final int REPORT_BYTES = 64 * 1024;
    static final int MOVED_BYTES = 32 * 1024;
    /** A stream that has moved since is not ended for want of memory. */
    static final long STALLED_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long LEAST_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final TunnelLoop loop;
    private final MemoryBudget budget;
    private final long maxGrowthBytes;
    private final AtomicLong heldBytes = new AtomicLong();
    private final AtomicBoolean isSheddingDue = new AtomicBoolean();
    /** Of the stream that has stalled longest. A hint for other threads; meaningless while this holds nothing. */
    private final AtomicLong stalledSinceNanos = new AtomicLong();

    private long reportedBytes;
    private long promisedBytes;
    private boolean wasRefused;
    /** Set while too much is held and nothing here has stalled for long enough. */
    private TunnelLoop.@Nullable Timer nextLook;

    private @Nullable TunnelStream longest;
    private @Nullable TunnelStream shortest;

    TunnelMemory(TunnelLoop loop, TunnelConfig config) {
        this.loop = loop;
        budget = config.memoryBudget();
        maxGrowthBytes = config.maxGrowthBytes();
    }

    /** What the tunnel's streams hold. Any thread. */
    long heldBytes() {
        return heldBytes.get();
    }

    MemoryBudget budget() {
        return budget;
    }

    /** A stream holds more, from about now on. */
    void onAdded(TunnelStream stream, int bytes, long nowNanos) {
        if (bytes == 0) {
            return;
        }
        if (!stream.isHolding) {
            link(stream, nowNanos);
        }
        change(bytes);
    }

    /** A consumer has taken some of what a stream holds. */
    void onConsumed(TunnelStream stream, int bytes) {
        onRemoved(stream, bytes, stream.movedBytes + bytes >= MOVED_BYTES ? loop.nanoTime() : 0);
    }

    /** A stream holds less, from about now on. */
    void onRemoved(TunnelStream stream, int bytes, long nowNanos) {
        if (bytes == 0) {
            return;
        }
        stream.movedBytes += bytes;
        if (stream.heldBytes() == 0) {
            unlink(stream);
        } else if (stream.movedBytes >= MOVED_BYTES) {
            unlink(stream);
            link(stream, nowNanos);
        }
        change(-bytes);
    }

    /** A stream has ended, and what it holds counts no more. */
    void forget(TunnelStream stream) {
        if (stream.isHolding) {
            unlink(stream);
            change(-stream.heldBytes());
        }
    }

    /** Lets a window grow by so much, or by what is left if that is less; says by how much. */
    long promise(long bytes) {
        long givenBytes = budget.promise(Math.min(bytes, maxGrowthBytes - promisedBytes));
        promisedBytes += givenBytes;
        wasRefused |= givenBytes < bytes;
        return givenBytes;
    }

    void takeBack(int bytes) {
        if (bytes > 0) {
            promisedBytes -= bytes;
            budget.takeBack(bytes);
        }
    }

    /** Whether windows that have grown should shrink: from when one was not allowed to grow until a quarter of the growth is free again. */
    boolean isShort() {
        wasRefused &= promisedBytes > maxGrowthBytes / 4 * 3 || budget.isShort();
        return wasRefused || budget.excessBytes() > 0;
    }

    private void change(long bytes) {
        long nowBytes = heldBytes.getPlain() + bytes;
        heldBytes.setRelease(nowBytes);
        long unreportedBytes = nowBytes - reportedBytes;
        if (Math.abs(unreportedBytes) >= REPORT_BYTES || nowBytes == 0 && unreportedBytes != 0) {
            reportedBytes = nowBytes;
            if (nowBytes == 0 && nextLook != null) {
                nextLook.cancel();
                nextLook = null;
            }
            budget.onHeldChanged(this, unreportedBytes, nowBytes, loop.nanoTime());
        }
    }

    private void link(TunnelStream stream, long nowNanos) {
        stream.isHolding = true;
        stream.stalledSinceNanos = nowNanos;
        stream.movedBytes = 0;
        stream.stalledLonger = shortest;
        if (shortest == null) {
            setLongest(stream);
        } else {
            shortest.stalledShorter = stream;
        }
        shortest = stream;
    }

    private void unlink(TunnelStream stream) {
        TunnelStream longer = stream.stalledLonger;
        TunnelStream shorter = stream.stalledShorter;
        if (shorter == null) {
            shortest = longer;
        } else {
            shorter.stalledLonger = longer;
        }
        if (longer == null) {
            setLongest(shorter);
        } else {
            longer.stalledShorter = shorter;
        }
        stream.isHolding = false;
        stream.stalledLonger = null;
        stream.stalledShorter = null;
    }

    private void setLongest(@Nullable TunnelStream stream) {
        longest = stream;
        if (stream != null) {
            stalledSinceNanos.setRelease(stream.stalledSinceNanos);
        }
    }

    /** Since when some stream of this tunnel has not moved, about. Any thread. */
    long stalledSinceNanos() {
        return stalledSinceNanos.get();
    }

    /** Asks this tunnel to end its longest-stalled streams. Any thread. */
    void askToShed() {
        if (isSheddingDue.compareAndSet(false, true)) {
            try {
                loop.execute(this::shed);
            } catch (RejectedExecutionException e) {
                // Its loop is gone, and with it all that it could free; nor will it ever be asked again.
                budget.forget(this);
            }
        }
    }

    private void shed() {
        isSheddingDue.set(false);
        long nowNanos = loop.nanoTime();
        long excessBytes = budget.excessBytes();
        int ended = 0;
        for (TunnelStream stream = longest; stream != null && excessBytes > 0; stream = longest) {
            long stalledNanos = nowNanos - stream.stalledSinceNanos;
            if (stalledNanos < STALLED_NANOS) {
                break;
            }
            ended++;
            int heldByIt = stream.heldBytes();
            excessBytes -= heldByIt;
            stream.cancel(
                    ErrorCode.OVERLOADED,
                    "memory is short, and of " + heldByIt + " bytes none has moved for "
                            + TimeUnit.NANOSECONDS.toMillis(stalledNanos) + " ms");
        }
        if (ended > 0) {
            budget.onEnded(ended, nowNanos);
        }
        if (budget.excessBytes() == 0) {
            return;
        }
        if (longest == null) {
            budget.shed(nowNanos);
        } else if (nextLook == null) {
            long stalledNanos = nowNanos - longest.stalledSinceNanos;
            nextLook = loop.schedule(this::lookAgain, Math.max(LEAST_WAIT_NANOS, STALLED_NANOS - stalledNanos));
        }
    }

    /** What has stalled longest may be elsewhere meanwhile. */
    private void lookAgain() {
        nextLook = null;
        if (budget.excessBytes() > 0) {
            budget.shed(loop.nanoTime());
        }
    }
}
