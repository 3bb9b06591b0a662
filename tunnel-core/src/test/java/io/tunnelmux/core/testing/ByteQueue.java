package io.tunnelmux.core.testing;

import io.tunnelmux.protocol.Payload;
import java.util.Arrays;

/** Bytes in, bytes out, in order. */
final class ByteQueue {

    private static final int FIRST_CAPACITY = 4_096;

    private byte[] bytes = new byte[FIRST_CAPACITY];
    private int from;
    private int to;

    int size() {
        return to - from;
    }

    /** Adds a header, most significant byte first, and the bytes of a payload, which is lent. */
    void add(long header, Payload payload) {
        int length = payload.length();
        reserve(Long.BYTES + length);
        for (int shift = Long.SIZE - Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
            bytes[to++] = (byte) (header >>> shift);
        }
        payload.copyTo(0, bytes, to, length);
        to += length;
    }

    /** Moves all bytes here to the end of {@code target}. */
    void moveTo(ByteQueue target) {
        target.reserve(size());
        System.arraycopy(bytes, from, target.bytes, target.to, size());
        target.to += size();
        clear();
    }

    private void reserve(int count) {
        if (bytes.length - to < count) {
            int size = size();
            byte[] target =
                    size + count > bytes.length / 2 ? new byte[Math.max(bytes.length * 2, (size + count) * 2)] : bytes;
            System.arraycopy(bytes, from, target, 0, size);
            bytes = target;
            from = 0;
            to = size;
        }
    }

    byte[] take(int count) {
        byte[] taken = Arrays.copyOfRange(bytes, from, from + count);
        from += count;
        return taken;
    }

    void clear() {
        from = 0;
        to = 0;
    }
}
