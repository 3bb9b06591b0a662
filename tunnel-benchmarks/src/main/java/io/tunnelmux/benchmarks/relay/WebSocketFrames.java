package io.tunnelmux.benchmarks.relay;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** The little of RFC 6455 that both ends of the benchmark need. Stateless; any thread. */
final class WebSocketFrames {
    static final int FINAL = 0x80;
    static final int BINARY_FINAL = 0x82;
    static final int CLOSE_FINAL = 0x88;
    static final int OPCODE_CONTINUATION = 0x0;
    static final int OPCODE_BINARY = 0x2;
    static final int OPCODE_CLOSE = 0x8;
    static final int OPCODE_PING = 0x9;
    static final int OPCODE_PONG = 0xa;
    static final int MASK_BYTES = 4;

    private static final int MASK_BIT = 0x80;
    private static final int LENGTH_16_BITS = 126;
    private static final int LENGTH_64_BITS = 127;
    private static final String ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private WebSocketFrames() {}

    /** What {@code Sec-WebSocket-Accept} must answer to {@code key}. */
    static String acceptFor(String key) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1")
                    .digest((key + ACCEPT_SUFFIX).getBytes(StandardCharsets.ISO_8859_1));
            return Base64.getEncoder().encodeToString(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-1", e);
        }
    }

    /** Bytes of the header of an unmasked frame. */
    static int headerBytes(int payloadBytes) {
        return payloadBytes < LENGTH_16_BITS ? 2 : payloadBytes <= 0xffff ? 4 : 10;
    }

    /** Writes an unmasked frame's header at {@code index}, without moving the position. */
    static void putHeader(ByteBuffer buffer, int index, int firstByte, int payloadBytes) {
        buffer.put(index, (byte) firstByte);
        if (payloadBytes < LENGTH_16_BITS) {
            buffer.put(index + 1, (byte) payloadBytes);
        } else if (payloadBytes <= 0xffff) {
            buffer.put(index + 1, (byte) LENGTH_16_BITS);
            buffer.putShort(index + 2, (short) payloadBytes);
        } else {
            buffer.put(index + 1, (byte) LENGTH_64_BITS);
            buffer.putLong(index + 2, payloadBytes);
        }
    }

    /** Writes the header of a frame masked with {@code mask}, the mask included. */
    static void putMaskedHeader(ByteBuffer buffer, int index, int firstByte, int payloadBytes, int mask) {
        putHeader(buffer, index, firstByte, payloadBytes);
        buffer.put(index + 1, (byte) (buffer.get(index + 1) | MASK_BIT));
        buffer.putInt(index + headerBytes(payloadBytes), mask);
    }

    static boolean isMasked(ByteBuffer buffer, int index) {
        return (buffer.get(index + 1) & MASK_BIT) != 0;
    }

    /** Bytes of the header at {@code index} without its mask, or -1 if {@code available} bytes do not tell yet. */
    static int headerBytesAt(ByteBuffer buffer, int index, int available) {
        if (available < 2) {
            return -1;
        }
        int length = buffer.get(index + 1) & 0x7f;
        int bytes = length < LENGTH_16_BITS ? 2 : length == LENGTH_16_BITS ? 4 : 10;
        return available < bytes ? -1 : bytes;
    }

    /** The payload's length that the header of {@code headerBytes} bytes at {@code index} names. */
    static long payloadBytesAt(ByteBuffer buffer, int index, int headerBytes) {
        return switch (headerBytes) {
            case 2 -> buffer.get(index + 1) & 0x7f;
            case 4 -> buffer.getShort(index + 2) & 0xffff;
            default -> buffer.getLong(index + 2);
        };
    }

    /** Masks or unmasks in place, eight bytes at a time. */
    static void mask(ByteBuffer buffer, int index, int bytes, int mask) {
        long wide = (long) mask << 32 | mask & 0xffff_ffffL;
        int end = index + bytes;
        int i = index;
        for (; i <= end - Long.BYTES; i += Long.BYTES) {
            buffer.putLong(i, buffer.getLong(i) ^ wide);
        }
        for (int shift = 24; i < end; i++, shift = (shift - 8) & 31) {
            buffer.put(i, (byte) (buffer.get(i) ^ mask >>> shift));
        }
    }
}
