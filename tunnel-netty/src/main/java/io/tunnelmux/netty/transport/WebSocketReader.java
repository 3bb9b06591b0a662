package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads WebSocket frames (RFC 6455) out of bytes that come in pieces of any size. What has come of a binary message is handed on at once,
 * as a part of the very buffer that the socket filled, unmasked in place.
 *
 * <pre>
 *  0               1               2               3
 * +-+-+-+-+-------+-+-------------+-------------------------------+---------------+---------
 * |F|R|R|R| opcode|M| length or   | 16 bits of length after 126,  | 4 bytes of    | payload …
 * |I|S|S|S|       |A| 126 or 127  | 64 bits of length after 127   | key, if MASK  |
 * |N|V|V|V|       |S|             |                               |               |
 * +-+-+-+-+-------+K+-------------+-------------------------------+---------------+---------
 *     FIRST            SECOND                 LENGTH                    KEY         PAYLOAD
 * </pre>
 *
 * A breach is thrown on the first byte that shows it, with nothing allocated for what a length announces. After a breach, and after the
 * peer's close frame, everything is dropped. One thread.
 */
final class WebSocketReader {
    static final int CONTINUATION = 0x0;
    static final int TEXT = 0x1;
    static final int BINARY = 0x2;
    static final int CLOSE = 0x8;
    static final int PING = 0x9;
    static final int PONG = 0xa;

    static final int FIN = 0x80;
    static final int RSV = 0x70;
    static final int MASKED = 0x80;
    static final int MAX_CONTROL_BYTES = 125;
    static final int LENGTH_16 = 126;
    static final int LENGTH_64 = 127;
    /** What {@link Sink#onClose} gets for a close frame that says nothing. */
    static final int NO_CODE = 1_005;

    /** Longest message that is accepted, over all its frames. */
    static final int MAX_MESSAGE_BYTES = 1 << 20;

    private enum Phase {
        FIRST,
        SECOND,
        LENGTH,
        KEY,
        PAYLOAD,
        DONE
    }

    /** Told of what is read. May throw, which ends the reader. */
    interface Sink {
        /** The next bytes of a binary message, at least one; taken. */
        void onBinary(Payload taken);

        /** A binary message is complete. */
        void onMessageEnd();

        /** A frame of a binary message without a byte in it. */
        void onEmptyFrame();

        /** A ping, to be answered with the same data. */
        void onPing(byte[] data);

        /** A pong, asked for or not. */
        void onPong();

        /** The peer sends nothing more. Comes at most once, last. */
        void onClose(int code, String reason);
    }

    private final boolean expectsMask;
    private final Sink sink;

    private Phase phase = Phase.FIRST;
    private boolean isInMessage;
    private boolean isFinal;
    private int opcode;
    private int lengthCode;
    /** Bytes of LENGTH or KEY, or of the payload, that have not come yet. */
    private long missing;

    private long length;
    private int key;
    private int messageBytes;
    private final byte[] control = new byte[MAX_CONTROL_BYTES];
    private int controlBytes;

    /** @param expectsMask true where the peer is the client: clients mask, servers do not */
    WebSocketReader(boolean expectsMask, Sink sink) {
        this.expectsMask = expectsMask;
        this.sink = sink;
    }

    /**
     * Reads on. Takes {@code input}, also when it throws.
     *
     * @throws ProtocolException if the peer broke a rule; the tunnel pays
     */
    void read(ByteBuf input) {
        ByteBuf bytes = owned(input);
        boolean bytesAreMine = true;
        try {
            int at = bytes.readerIndex();
            int end = bytes.writerIndex();
            while (at < end && phase != Phase.DONE) {
                if (phase != Phase.PAYLOAD) {
                    onHeaderByte(bytes.getByte(at) & 0xff);
                    at++;
                    continue;
                }
                int count = (int) Math.min(missing, end - at);
                if (expectsMask) {
                    Mask.apply(key, bytes, at, count);
                    key = Mask.rotate(key, count);
                }
                missing -= count;
                if (isControl()) {
                    bytes.getBytes(at, control, controlBytes, count);
                    controlBytes += count;
                } else if (at + count < end) {
                    sink.onBinary(NettyPayload.region(bytes.retain(), at, at + count));
                } else {
                    bytesAreMine = false;
                    sink.onBinary(NettyPayload.region(bytes, at, end));
                }
                at += count;
                if (missing == 0) {
                    endFrame();
                }
            }
        } catch (Throwable e) {
            phase = Phase.DONE;
            throw e;
        } finally {
            if (bytesAreMine) {
                bytes.release();
            }
        }
    }

    /** What a socket gives is owned, so this copies only where somebody in front of us in the pipeline held on to it. */
    private ByteBuf owned(ByteBuf input) {
        if (!expectsMask || NettyPayload.isOwned(input)) {
            return input;
        }
        try {
            return input.copy();
        } finally {
            input.release();
        }
    }

    private void onHeaderByte(int value) {
        switch (phase) {
            case FIRST -> onFirst(value);
            case SECOND -> onSecond(value);
            case LENGTH -> {
                length = length << 8 | value;
                missing--;
                if (missing == 0) {
                    onLongLength();
                }
            }
            case KEY -> {
                key = key << 8 | value;
                missing--;
                if (missing == 0) {
                    beginPayload();
                }
            }
            case PAYLOAD, DONE -> throw new IllegalStateException(phase + " is no part of a header");
        }
    }

    private void onFirst(int value) {
        isFinal = (value & FIN) != 0;
        opcode = value & 0xf;
        if ((value & RSV) != 0) {
            throw breach("reserved bits " + (value & RSV) + " in a frame");
        }
        switch (opcode) {
            case CONTINUATION -> require(isInMessage, "a continuation of nothing");
            case BINARY -> require(!isInMessage, "a new message within a message");
            case TEXT -> throw breach("a text message");
            case CLOSE, PING, PONG -> require(isFinal, "a fragmented control frame");
            default -> throw breach("opcode " + opcode + ", which is reserved");
        }
        phase = Phase.SECOND;
    }

    private void onSecond(int value) {
        boolean isMasked = (value & MASKED) != 0;
        require(isMasked == expectsMask, expectsMask ? "a frame without a mask" : "a masked frame");
        lengthCode = value & ~MASKED;
        require(!isControl() || lengthCode <= MAX_CONTROL_BYTES, "a control frame longer than 125 bytes");
        length = 0;
        if (lengthCode == LENGTH_16 || lengthCode == LENGTH_64) {
            missing = lengthCode == LENGTH_16 ? Short.BYTES : Long.BYTES;
            phase = Phase.LENGTH;
        } else {
            length = lengthCode;
            onLength();
        }
    }

    private void onLongLength() {
        long least = lengthCode == LENGTH_16 ? LENGTH_16 : 1 << Short.SIZE;
        // A length with its highest bit set is negative here.
        // Not by require: this is passed with every longer frame, and the text would be made each time.
        if (length >= 0 && length < least) {
            throw breach("length " + length + " written longer than needed");
        }
        onLength();
    }

    private void onLength() {
        if (!isControl()) {
            if (length < 0 || length > MAX_MESSAGE_BYTES - messageBytes) {
                throw ProtocolException.tunnel(
                        ErrorCode.FRAME_TOO_LARGE, "a WebSocket message of more than " + MAX_MESSAGE_BYTES + " bytes");
            }
            messageBytes += (int) length;
        }
        if (expectsMask) {
            key = 0;
            missing = Integer.BYTES;
            phase = Phase.KEY;
        } else {
            beginPayload();
        }
    }

    private void beginPayload() {
        missing = length;
        controlBytes = 0;
        if (length > 0) {
            phase = Phase.PAYLOAD;
            return;
        }
        if (!isControl()) {
            sink.onEmptyFrame();
        }
        endFrame();
    }

    private void endFrame() {
        phase = Phase.FIRST;
        switch (opcode) {
            case CLOSE -> endClose();
            case PING -> sink.onPing(Arrays.copyOf(control, controlBytes));
            case PONG -> sink.onPong();
            default -> {
                isInMessage = !isFinal;
                if (isFinal) {
                    messageBytes = 0;
                    sink.onMessageEnd();
                }
            }
        }
    }

    private void endClose() {
        int code = NO_CODE;
        String reason = "";
        if (controlBytes > 0) {
            require(controlBytes >= Short.BYTES, "a close frame of one byte");
            ByteBuffer data = ByteBuffer.wrap(control, 0, controlBytes);
            code = data.getShort() & 0xffff;
            require(isCloseCode(code), "close code " + code + ", which may not be sent");
            try {
                reason = StandardCharsets.UTF_8.newDecoder().decode(data).toString();
            } catch (CharacterCodingException e) {
                throw breach("a close reason that is not UTF-8");
            }
        }
        phase = Phase.DONE;
        sink.onClose(code, reason);
    }

    private boolean isControl() {
        return opcode >= CLOSE;
    }

    /** Whether RFC 6455 lets an endpoint send it: not 1004 to 1006 and 1015, which are reserved, nor what nobody has registered. */
    private static boolean isCloseCode(int code) {
        return code >= 1_000 && code <= 1_003 || code >= 1_007 && code <= 1_014 || code >= 3_000 && code <= 4_999;
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw breach(otherwise);
        }
    }

    private static ProtocolException breach(String what) {
        return ProtocolException.tunnel(ErrorCode.PROTOCOL_ERROR, "WebSocket: " + what);
    }
}
