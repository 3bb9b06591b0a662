package io.tunnelmux.core;

import org.jspecify.annotations.Nullable;

/** Streams that wait for the same thing, first come first served. A stream is in at most one ring; all operations take constant time. */
final class StreamRing {

    private @Nullable SendHalf first;
    private @Nullable SendHalf last;
    private int size;

    @Nullable
    SendHalf first() {
        return first;
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return first == null;
    }

    void addLast(SendHalf half) {
        assert half.ring == null : half.stream + " waits already";
        half.ring = this;
        half.previous = last;
        if (last == null) {
            first = half;
        } else {
            last.next = half;
        }
        last = half;
        size++;
    }

    void remove(SendHalf half) {
        assert half.ring == this : half.stream + " is not in this ring";
        SendHalf before = half.previous;
        SendHalf after = half.next;
        if (before == null) {
            first = after;
        } else {
            before.next = after;
        }
        if (after == null) {
            last = before;
        } else {
            after.previous = before;
        }
        half.ring = null;
        half.previous = null;
        half.next = null;
        size--;
    }

    /** Gives a stream up to {@code target}, which may be this ring, as the last there. */
    void moveToLast(SendHalf half, StreamRing target) {
        remove(half);
        target.addLast(half);
    }
}
