package io.tunnelmux.core;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The open streams of a tunnel by id, and what is known of ids: each side opens its own (the dialler odd, the acceptor even), strictly rising,
 * and an id at or below the last one of its side that is not open has ended. Open addressing with linear probing (Knuth, TAOCP 3, 6.4, algorithms L
 * and R), so that a look-up boxes nothing.
 */
final class StreamTable {

    private static final int FIRST_CAPACITY = 4;

    private final boolean isDialler;
    private @Nullable TunnelStream[] slots = new @Nullable TunnelStream[FIRST_CAPACITY];
    private int size;
    private int localSize;
    private int nextLocalId;
    private int lastRemoteId;

    StreamTable(boolean isDialler) {
        this.isDialler = isDialler;
        nextLocalId = isDialler ? 1 : 2;
    }

    /** Streams that are open, from either side. */
    int size() {
        return size;
    }

    /** Of these, the ones that this side opened. */
    int localSize() {
        return localSize;
    }

    int remoteSize() {
        return size - localSize;
    }

    /** The next id of this side, which is used up by it; 0 if there is none left. */
    int takeLocalId() {
        if (nextLocalId < 0) {
            return 0;
        }
        int id = nextLocalId;
        nextLocalId += 2;
        return id;
    }

    /** Highest id that the peer has opened; 0 if none. */
    int lastRemoteId() {
        return lastRemoteId;
    }

    void onRemoteOpened(int id) {
        assert id > lastRemoteId;
        lastRemoteId = id;
    }

    boolean isLocal(int id) {
        return ((id & 1) == 1) == isDialler;
    }

    /** Whether this id was opened at some time: if it is not open now, it has ended. */
    boolean wasOpened(int id) {
        return isLocal(id) ? nextLocalId < 0 || id < nextLocalId : id <= lastRemoteId;
    }

    @Nullable
    TunnelStream get(int id) {
        int mask = slots.length - 1;
        for (int i = home(id, mask); ; i = (i + 1) & mask) {
            TunnelStream stream = slots[i];
            if (stream == null || stream.id() == id) {
                return stream;
            }
        }
    }

    void add(TunnelStream stream) {
        if (size >= slots.length / 2) {
            resize(slots.length * 2);
        }
        insert(stream);
        size++;
        if (isLocal(stream.id())) {
            localSize++;
        }
    }

    void remove(TunnelStream stream) {
        int mask = slots.length - 1;
        int hole = home(stream.id(), mask);
        while (slots[hole] != stream) {
            if (slots[hole] == null) {
                return;
            }
            hole = (hole + 1) & mask;
        }
        for (int i = (hole + 1) & mask; ; i = (i + 1) & mask) {
            TunnelStream candidate = slots[i];
            if (candidate == null) {
                break;
            }
            int home = home(candidate.id(), mask);
            boolean staysReachable = hole < i ? hole < home && home <= i : hole < home || home <= i;
            if (!staysReachable) {
                slots[hole] = candidate;
                hole = i;
            }
        }
        slots[hole] = null;
        size--;
        if (slots.length > FIRST_CAPACITY && size <= slots.length / 16) {
            resize(Math.max(FIRST_CAPACITY, slots.length / 4));
        }
        if (isLocal(stream.id())) {
            localSize--;
        }
    }

    /** Calls {@code action} for the streams open now; it may remove any of them. */
    void forEach(Consumer<TunnelStream> action) {
        for (TunnelStream stream : slots.clone()) {
            if (stream != null) {
                action.accept(stream);
            }
        }
    }

    private void resize(int capacity) {
        @Nullable TunnelStream[] old = slots;
        slots = new @Nullable TunnelStream[capacity];
        for (TunnelStream stream : old) {
            if (stream != null) {
                insert(stream);
            }
        }
    }

    private void insert(TunnelStream stream) {
        int mask = slots.length - 1;
        int i = home(stream.id(), mask);
        while (slots[i] != null) {
            i = (i + 1) & mask;
        }
        slots[i] = stream;
    }

    /** Ids of one side differ by two: halved, they fill neighbouring slots. */
    private static int home(int id, int mask) {
        return (id >>> 1) & mask;
    }
}
