package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.nio.ByteBuffer;

/**
 * Writes frames in two parts, so that a long payload is never copied to stand behind its header: a transport puts {@link #header} as one
 * word in front of (or beside) {@link #payload}. Asking for either costs nothing but the few bytes of a control frame.
 *
 * <p>Without state; any thread.
 */
public final class FrameEncoder {

    /** Length of every frame's header. */
    public static final int HEADER_BYTES = 8;

    private FrameEncoder() {}

    /**
     * The header as one big-endian word. Flags that mean nothing on that frame are left out.
     *
     * @throws IllegalArgumentException if no header can tell it or no peer would take it: a payload over 65,535 bytes, a HELLO over
     *     16,384, an empty OPEN or MESSAGE with MORE, or an {@link Frame.Extension}, which is only received
     */
    public static long header(Frame frame) {
        // DATA first, then by how often they come: this is asked once per frame.
        if (frame instanceof Frame.Data data) {
            return word(FrameType.DATA, data.flags(), data.payload().length(), data.streamId());
        }
        if (frame instanceof Frame.Window window) {
            return word(FrameType.WINDOW, 0, FrameType.WINDOW_BYTES, window.streamId());
        }
        if (frame instanceof Frame.Message message) {
            return piece(FrameType.MESSAGE, message.flags(), message.payload().length(), message.streamId());
        }
        if (frame instanceof Frame.Open open) {
            return piece(FrameType.OPEN, open.flags(), open.payload().length(), open.streamId());
        }
        if (frame instanceof Frame.Close close) {
            int length = FrameType.END_BYTES + Reasons.encodedBytes(close.reason());
            return word(FrameType.CLOSE, 0, length, close.streamId());
        }
        if (frame instanceof Frame.Cancel cancel) {
            int length = FrameType.END_BYTES + Reasons.encodedBytes(cancel.reason());
            return word(FrameType.CANCEL, 0, length, cancel.streamId());
        }
        if (frame instanceof Frame.Ping ping) {
            return word(FrameType.PING, reply(ping.isReply()), FrameType.WORD_BYTES, 0);
        }
        if (frame instanceof Frame.Ack) {
            return word(FrameType.ACK, 0, FrameType.WORD_BYTES, 0);
        }
        if (frame instanceof Frame.GoAway goAway) {
            return word(FrameType.GOAWAY, 0, FrameType.GOAWAY_BYTES + Reasons.encodedBytes(goAway.reason()), 0);
        }
        if (frame instanceof Frame.Hello hello) {
            int length = hello.payload().length();
            if (length > FrameType.MAX_HELLO_BYTES) {
                throw new IllegalArgumentException(
                        "HELLO of " + length + " bytes, at most " + FrameType.MAX_HELLO_BYTES);
            }
            return word(FrameType.HELLO, reply(hello.isReply()), length, 0);
        }
        throw onlyReceived(frame);
    }

    /**
     * The bytes behind the header. Of DATA, OPEN, MESSAGE and HELLO it is the frame's own payload, and who calls this takes the frame and
     * with it the payload; of the others it is made here. A reason longer than 1,024 bytes of UTF-8 is cut between two characters.
     *
     * @throws IllegalArgumentException for an {@link Frame.Extension}, which is only received
     */
    public static Payload payload(Frame frame) {
        if (frame instanceof Frame.Data data) {
            return data.payload();
        }
        if (frame instanceof Frame.Window window) {
            return Payload.of(
                    allocate(FrameType.WINDOW_BYTES).putInt(window.increment()).array());
        }
        if (frame instanceof Frame.Message message) {
            return message.payload();
        }
        if (frame instanceof Frame.Open open) {
            return open.payload();
        }
        if (frame instanceof Frame.Close close) {
            return end(close.code(), close.reason());
        }
        if (frame instanceof Frame.Cancel cancel) {
            return end(cancel.code(), cancel.reason());
        }
        if (frame instanceof Frame.Ping ping) {
            return Payload.of(
                    allocate(FrameType.WORD_BYTES).putLong(ping.opaque()).array());
        }
        if (frame instanceof Frame.Ack ack) {
            return Payload.of(
                    allocate(FrameType.WORD_BYTES).putLong(ack.received()).array());
        }
        if (frame instanceof Frame.GoAway goAway) {
            byte[] reason = Reasons.encode(goAway.reason());
            return Payload.of(allocate(FrameType.GOAWAY_BYTES + reason.length)
                    .putInt(goAway.lastStreamId())
                    .putInt(goAway.code())
                    .putInt((int) goAway.reconnectAfterMillis())
                    .put(reason)
                    .array());
        }
        if (frame instanceof Frame.Hello hello) {
            return hello.payload();
        }
        throw onlyReceived(frame);
    }

    private static long piece(int type, int flags, int length, int streamId) {
        if (length == 0 && (flags & Frame.FLAG_MORE) != 0) {
            throw new IllegalArgumentException("empty " + FrameType.name(type) + " with MORE");
        }
        return word(type, flags, length, streamId);
    }

    private static long word(int type, int flags, int length, int streamId) {
        if (length > FrameType.MAX_PAYLOAD_BYTES) {
            throw new IllegalArgumentException(
                    FrameType.name(type) + " of " + length + " bytes, at most " + FrameType.MAX_PAYLOAD_BYTES);
        }
        return (long) type << 56
                | (long) (flags & FrameType.knownFlags(type, streamId)) << 48
                | (long) length << 32
                | streamId;
    }

    private static int reply(boolean isReply) {
        return isReply ? Frame.FLAG_REPLY : 0;
    }

    private static Payload end(int code, String reason) {
        byte[] bytes = Reasons.encode(reason);
        return Payload.of(allocate(FrameType.END_BYTES + bytes.length)
                .putInt(code)
                .put(bytes)
                .array());
    }

    private static ByteBuffer allocate(int bytes) {
        return ByteBuffer.allocate(bytes);
    }

    private static IllegalArgumentException onlyReceived(Frame frame) {
        return new IllegalArgumentException("only received, never sent: " + frame);
    }
}
