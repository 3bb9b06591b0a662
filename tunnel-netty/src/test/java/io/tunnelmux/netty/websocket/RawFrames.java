package io.tunnelmux.netty.websocket;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/** Writes WebSocket frames byte by byte, also such as no library would write. */
public final class RawFrames {
    private static final int KEY = 0x8a_1b_f0_3c;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final boolean isMasked;

    private RawFrames(boolean isMasked) {
        this.isMasked = isMasked;
    }

    /** What a client sends. */
    public static RawFrames masked() {
        return new RawFrames(true);
    }

    /** What a server sends. */
    public static RawFrames unmasked() {
        return new RawFrames(false);
    }

    public static RawFrames of(boolean isMasked) {
        return new RawFrames(isMasked);
    }

    /** A final frame. */
    public RawFrames frame(int opcode, byte[] payload) {
        return frame(0x80 | opcode, payload, lengthCode(payload.length));
    }

    /** A frame that another follows. */
    public RawFrames fragment(int opcode, byte[] payload) {
        return frame(opcode, payload, lengthCode(payload.length));
    }

    /** A frame with this first byte, whose length is written as this code says: itself, or 126, or 127. */
    public RawFrames frame(int first, byte[] payload, int lengthCode) {
        header(first, payload.length, lengthCode);
        int key = isMasked ? KEY : 0;
        for (int i = 0; i < payload.length; i++) {
            bytes.write(payload[i] ^ key >>> 24 - 8 * (i % 4));
        }
        return this;
    }

    /** A header alone. */
    public RawFrames header(int first, long length, int lengthCode) {
        bytes.write(first);
        bytes.write((isMasked ? 0x80 : 0) | lengthCode);
        if (lengthCode == 126) {
            bytes.writeBytes(ByteBuffer.allocate(2).putShort((short) length).array());
        } else if (lengthCode == 127) {
            bytes.writeBytes(ByteBuffer.allocate(8).putLong(length).array());
        }
        if (isMasked) {
            bytes.writeBytes(ByteBuffer.allocate(4).putInt(KEY).array());
        }
        return this;
    }

    /** A close frame. */
    public RawFrames close(int code, byte[] reason) {
        return frame(
                8,
                ByteBuffer.allocate(2 + reason.length)
                        .putShort((short) code)
                        .put(reason)
                        .array());
    }

    public byte[] toByteArray() {
        return bytes.toByteArray();
    }

    private static int lengthCode(int length) {
        if (length < 126) {
            return length;
        }
        return length < 65_536 ? 126 : 127;
    }
}
