package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.Payload;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A payload over bytes of its own that is strict where the heap's is lenient: it counts its owners in a {@link Tracker}, may not be read
 * after its release, and may not be released twice.
 */
public final class TrackedPayload implements Payload {

    /** How many payloads are out. */
    public static final class Tracker {
        private int alive;
        private int slices;

        /** A payload over a copy of {@code bytes[from..to)}, counted here. */
        public TrackedPayload payload(byte[] bytes, int from, int to) {
            return payload(Payload.of(Arrays.copyOfRange(bytes, from, to)));
        }

        /** {@code bytes}, which is taken, counted here. */
        public TrackedPayload payload(Payload bytes) {
            return new TrackedPayload(this, bytes);
        }

        public TrackedPayload payload(byte[] bytes) {
            return payload(bytes, 0, bytes.length);
        }

        /** Payloads, slices among them, that are not released. */
        public int alive() {
            return alive;
        }

        /** How often {@link Payload#retainedSlice} was called. */
        public int slices() {
            return slices;
        }
    }

    private final Tracker tracker;
    private Payload bytes;
    private boolean released;

    private TrackedPayload(Tracker tracker, Payload bytes) {
        this.tracker = tracker;
        this.bytes = bytes;
        tracker.alive++;
    }

    @Override
    public int length() {
        return readable().length();
    }

    @Override
    public byte byteAt(int index) {
        return readable().byteAt(index);
    }

    @Override
    public long longAt(int index) {
        return readable().longAt(index);
    }

    @Override
    public void copyTo(int index, byte[] target, int targetOffset, int count) {
        readable().copyTo(index, target, targetOffset, count);
    }

    @Override
    public Payload retainedSlice(int index, int count) {
        tracker.slices++;
        return new TrackedPayload(tracker, readable().retainedSlice(index, count));
    }

    @Override
    public Payload dropFirst(int count) {
        bytes = readable().dropFirst(count);
        return this;
    }

    @Override
    public void release() {
        readable();
        released = true;
        tracker.alive--;
    }

    @Override
    public String toString() {
        return released ? "released" : HexFormat.of().formatHex(bytes.toByteArray());
    }

    private Payload readable() {
        if (released) {
            throw new IllegalStateException("used after release");
        }
        return bytes;
    }
}
