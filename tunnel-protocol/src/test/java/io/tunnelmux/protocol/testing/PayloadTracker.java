package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.Payload;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Finds leaks: issues payloads that are strict where the heap's are lenient, and counts those that nobody has released yet. One that is released twice,
 * or used after that, fails whoever does it, with an {@link AssertionError}. Let what is tested handle payloads of a tracker, and when all is over ask for
 * {@link #alive()}, which should be 0.
 *
 * <p>Any thread; each payload is for one at a time, as all are.
 */
public final class PayloadTracker {

    private final AtomicInteger alive = new AtomicInteger();
    private final AtomicInteger slices = new AtomicInteger();

    /** A payload over a copy of {@code bytes[from..to)}, counted here. */
    public Payload payload(byte[] bytes, int from, int to) {
        return payload(Payload.of(Arrays.copyOfRange(bytes, from, to)));
    }

    /** A payload over {@code bytes}, counted here. The caller must not change them afterwards. */
    public Payload payload(byte[] bytes) {
        return payload(Payload.of(bytes));
    }

    /** {@code bytes}, which is taken, counted here; it is released when the payload returned is. */
    public Payload payload(Payload bytes) {
        return new Tracked(bytes);
    }

    /** Payloads, slices among them, that are not released. */
    public int alive() {
        return alive.get();
    }

    /** How often {@link Payload#retainedSlice} was called. */
    public int slices() {
        return slices.get();
    }

    private final class Tracked implements Payload {

        private Payload bytes;
        private boolean isReleased;

        Tracked(Payload bytes) {
            this.bytes = bytes;
            alive.incrementAndGet();
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
            Payload slice = readable().retainedSlice(index, count);
            slices.incrementAndGet();
            return new Tracked(slice);
        }

        @Override
        public Payload dropFirst(int count) {
            bytes = readable().dropFirst(count);
            return this;
        }

        @Override
        public void release() {
            readable().release();
            isReleased = true;
            alive.decrementAndGet();
        }

        @Override
        public String toString() {
            return isReleased ? "released" : HexFormat.of().formatHex(bytes.toByteArray());
        }

        private Payload readable() {
            if (isReleased) {
                throw new AssertionError("a payload used after its release");
            }
            return bytes;
        }
    }
}
