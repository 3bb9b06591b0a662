package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Writes WebSocket headers in front of what is to be sent, and masks it where this side is the client. Over TLS the key is 0 (the bytes are
 * encrypted anyway), which costs nothing. One thread.
 */
public final class WebSocketWriter {
    private static final int SHORT_HEADER_BYTES = 2;
    private static final int KEY_BYTES = 4;
    /** Keys drawn at a time, as a draw from a secure generator costs far more than a few bytes of it. They are kept by a connection that rests, too. */
    private static final int DRAWN_BYTES = 64;

    private static final byte[] NO_BYTES = new byte[0];

    private final boolean isClient;
    private final @Nullable RandomGenerator keys;
    private final byte[] drawn;
    private int drawnUsed;

    private WebSocketWriter(boolean isClient, @Nullable RandomGenerator keys) {
        this.isClient = isClient;
        this.keys = keys;
        drawn = keys == null ? NO_BYTES : new byte[DRAWN_BYTES];
        drawnUsed = drawn.length;
    }

    /** A server's: no masks. */
    public static WebSocketWriter server() {
        return new WebSocketWriter(false, null);
    }

    /**
     * A client's.
     *
     * @param keys makes the masks, and must not be guessable; null for the key 0, where the transport encrypts
     */
    public static WebSocketWriter client(@Nullable RandomGenerator keys) {
        return new WebSocketWriter(true, keys);
    }

    /** Whether the bytes of a message are changed in place, and so must be owned. */
    public boolean needsOwned() {
        return keys != null;
    }

    /** The longest header of a message. */
    public int maxHeaderBytes() {
        return SHORT_HEADER_BYTES + Long.BYTES + (isClient ? KEY_BYTES : 0);
    }

    /** A control frame in a buffer of its own. */
    public ByteBuf control(ByteBufAllocator allocator, int opcode, byte[] data) {
        int room = maxHeaderBytes();
        ByteBuf frame =
                allocator.ioBuffer(room + data.length).setIndex(room, room).writeBytes(data);
        int key = nextKey();
        Mask.apply(key, frame, room, data.length);
        header(frame, WebSocketReader.FIN | opcode, data.length, key);
        return frame;
    }

    /** A close frame; the reason is cut where it is too long for one. */
    public ByteBuf close(ByteBufAllocator allocator, int code, String reason) {
        byte[] text = reason.getBytes(StandardCharsets.UTF_8);
        int end = Math.min(text.length, WebSocketReader.MAX_CONTROL_BYTES - Short.BYTES);
        // Not within a character: its further bytes begin with the bits 10.
        while (end < text.length && end > 0 && (text[end] & 0xc0) == 0x80) {
            end--;
        }
        byte[] data = new byte[Short.BYTES + end];
        data[0] = (byte) (code >> Byte.SIZE);
        data[1] = (byte) code;
        System.arraycopy(text, 0, data, Short.BYTES, end);
        return control(allocator, WebSocketReader.CLOSE, data);
    }

    /**
     * Writes a frame's header into the room in front of {@code first}, and moves its reader index there.
     *
     * @param firstByte FIN, reserved bits and opcode
     * @param length of the frame's payload, of which {@code first} holds the beginning
     * @param key with which the payload is masked, from {@link #nextKey}
     */
    public void header(ByteBuf first, int firstByte, int length, int key) {
        int start = first.readerIndex();
        if (isClient) {
            start -= KEY_BYTES;
            first.setInt(start, key);
        }
        int lengthCode = length;
        if (length > 0xffff) {
            start -= Long.BYTES;
            first.setLong(start, length);
            lengthCode = WebSocketReader.LENGTH_64;
        } else if (length >= WebSocketReader.LENGTH_16) {
            start -= Short.BYTES;
            first.setShort(start, length);
            lengthCode = WebSocketReader.LENGTH_16;
        }
        start -= SHORT_HEADER_BYTES;
        first.setByte(start, firstByte);
        first.setByte(start + 1, (isClient ? WebSocketReader.MASKED : 0) | lengthCode);
        first.readerIndex(start);
    }

    /** The key for the next frame; 0 where nothing is to be masked. */
    public int nextKey() {
        if (keys == null) {
            return 0;
        }
        if (drawnUsed == drawn.length) {
            keys.nextBytes(drawn);
            drawnUsed = 0;
        }
        int key = 0;
        for (int i = 0; i < KEY_BYTES; i++) {
            key = key << Byte.SIZE | drawn[drawnUsed++] & 0xff;
        }
        return key;
    }
}
