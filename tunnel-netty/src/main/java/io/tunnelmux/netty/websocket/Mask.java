package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * The mask of WebSocket frames: byte {@code i} of a payload is XORed with byte {@code i mod 4} of a key. Done in place, eight bytes at a
 * time. A key is an int whose highest byte comes first; {@link #rotate} makes the key for what follows, so a payload may come in pieces.
 */
public final class Mask {
    /** A view of the buffer makes words cheaper, up to half, but is itself an object of 64 bytes, which only a long payload is worth. */
    private static final int LONGEST_WITHOUT_VIEW = 2_048;

    private Mask() {}

    /** Masks or unmasks {@code length} bytes from {@code index} on. The buffer must be owned, see {@link Ownership}. */
    public static void apply(int key, ByteBuf buf, int index, int length) {
        if (key == 0) {
            return;
        }
        if (length <= LONGEST_WITHOUT_VIEW) {
            applyDirectly(key, buf, index, length);
        } else {
            applyToView(key, buf.internalNioBuffer(index, length), length);
        }
    }

    private static void applyDirectly(int key, ByteBuf buf, int index, int length) {
        long wideKey = widen(key);
        int at = index;
        int end = index + length;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            buf.setLong(at, buf.getLong(at) ^ wideKey);
        }
        for (int rest = key; at < end; at++) {
            buf.setByte(at, buf.getByte(at) ^ rest >>> 24);
            rest = rotate(rest, 1);
        }
    }

    private static void applyToView(int key, ByteBuffer view, int length) {
        long wideKey = widen(key);
        int at = view.position();
        int end = at + length;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            view.putLong(at, view.getLong(at) ^ wideKey);
        }
        for (int rest = key; at < end; at++) {
            view.put(at, (byte) (view.get(at) ^ rest >>> 24));
            rest = rotate(rest, 1);
        }
    }

    private static long widen(int key) {
        return (long) key << 32 | key & 0xffff_ffffL;
    }

    /** The key for the bytes that follow {@code count} bytes under {@code key}. */
    public static int rotate(int key, int count) {
        return Integer.rotateLeft(key, Byte.SIZE * (count & 3));
    }
}
