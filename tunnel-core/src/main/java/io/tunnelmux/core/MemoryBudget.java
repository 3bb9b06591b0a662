package io.tunnelmux.core;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many bytes all tunnels together may hold: received and not yet consumed, and queued and not yet sent. Half of it is also what windows may grow by
 * beyond their first size, since that is what peers may make a process hold. When that runs short, windows stop growing and shrink. When more is held than
 * the limit, the streams that have stalled longest are ended ({@code OVERLOADED}), in whichever tunnel they are, until it is enough.
 * So it is the first windows alone that can take it beyond its limit for a moment, as they are promised to every stream; and
 * streams that move, of which none is ended.
 *
 * <p>Counted to about 64 KiB per tunnel. Any thread.
 */
public final class MemoryBudget {

    private static final Logger LOG = LoggerFactory.getLogger(MemoryBudget.class);

    /** Of the heap's largest size, the part that is the JVM's budget. Buffers off the heap have the same limit by default. */
    private static final int JVM_PART = 4;

    /** Of the limit, the part up to which windows may grow. */
    private static final int GROWTH_PART = 2;

    private static final long SHED_EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long WARN_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final MemoryBudget JVM = ofBytes(Runtime.getRuntime().maxMemory() / JVM_PART);

    private final long limitBytes;
    private final AtomicLong usedBytes = new AtomicLong();
    private final AtomicLong promisedBytes = new AtomicLong();
    private final AtomicLong endedStreams = new AtomicLong();
    private final AtomicLong shedNanos = new AtomicLong();
    private final AtomicLong warnNanos = new AtomicLong();
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

    /** How many streams were ended because more was held than may be. */
    public long endedStreams() {
        return endedStreams.get();
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
     * @param allBytes what it holds now
     */
    void onHeldChanged(TunnelMemory tunnel, long bytes, long allBytes, long nowNanos) {
        boolean isOver = usedBytes.addAndGet(bytes) > limitBytes;
        if (allBytes > 0) {
            holders.add(tunnel);
        } else {
            holders.remove(tunnel);
        }
        if (isOver && (bytes > 0 || allBytes == 0) && isTime(shedNanos, nowNanos, SHED_EVERY_NANOS)) {
            shed(nowNanos);
        }
    }

    /** A tunnel has ended streams of its own. */
    void onEnded(int streams, long nowNanos) {
        long endedNow = endedStreams.addAndGet(streams);
        if (isTime(warnNanos, nowNanos, WARN_EVERY_NANOS)) {
            LOG.warn("memory is short, streams that had stalled were ended so_far={} {}", endedNow, this);
        }
    }

    void forget(TunnelMemory tunnel) {
        holders.remove(tunnel);
    }

    /**
     * Asks the tunnel with the longest-stalled stream to end it, or to look again when it has stalled for long enough. To find it takes a look at each that
     * holds something, so not more often than is of use.
     */
    void shed(long nowNanos) {
        TunnelMemory longest = null;
        long mostNanos = Long.MIN_VALUE;
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

    /** Whether so much time has passed since this was last true. Of several threads that ask at once it is true for one. */
    private static boolean isTime(AtomicLong since, long nowNanos, long everyNanos) {
        long sinceNanos = since.get();
        boolean isSoon = sinceNanos != 0 && nowNanos - sinceNanos < everyNanos;
        return !isSoon && since.compareAndSet(sinceNanos, nowNanos);
    }
}
