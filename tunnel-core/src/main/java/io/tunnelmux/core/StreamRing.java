package io.tunnelmux.core;

import org.jspecify.annotations.Nullable;

/** Streams that wait for the same thing, first come first served. A stream is in at most one ring; all operations take constant time. */
final class StreamRing {

    private @Nullable TunnelStream first;
    private @Nullable TunnelStream last;
    private int size;

    @Nullable
    TunnelStream first() {
        return first;
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return first == null;
    }

    void addLast(TunnelStream stream) {
        assert stream.ring == null : "stream " + stream.id() + " waits already";
        stream.ring = this;
        stream.previous = last;
        if (last == null) {
            first = stream;
        } else {
            last.next = stream;
        }
        last = stream;
        size++;
    }

    void remove(TunnelStream stream) {
        assert stream.ring == this : "stream " + stream.id() + " is not in this ring";
        TunnelStream before = stream.previous;
        TunnelStream after = stream.next;
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
        stream.ring = null;
        stream.previous = null;
        stream.next = null;
        size--;
    }

    /** Gives a stream up to {@code target}, which may be this ring, as the last there. */
    void moveToLast(TunnelStream stream, StreamRing target) {
        remove(stream);
        target.addLast(stream);
    }
}
