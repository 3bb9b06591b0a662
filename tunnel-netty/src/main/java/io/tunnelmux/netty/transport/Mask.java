package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * The mask of WebSocket frames: byte {@code i} of a payload is XORed with byte {@code i mod 4} of a key. Done in place, eight bytes at a
 * time. A key is an int whose highest byte comes first; {@link #rotate} makes the key for what follows, so a payload may come in pieces.
 */
final class Mask {
    private Mask() {}

    /** Masks or unmasks {@code length} bytes from {@code index} on. The buffer must be owned, see {@link NettyPayload}. */
    static void apply(int key, ByteBuf buf, int index, int length) {
        if (key == 0 || length == 0) {
            return;
        }
        // One NIO view has far cheaper access per word than the buffer has.
        ByteBuffer bytes = buf.internalNioBuffer(index, length);
        long wideKey = (long) key << 32 | key & 0xffff_ffffL;
        int at = bytes.position();
        int end = at + length;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            bytes.putLong(at, bytes.getLong(at) ^ wideKey);
        }
        for (int rest = key; at < end; at++) {
            bytes.put(at, (byte) (bytes.get(at) ^ rest >>> 24));
            rest = rotate(rest, 1);
        }
    }

    /** The key for the bytes that follow {@code count} bytes under {@code key}. */
    static int rotate(int key, int count) {
        return Integer.rotateLeft(key, Byte.SIZE * (count & 3));
    }
}
