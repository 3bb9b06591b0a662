package io.tunnelmux.core.testing;

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

    void add(byte[] added) {
        if (bytes.length - to < added.length) {
            int size = size();
            byte[] target = size + added.length > bytes.length / 2
                    ? new byte[Math.max(bytes.length * 2, (size + added.length) * 2)]
                    : bytes;
            System.arraycopy(bytes, from, target, 0, size);
            bytes = target;
            from = 0;
            to = size;
        }
        System.arraycopy(added, 0, bytes, to, added.length);
        to += added.length;
    }

    byte[] take(int count) {
        byte[] taken = Arrays.copyOfRange(bytes, from, from + count);
        from += count;
        return taken;
    }

    void clear() {
        from = to;
    }
}
