package io.tunnelmux.core;

/**
 * How many bytes the peer may still send on a stream, or on the tunnel. What was received and not yet taken, and what the peer may still send, never come
 * to more than the window's size; the difference is what can be granted. Grants are gathered up to a quarter of the first size, or of one that is smaller,
 * or an eighth of a size that has grown: with 128 KiB, one WINDOW per 32 KiB; with 16 MiB, one per 2 MiB. A sender whose round trip the window
 * just covers reaches three quarters of what it could, and seven eighths once it has grown. Where the peer needs less than that, they are gathered up to half of the size
 * ({@link #leave}): each one that goes is a flush. None of that can leave the peer without credit for good, because by the time it has used up everything and
 * everything was taken, the whole window can be granted.
 *
 * <p>The {@link WindowTuner} changes the size, by what this measures: the bytes taken since some time.
 */
final class ReceiveWindow {

    /** Whether a grant is to be sent. */
    enum Due {
        /** So little has gathered that it waits for more. */
        NOT,
        /** With whatever else is sent: a conversation's grants so cost no packets of their own. */
        ALONG,
        /** Now. */
        NOW
    }

    private static final long NOTHING_MEASURED = -1;

    private final int firstBytes;
    private final int leastBytes;
    private int sizeBytes;
    private int availableBytes;
    private int heldBytes;
    /** From so much on a grant is due, if that is more than the share of the size; at most half of it. */
    private int leastGrantBytes;

    private long measuredBytes = NOTHING_MEASURED;
    private long measuredSinceNanos;

    /** A window that never is smaller than at first. */
    ReceiveWindow(int firstBytes) {
        this(firstBytes, firstBytes);
    }

    /** @param leastBytes how far it may shrink; more than the first size is that */
    ReceiveWindow(int firstBytes, int leastBytes) {
        this.firstBytes = firstBytes;
        this.leastBytes = Math.min(firstBytes, leastBytes);
        sizeBytes = firstBytes;
        availableBytes = firstBytes;
    }

    /** What the peer may still send. */
    int availableBytes() {
        return availableBytes;
    }

    /** Received and not yet taken. */
    int heldBytes() {
        return heldBytes;
    }

    int sizeBytes() {
        return sizeBytes;
    }

    /** By how much it has grown since it began; less than 0 if it has shrunk. */
    int grownBytes() {
        return sizeBytes - firstBytes;
    }

    /** @return false if the peer had no credit for them */
    boolean onReceived(int bytes) {
        if (bytes > availableBytes) {
            return false;
        }
        availableBytes -= bytes;
        heldBytes += bytes;
        return true;
    }

    /** @throws IllegalArgumentException if more bytes would be taken than came */
    Due onTaken(int bytes) {
        if (bytes < 0 || bytes > heldBytes) {
            throw new IllegalArgumentException("bytes: " + bytes + ", received and not yet taken: " + heldBytes);
        }
        heldBytes -= bytes;
        if (measuredBytes != NOTHING_MEASURED) {
            measuredBytes += bytes;
        }
        int gatheredBytes = Math.max(leastGrantBytes, Math.max(Math.min(firstBytes, sizeBytes) / 4, sizeBytes / 8));
        int grantableBytes = grantableBytes();
        return grantableBytes >= gatheredBytes ? Due.NOW : grantableBytes >= gatheredBytes / 2 ? Due.ALONG : Due.NOT;
    }

    /** What to grant now; the peer has it from here on. */
    int takeGrant() {
        int grant = grantableBytes();
        availableBytes += grant;
        return grant;
    }

    private int grantableBytes() {
        return sizeBytes - availableBytes - heldBytes;
    }

    /** The next grant is larger by {@code bytes}. */
    void grow(int bytes) {
        sizeBytes = Math.addExact(sizeBytes, bytes);
    }

    /**
     * The next grant is smaller by half, or by what is left above the least size if that is less: something is granted all the same.
     *
     * @return by how much
     */
    int shrink() {
        int bytes = Math.min(sizeBytes - leastBytes, grantableBytes() / 2);
        sizeBytes -= bytes;
        // The peer is left with as much as before: less than half of a window that has become small can always be
        // gathered.
        leastGrantBytes = Math.max(0, leastGrantBytes - bytes);
        return bytes;
    }

    /**
     * Gathers grants up to half of the size from now on, as long as the peer is left with what it can use meanwhile; and at least as far as without that.
     *
     * @param usedBytes what it may use while a grant is on its way; may be more than the size
     */
    void leave(long usedBytes) {
        leastGrantBytes = (int) Math.max(0, Math.min(sizeBytes / 2, sizeBytes - usedBytes));
    }

    /** Whether {@link #measureFrom} was ever called. */
    boolean isMeasuring() {
        return measuredBytes != NOTHING_MEASURED;
    }

    /** Begins to count what is taken. */
    void measureFrom(long nowNanos) {
        measuredBytes = 0;
        measuredSinceNanos = nowNanos;
    }

    /** What was taken since {@link #measuredSinceNanos}. */
    long measuredBytes() {
        return measuredBytes;
    }

    long measuredSinceNanos() {
        return measuredSinceNanos;
    }
}
