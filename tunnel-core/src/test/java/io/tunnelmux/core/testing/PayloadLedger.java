package io.tunnelmux.core.testing;

import io.tunnelmux.protocol.Payload;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Issues payloads and keeps count of those that are not released yet. One that is released twice, or read after that, fails whoever does
 * it.
 *
 * <p>Any thread.
 */
public final class PayloadLedger {

    private final AtomicInteger outstanding = new AtomicInteger();

    /** A payload over these bytes, which must not be changed afterwards. */
    public Payload issue(byte[] bytes) {
        return new Counted(bytes, 0, bytes.length);
    }

    /** Payloads issued, slices among them, and not released. */
    public int outstanding() {
        return outstanding.get();
    }

    private final class Counted implements Payload {

        private final byte[] bytes;
        private final int length;
        private int offset;
        private int dropped;
        private boolean isReleased;

        Counted(byte[] bytes, int offset, int length) {
            this.bytes = bytes;
            this.offset = offset;
            this.length = length;
            outstanding.incrementAndGet();
        }

        @Override
        public int length() {
            requireLive();
            return length - dropped;
        }

        @Override
        public byte byteAt(int index) {
            return bytes[offset + Objects.checkIndex(index, length())];
        }

        @Override
        public long longAt(int index) {
            Objects.checkFromIndexSize(index, Long.BYTES, length());
            long word = 0;
            for (int i = 0; i < Long.BYTES; i++) {
                word = word << 8 | bytes[offset + index + i] & 0xff;
            }
            return word;
        }

        @Override
        public void copyTo(int index, byte[] target, int targetOffset, int count) {
            Objects.checkFromIndexSize(index, count, length());
            System.arraycopy(bytes, offset + index, target, targetOffset, count);
        }

        @Override
        public Payload retainedSlice(int index, int count) {
            Objects.checkFromIndexSize(index, count, length());
            return new Counted(bytes, offset + index, count);
        }

        @Override
        public Payload dropFirst(int count) {
            Objects.checkFromIndexSize(0, count, length());
            offset += count;
            dropped += count;
            return this;
        }

        @Override
        public void release() {
            requireLive();
            isReleased = true;
            outstanding.decrementAndGet();
        }

        private void requireLive() {
            if (isReleased) {
                throw new AssertionError("used after its release");
            }
        }

        @Override
        public String toString() {
            return isReleased ? "released" : Arrays.toString(toByteArray());
        }
    }
}
