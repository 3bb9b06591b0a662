package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Reads WebSocket frames (RFC 6455) out of bytes that come in pieces of any size. What has come of a message is handed on at once,
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
 * A breach is thrown on the first byte that shows it, with nothing allocated for what the length of a message announces. After a breach, and after the
 * peer's close frame, everything is dropped. What text and compressed messages hold is not looked at. One thread.
 */
public final class WebSocketReader {
    public static final int CONTINUATION = 0x0;
    public static final int TEXT = 0x1;
    public static final int BINARY = 0x2;
    public static final int CLOSE = 0x8;
    public static final int PING = 0x9;
    public static final int PONG = 0xa;

    public static final int FIN = 0x80;
    public static final int RSV = 0x70;
    public static final int RSV1 = 0x40;
    public static final int MASKED = 0x80;
    public static final int MAX_CONTROL_BYTES = 125;
    public static final int LENGTH_16 = 126;
    public static final int LENGTH_64 = 127;

    /** What DEFLATE adds to what cannot be compressed, beside 5 bytes for each 16 KiB. */
    private static final long SLACK_BYTES = 64;

    private static final byte[] NO_BYTES = new byte[0];

    private enum Phase {
        FIRST,
        SECOND,
        LENGTH,
        KEY,
        PAYLOAD,
        DONE
    }

    /** Told of what is read. May throw, which ends the reader. */
    public interface Sink {
        /**
         * A message begins.
         *
         * @param isCompressed whether its first frame bears RSV1; only where the reader was told to allow it
         */
        void onMessage(boolean isText, boolean isCompressed);

        /**
         * The next bytes of the message, at least one: those from {@code start} to {@code end}. More of the same memory belongs to others.
         *
         * @param taken with one reference
         * @param isLast whether the message is complete with them
         */
        void onBytes(ByteBuf taken, int start, int end, boolean isLast);

        /**
         * A frame of the message without a byte in it.
         *
         * @param isLast whether the message is complete with it
         */
        void onEmptyFrame(boolean isLast);

        /** A ping, to be answered with the same data. */
        void onPing(byte[] data);

        /** A pong, asked for or not. */
        void onPong(byte[] data);

        /**
         * The peer sends nothing more. Comes at most once, last.
         *
         * @param code {@link CloseCodes#NO_CODE} if the frame says nothing
         */
        void onClose(int code, String reason);
    }

    private final boolean expectsMask;
    private final boolean allowsCompressed;
    private final int maxMessageBytes;
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
    private long messageBytes;
    /** For the message that is being read. */
    private long limitBytes;

    /** What has come of a control frame that has bytes. */
    private byte[] control = NO_BYTES;

    /** What was received while the sink had asked for a pause; null as long as there was none. */
    private @Nullable ArrayDeque<ByteBuf> unread;

    private boolean isPaused;
    private boolean isClosed;

    /**
     * @param expectsMask true where the peer is the client: clients mask, servers do not
     * @param allowsCompressed whether RSV1 has a meaning: permessage-deflate was agreed on
     * @param maxMessageBytes longest message that is accepted, over all its frames; a compressed one may be as much longer as compressing can make it
     */
    public WebSocketReader(boolean expectsMask, boolean allowsCompressed, int maxMessageBytes, Sink sink) {
        this.expectsMask = expectsMask;
        this.allowsCompressed = allowsCompressed;
        this.maxMessageBytes = maxMessageBytes;
        this.sink = sink;
    }

    /**
     * Reads on; or keeps the input until {@link #resume}, if the sink has asked for a pause. Takes {@code input}, also when it throws.
     *
     * @throws WebSocketException if the peer broke a rule
     */
    public void read(ByteBuf input) {
        if (isPaused) {
            unread().addLast(input);
            return;
        }
        ByteBuf bytes = owned(input);
        boolean bytesAreMine = true;
        try {
            int at = bytes.readerIndex();
            int end = bytes.writerIndex();
            while (at < end && phase != Phase.DONE && !isClosed) {
                if (isPaused) {
                    bytesAreMine = false;
                    unread().addFirst(bytes.readerIndex(at));
                    return;
                }
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
                int start = at;
                at += count;
                if (isControl()) {
                    bytes.getBytes(start, control, control.length - (int) missing - count, count);
                } else if (at < end) {
                    sink.onBytes(bytes.retain(), start, at, isLastOfMessage());
                } else {
                    bytesAreMine = false;
                    sink.onBytes(bytes, start, end, isLastOfMessage());
                }
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

    /** For the sink: nothing more is read after this call of it until {@link #resume}. What was received waits here, so let no more be received. */
    public void pause() {
        isPaused = true;
    }

    /** Whether the sink has asked for a pause. */
    public boolean isPaused() {
        return isPaused;
    }

    /**
     * Reads on with what has waited, until it is all read or the sink asks for another pause.
     *
     * @throws WebSocketException as {@link #read}
     */
    public void resume() {
        isPaused = false;
        for (ByteBuf next = poll(); next != null; next = poll()) {
            read(next);
        }
    }

    private @Nullable ByteBuf poll() {
        return unread == null || isPaused ? null : unread.poll();
    }

    private ArrayDeque<ByteBuf> unread() {
        if (unread == null) {
            unread = new ArrayDeque<>();
        }
        return unread;
    }

    /** Drops what waits, and from now on all that comes. For the sink too. */
    public void close() {
        isClosed = true;
        isPaused = false;
        for (ByteBuf next = poll(); next != null; next = poll()) {
            next.release();
        }
    }

    /** What a socket gives is owned, so this copies only where somebody in front of us in the pipeline held on to it. */
    private ByteBuf owned(ByteBuf input) {
        if (!expectsMask || Ownership.isOwned(input)) {
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
        int reserved = value & RSV;
        boolean isBegin = opcode == TEXT || opcode == BINARY;
        if (reserved != 0 && !(reserved == RSV1 && isBegin && allowsCompressed)) {
            throw breach("reserved bits " + reserved + " in a frame");
        }
        switch (opcode) {
            case CONTINUATION -> require(isInMessage, "a continuation of nothing");
            case TEXT, BINARY -> {
                require(!isInMessage, "a new message within a message");
                limitBytes = maxMessageBytes;
                limitBytes += reserved == 0 ? 0 : (maxMessageBytes >> 10) + SLACK_BYTES;
                sink.onMessage(opcode == TEXT, reserved != 0);
            }
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
            if (length < 0 || length > limitBytes - messageBytes) {
                throw new WebSocketException(
                        CloseCodes.TOO_BIG, "a WebSocket message of more than " + maxMessageBytes + " bytes");
            }
            messageBytes += length;
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
        if (length > 0) {
            phase = Phase.PAYLOAD;
            control = isControl() ? new byte[lengthCode] : NO_BYTES;
            return;
        }
        if (!isControl()) {
            sink.onEmptyFrame(isFinal);
        }
        endFrame();
    }

    private void endFrame() {
        phase = Phase.FIRST;
        byte[] data = control;
        control = NO_BYTES;
        switch (opcode) {
            case CLOSE -> endClose(data);
            case PING -> sink.onPing(data);
            case PONG -> sink.onPong(data);
            default -> {
                isInMessage = !isFinal;
                messageBytes = isFinal ? 0 : messageBytes;
            }
        }
    }

    private void endClose(byte[] said) {
        int code = CloseCodes.NO_CODE;
        String reason = "";
        if (said.length > 0) {
            require(said.length >= Short.BYTES, "a close frame of one byte");
            ByteBuffer data = ByteBuffer.wrap(said);
            code = data.getShort() & 0xffff;
            require(CloseCodes.isSendable(code), "close code " + code + ", which may not be sent");
            try {
                reason = StandardCharsets.UTF_8.newDecoder().decode(data).toString();
            } catch (CharacterCodingException e) {
                throw new WebSocketException(CloseCodes.INVALID_DATA, "a close reason that is not UTF-8");
            }
        }
        phase = Phase.DONE;
        sink.onClose(code, reason);
    }

    private boolean isControl() {
        return opcode >= CLOSE;
    }

    /** Of the bytes that are being handed on. */
    private boolean isLastOfMessage() {
        return isFinal && missing == 0;
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw breach(otherwise);
        }
    }

    private static WebSocketException breach(String what) {
        return new WebSocketException(CloseCodes.PROTOCOL_ERROR, "WebSocket: " + what);
    }
}
