package io.tunnelmux.protocol.codec;

import static io.tunnelmux.protocol.ErrorCode.FLOW_CONTROL_ERROR;
import static io.tunnelmux.protocol.ErrorCode.FRAME_TOO_LARGE;
import static io.tunnelmux.protocol.ErrorCode.PROTOCOL_ERROR;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Reads frames out of bytes that come in pieces of any size, and judges each frame for itself: what a frame does to its stream, and
 * whether that stream is there, is the handler's to say.
 *
 * <pre>
 *            ┌────────── header whole ──────────┬─────────────┬─────────────┐
 *         HEADER                              DATA          WORD          BYTES          SKIP
 *         8 bytes                       handed on at    WINDOW, PING,  OPEN, MESSAGE,  extension
 *            ▲                           once, no copy      ACK        HELLO, ends
 *            └───────────────────── payload whole ───────────┴─────────────┴─────────────┘
 * </pre>
 *
 * <p><b>DATA is cut through.</b> What has come of its payload is handed on before the rest is there, as a slice of the input; what
 * reaches the end of the input is the input itself. {@link Frame.Data} says how such pieces are marked. Every other payload is copied
 * into an array, which never grows beyond twice what has come of it (or 1 KiB).
 *
 * <p><b>Flags</b> that mean nothing on their frame are masked away: END of a MESSAGE on stream 0, for one. <b>Reasons</b> are UTF-8; what
 * is malformed becomes U+FFFD, and what is longer than 1,024 bytes after that is cut between two characters.
 *
 * <p><b>Breaches.</b> The header is judged as soon as it is whole, in this order: bit 31 of the id, a reserved type, the wrong side of
 * stream 0, the length. A breach that costs the tunnel is thrown and ends the decoder; one that costs a stream goes to
 * {@link FrameHandler#onStreamBreach} and decoding goes on.
 *
 * <p>One thread at a time, and not from within the handler.
 */
public final class FrameDecoder {

    /** Bounds of the limit: what the setting {@code max_frame} may be. */
    private static final int LEAST_MAX_FRAME_BYTES = 1_024;

    private static final int FIRST_ALLOCATION_BYTES = 1_024;
    private static final byte[] NO_BYTES = new byte[0];

    private enum Phase {
        HEADER,
        DATA,
        WORD,
        BYTES,
        SKIP
    }

    private final int maxFrameBytes;

    private Phase phase = Phase.HEADER;
    /** Set while {@link #decode} runs, and for good when it throws. */
    private boolean unusable;

    private int type;
    private int flags;
    private int streamId;
    /** Payload bytes of the frame that have not come yet. */
    private int missing;
    /** The header, or the payload of a WORD frame, as far as it has come. */
    private long word;
    /** How many bytes of a header are in {@link #word}. */
    private int headerBytes;

    private byte[] bytes = NO_BYTES;
    private int byteCount;

    /**
     * @param maxFrameBytes longest payload to accept; a HELLO may have 16,384 bytes whatever this says
     * @throws IllegalArgumentException unless {@code 1,024 <= maxFrameBytes <= 65,535}
     */
    public FrameDecoder(int maxFrameBytes) {
        if (maxFrameBytes < LEAST_MAX_FRAME_BYTES || maxFrameBytes > FrameType.MAX_PAYLOAD_BYTES) {
            throw new IllegalArgumentException("maxFrameBytes: " + maxFrameBytes);
        }
        this.maxFrameBytes = maxFrameBytes;
    }

    /**
     * Whether the bytes so far are whole frames: a WebSocket message that ends where this is false is a breach. Not while
     * {@link #decode} runs; false once it has thrown.
     */
    public boolean isBetweenFrames() {
        return !unusable && phase == Phase.HEADER && headerBytes == 0;
    }

    /** How many bytes of the payload of the frame that has begun have not come yet; 0 between frames, and while its header is not whole. */
    public int missingBytes() {
        return missing;
    }

    /**
     * Reads on. Takes {@code input}, also when it throws. Frames are delivered in the order of the wire before this returns. After a
     * throw, whoever threw, this decoder is done for.
     *
     * @throws ProtocolException if the peer did something that costs the tunnel; frames before it have been delivered
     * @throws IllegalStateException if an earlier call has thrown, or this is called from within the handler
     */
    public void decode(Payload input, FrameHandler handler) {
        boolean inputIsMine = true;
        try {
            if (unusable) {
                throw new IllegalStateException("decoding has failed before, or is going on");
            }
            unusable = true;
            int at = 0;
            int end = input.length();
            while (at < end) {
                switch (phase) {
                    case HEADER -> at = readHeader(input, at, end, handler);
                    case DATA -> {
                        int count = Math.min(missing, end - at);
                        boolean isRest = at + count == end;
                        // From here on the piece holds the input's place, even if handing it on throws.
                        inputIsMine = !isRest;
                        onDataPiece(isRest ? input.dropFirst(at) : input.retainedSlice(at, count), count, handler);
                        at += count;
                    }
                    case WORD -> at = readWord(input, at, end, handler);
                    case BYTES -> at = readBytes(input, at, end, handler);
                    case SKIP -> {
                        int count = Math.min(missing, end - at);
                        missing -= count;
                        at += count;
                        if (missing == 0) {
                            phase = Phase.HEADER;
                        }
                    }
                }
            }
            unusable = false;
        } finally {
            if (inputIsMine) {
                input.release();
            }
        }
    }

    private int readHeader(Payload input, int at, int end, FrameHandler handler) {
        if (headerBytes == 0 && end - at >= FrameEncoder.HEADER_BYTES) {
            onHeader(input.longAt(at), handler);
            return at + FrameEncoder.HEADER_BYTES;
        }
        word = word << 8 | input.byteAt(at) & 0xff;
        headerBytes++;
        if (headerBytes == FrameEncoder.HEADER_BYTES) {
            headerBytes = 0;
            onHeader(word, handler);
        }
        return at + 1;
    }

    private void onHeader(long header, FrameHandler handler) {
        type = (int) (header >>> 56);
        missing = (int) (header >>> 32) & 0xffff;
        streamId = (int) header;
        checkHeader();
        flags = (int) (header >>> 48) & FrameType.knownFlags(type, streamId);
        switch (type) {
            case FrameType.DATA -> beginData(handler);
            case FrameType.WINDOW, FrameType.PING, FrameType.ACK -> {
                word = 0;
                phase = Phase.WORD;
            }
            case FrameType.OPEN, FrameType.MESSAGE, FrameType.HELLO -> beginBytes(handler);
            case FrameType.CLOSE, FrameType.CANCEL, FrameType.GOAWAY -> beginBytes(handler);
            default -> beginExtension(handler);
        }
    }

    private void checkHeader() {
        if (streamId < 0) {
            throw breach("stream id " + Integer.toUnsignedString(streamId) + " has bit 31 set");
        }
        if (FrameType.isReserved(type)) {
            throw breach(FrameType.name(type) + ", which is reserved");
        }
        if (!FrameType.fits(type, streamId)) {
            throw breach(
                    FrameType.name(type) + (streamId == 0 ? " on stream 0" : " on stream " + streamId + ", not on 0"));
        }
        int limit = type == FrameType.HELLO ? FrameType.MAX_HELLO_BYTES : maxFrameBytes;
        if (missing > limit) {
            throw ProtocolException.tunnel(
                    FRAME_TOO_LARGE,
                    FrameType.name(type) + " of " + missing + " bytes, at most " + limit + " are allowed");
        }
        switch (type) {
            case FrameType.WINDOW -> checkLength(missing == FrameType.WINDOW_BYTES);
            case FrameType.PING, FrameType.ACK -> checkLength(missing == FrameType.WORD_BYTES);
            case FrameType.CLOSE, FrameType.CANCEL -> checkLength(missing >= FrameType.END_BYTES);
            case FrameType.GOAWAY -> checkLength(missing >= FrameType.GOAWAY_BYTES);
            default -> {
                // Any length will do.
            }
        }
    }

    private void checkLength(boolean isRight) {
        if (!isRight) {
            throw breach(FrameType.name(type) + " with a payload of " + missing + " bytes");
        }
    }

    private void beginData(FrameHandler handler) {
        if (missing == 0) {
            handler.onData(new Frame.Data(streamId, Payload.EMPTY, flags));
        } else {
            phase = Phase.DATA;
        }
    }

    /** Takes {@code piece}, which is the next {@code count} bytes of the frame's payload. */
    private void onDataPiece(Payload piece, int count, FrameHandler handler) {
        missing -= count;
        int pieceFlags = flags;
        if (missing == 0) {
            phase = Phase.HEADER;
        } else {
            pieceFlags = flags & ~Frame.FLAG_END | Frame.FLAG_MORE;
            flags &= ~Frame.FLAG_TEXT;
        }
        handler.onData(new Frame.Data(streamId, piece, pieceFlags));
    }

    private int readWord(Payload input, int at, int end, FrameHandler handler) {
        int next = at;
        while (missing > 0 && next < end) {
            word = word << 8 | input.byteAt(next) & 0xff;
            missing--;
            next++;
        }
        if (missing == 0) {
            phase = Phase.HEADER;
            onWord(handler);
        }
        return next;
    }

    private void onWord(FrameHandler handler) {
        switch (type) {
            case FrameType.WINDOW -> onWindow((int) word, handler);
            case FrameType.PING -> handler.onPing(new Frame.Ping(word, flags != 0));
            case FrameType.ACK -> handler.onAck(new Frame.Ack(word));
            default -> throw new AssertionError(type);
        }
    }

    private void onWindow(int increment, FrameHandler handler) {
        if (increment > 0) {
            handler.onWindow(new Frame.Window(streamId, increment));
            return;
        }
        String message = "WINDOW of " + Integer.toUnsignedString(increment) + " on stream " + streamId;
        var code = increment == 0 ? PROTOCOL_ERROR : FLOW_CONTROL_ERROR;
        if (streamId == 0) {
            throw ProtocolException.tunnel(code, message);
        }
        handler.onStreamBreach(ProtocolException.stream(streamId, code, message));
    }

    private void beginBytes(FrameHandler handler) {
        if (missing > 0) {
            phase = Phase.BYTES;
            return;
        }
        if ((flags & Frame.FLAG_MORE) != 0) {
            throw breach("empty " + FrameType.name(type) + " with MORE");
        }
        onBytes(NO_BYTES, handler);
    }

    private int readBytes(Payload input, int at, int end, FrameHandler handler) {
        int count = Math.min(missing, end - at);
        reserve(count);
        input.copyTo(at, bytes, byteCount, count);
        byteCount += count;
        missing -= count;
        if (missing == 0) {
            // The last reserve() made it exactly as long as the payload.
            byte[] whole = bytes;
            bytes = NO_BYTES;
            byteCount = 0;
            phase = Phase.HEADER;
            onBytes(whole, handler);
        }
        return at + count;
    }

    /** Makes room for {@code count} more bytes, by doubling, but never for more than the payload has. */
    private void reserve(int count) {
        int needed = byteCount + count;
        if (needed > bytes.length) {
            int roomy = Math.max(needed, Math.max(2 * bytes.length, FIRST_ALLOCATION_BYTES));
            bytes = Arrays.copyOf(bytes, Math.min(roomy, byteCount + missing));
        }
    }

    private void onBytes(byte[] whole, FrameHandler handler) {
        switch (type) {
            case FrameType.OPEN -> handler.onOpen(new Frame.Open(streamId, Payload.of(whole), flags));
            case FrameType.MESSAGE -> handler.onMessage(new Frame.Message(streamId, Payload.of(whole), flags));
            case FrameType.HELLO -> handler.onHello(new Frame.Hello(Payload.of(whole), flags != 0));
            case FrameType.CLOSE -> handler.onClose(new Frame.Close(streamId, code(whole), endReason(whole)));
            case FrameType.CANCEL -> handler.onCancel(new Frame.Cancel(streamId, code(whole), endReason(whole)));
            case FrameType.GOAWAY -> onGoAway(whole, handler);
            default -> throw new AssertionError(type);
        }
    }

    private void onGoAway(byte[] whole, FrameHandler handler) {
        ByteBuffer payload = ByteBuffer.wrap(whole);
        int lastStreamId = payload.getInt();
        if (lastStreamId < 0) {
            throw breach(
                    "GOAWAY with last stream id " + Integer.toUnsignedString(lastStreamId) + ", which has bit 31 set");
        }
        int code = payload.getInt();
        long reconnectAfterMillis = Integer.toUnsignedLong(payload.getInt());
        String reason = Reasons.decode(whole, FrameType.GOAWAY_BYTES);
        handler.onGoAway(new Frame.GoAway(lastStreamId, code, reconnectAfterMillis, reason));
    }

    private static int code(byte[] payload) {
        return ByteBuffer.wrap(payload).getInt();
    }

    private static String endReason(byte[] payload) {
        return Reasons.decode(payload, FrameType.END_BYTES);
    }

    private void beginExtension(FrameHandler handler) {
        if (missing > 0) {
            phase = Phase.SKIP;
        }
        handler.onExtension(new Frame.Extension(type, streamId, missing));
    }

    private static ProtocolException breach(String message) {
        return ProtocolException.tunnel(PROTOCOL_ERROR, message);
    }
}
