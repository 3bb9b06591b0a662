package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * How many bytes all tunnels together may hold: received and not yet consumed, and queued and not yet sent. Half of it is also what windows may grow by
 * beyond their first size, since that is what peers may make a process hold. When that runs short, windows stop growing and shrink. When more is held than
 * the limit, the streams that have stalled longest are ended ({@code OVERLOADED}), in whichever tunnel they are, until it is enough. So it is the
 * first windows alone that can take it beyond its limit for a moment: they are promised to every stream, and a peer that uses them all at once finds
 * streams ended.
 *
 * <p>Counted to about 64 KiB per tunnel. Any thread.
 */
public final class MemoryBudget {

    /** Of the heap's largest size, the part that is the JVM's budget. Buffers off the heap have the same limit by default. */
    private static final int JVM_PART = 4;

    /** Of the limit, the part up to which windows may grow. */
    private static final int GROWTH_PART = 2;

    private static final long SHED_EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final MemoryBudget JVM = ofBytes(Runtime.getRuntime().maxMemory() / JVM_PART);

    private final long limitBytes;
    private final AtomicLong usedBytes = new AtomicLong();
    private final AtomicLong promisedBytes = new AtomicLong();
    private final AtomicLong shedNanos = new AtomicLong();
    private final Set<TunnelMemory> holders = ConcurrentHashMap.newKeySet();

    private MemoryBudget(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /**
     * A budget to share between tunnels.
     *
     * @throws IllegalArgumentException unless it is positive
     */
    public static MemoryBudget ofBytes(long limitBytes) {
        if (limitBytes < 1) {
            throw new IllegalArgumentException("limitBytes: " + limitBytes);
        }
        return new MemoryBudget(limitBytes);
    }

    /** The one of all tunnels that are given none: a quarter of the largest size of the heap. */
    public static MemoryBudget ofJvm() {
        return JVM;
    }

    /** What may be held. */
    public long limitBytes() {
        return limitBytes;
    }

    /** What is held. */
    public long usedBytes() {
        return usedBytes.get();
    }

    /** What peers may send beyond the first windows of streams; some of it may be held already. */
    public long promisedBytes() {
        return promisedBytes.get();
    }

    /**
     * Counts bytes that somebody holds for a stream beyond the stream's end, such as a socket's queue; less than 0 when they are gone. They cannot be
     * freed by ending a stream; see to it that they are by some timeout.
     */
    public void addHeld(long bytes) {
        usedBytes.addAndGet(bytes);
    }

    @Override
    public String toString() {
        return usedBytes() + " of " + limitBytes + " bytes used, " + promisedBytes() + " promised";
    }

    /** How much more is held than should be. */
    long excessBytes() {
        return Math.max(0, usedBytes.get() - limitBytes);
    }

    /** Whether more than three quarters of what may be promised are used or promised. */
    boolean isShort() {
        return usedBytes.get() + promisedBytes.get() > limitBytes / GROWTH_PART / 4 * 3;
    }

    /**
     * Lets a window grow by so much, or by what is left of half of the limit beside all that was promised and is held; says by how much. The other half
     * is for first windows, so that growth alone never ends a stream.
     */
    long promise(long bytes) {
        while (true) {
            long promised = promisedBytes.get();
            long given = Math.max(0, Math.min(bytes, limitBytes / GROWTH_PART - usedBytes.get() - promised));
            if (promisedBytes.compareAndSet(promised, promised + given)) {
                return given;
            }
        }
    }

    void takeBack(long bytes) {
        promisedBytes.addAndGet(-bytes);
    }

    /**
     * A tunnel holds more or less than it said before.
     *
     * @param holds whether it holds anything
     * @param growing the loop of a tunnel that holds more, null if it holds less
     */
    void onHeldChanged(TunnelMemory tunnel, long bytes, boolean holds, @Nullable TunnelLoop growing) {
        long nowBytes = usedBytes.addAndGet(bytes);
        if (holds) {
            holders.add(tunnel);
        } else {
            holders.remove(tunnel);
        }
        if (growing != null && nowBytes > limitBytes) {
            shed(growing.nanoTime());
        }
    }

    void forget(TunnelMemory tunnel) {
        holders.remove(tunnel);
    }

    /** Asks the tunnel with the longest-stalled stream to end it. To find it takes a look at each that holds something, so not more often than is of use. */
    private void shed(long nowNanos) {
        long lastNanos = shedNanos.get();
        boolean isSoon = lastNanos != 0 && nowNanos - lastNanos < SHED_EVERY_NANOS;
        if (isSoon || !shedNanos.compareAndSet(lastNanos, nowNanos)) {
            return;
        }
        TunnelMemory longest = null;
        long mostNanos = TunnelMemory.STALLED_NANOS - 1;
        for (TunnelMemory holder : holders) {
            long stalledNanos = nowNanos - holder.stalledSinceNanos();
            if (stalledNanos > mostNanos) {
                mostNanos = stalledNanos;
                longest = holder;
            }
        }
        if (longest != null) {
            longest.askToShed();
        }
    }
}
