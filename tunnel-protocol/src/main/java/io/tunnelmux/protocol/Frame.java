package io.tunnelmux.protocol;

import java.util.Objects;

/**
 * What goes over the wire of {@code tunnel/1}:
 *
 * <pre>
 * 0        1        2                 4                                   8
 * +--------+--------+-----------------+-----------------------------------+----------
 * |  type  | flags  |     length      |            stream id              | payload …
 * +--------+--------+-----------------+-----------------------------------+----------
 *    u8       u8      u16, 0..65535       u32, bit 31 is 0                   `length` bytes
 * </pre>
 *
 * Stream id 0 is the tunnel itself. A frame is always valid in itself; whether it fits the state of its stream is the tunnel's to say.
 * The frame owns its payload, and who takes the frame takes the payload.
 *
 * <p>Values; not to be shared between threads where they hold a {@link Payload}.
 */
public sealed interface Frame {

    /** The sender's half of the stream ends with this frame. On DATA, OPEN, MESSAGE. */
    int FLAG_END = 0x01;
    /** The unit goes on in the stream's next frame of the same type. On OPEN, MESSAGE, and DATA of a message-oriented stream. */
    int FLAG_MORE = 0x02;
    /** The answer to one. On PING, HELLO. */
    int FLAG_REPLY = 0x04;
    /** The WebSocket message is text. On the first DATA of a message. */
    int FLAG_TEXT = 0x10;

    /** The stream it belongs to; 0 is the tunnel. */
    int streamId();

    /** Calls the handler's method for this kind of frame. The handler takes the frame. */
    void deliverTo(FrameHandler handler);

    /**
     * Bytes of a stream. A decoder may hand on one DATA of the wire as several, as its bytes come: all but the last then bear MORE and
     * not END, and only the first may bear TEXT, which changes nothing on either kind of stream.
     */
    record Data(int streamId, Payload payload, int flags) implements Frame {
        public Data {
            requireStream(streamId);
            Objects.requireNonNull(payload);
        }

        public boolean isEnd() {
            return (flags & FLAG_END) != 0;
        }

        public boolean hasMore() {
            return (flags & FLAG_MORE) != 0;
        }

        public boolean isText() {
            return (flags & FLAG_TEXT) != 0;
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onData(this);
        }
    }

    /** Opens a stream with a message, of which this is the whole or a piece. */
    record Open(int streamId, Payload payload, int flags) implements Frame {
        public Open {
            requireStream(streamId);
            Objects.requireNonNull(payload);
        }

        public boolean isEnd() {
            return (flags & FLAG_END) != 0;
        }

        public boolean hasMore() {
            return (flags & FLAG_MORE) != 0;
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onOpen(this);
        }
    }

    /** A message on a stream, or on the tunnel if {@code streamId} is 0; the whole or a piece. */
    record Message(int streamId, Payload payload, int flags) implements Frame {
        public Message {
            requireStreamOrTunnel(streamId);
            Objects.requireNonNull(payload);
        }

        public boolean isEnd() {
            return (flags & FLAG_END) != 0;
        }

        public boolean hasMore() {
            return (flags & FLAG_MORE) != 0;
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onMessage(this);
        }
    }

    /** Grants {@code increment} more bytes of credit on a stream, or on the tunnel if {@code streamId} is 0. */
    record Window(int streamId, int increment) implements Frame {
        public Window {
            requireStreamOrTunnel(streamId);
            if (increment < 1) {
                throw new IllegalArgumentException("increment: " + increment);
            }
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onWindow(this);
        }
    }

    /**
     * The sender is done with the stream: ordered behind its data, nothing of it comes after.
     *
     * @param code an unsigned number, see {@link ErrorCode}
     * @param reason for people, may be empty
     */
    record Close(int streamId, int code, String reason) implements Frame {
        public Close {
            requireStream(streamId);
            Objects.requireNonNull(reason);
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onClose(this);
        }
    }

    /**
     * Aborts the stream: it overtakes the stream's data, which both sides drop.
     *
     * @param code an unsigned number, see {@link ErrorCode}
     * @param reason for people, may be empty
     */
    record Cancel(int streamId, int code, String reason) implements Frame {
        public Cancel {
            requireStream(streamId);
            Objects.requireNonNull(reason);
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onCancel(this);
        }
    }

    /** Asks for a sign of life, or is one; the answer bears the same {@code opaque} bytes. */
    record Ping(long opaque, boolean isReply) implements Frame {
        @Override
        public int streamId() {
            return 0;
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onPing(this);
        }
    }

    /**
     * The sender takes no more streams.
     *
     * @param lastStreamId highest id of the receiver's streams that the sender took
     * @param code an unsigned number, see {@link ErrorCode}
     * @param reconnectAfterMillis how long to stay away, 0 to 2^32-1; 0 is at will
     * @param reason for people, may be empty
     */
    record GoAway(int lastStreamId, int code, long reconnectAfterMillis, String reason) implements Frame {
        public GoAway {
            requireStreamOrTunnel(lastStreamId);
            if (reconnectAfterMillis < 0 || reconnectAfterMillis > 0xffff_ffffL) {
                throw new IllegalArgumentException("reconnectAfterMillis: " + reconnectAfterMillis);
            }
            Objects.requireNonNull(reason);
        }

        @Override
        public int streamId() {
            return 0;
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onGoAway(this);
        }
    }

    /** The greeting: a CBOR map, see {@link io.tunnelmux.protocol.Hello}. */
    record Hello(Payload payload, boolean isReply) implements Frame {
        public Hello {
            Objects.requireNonNull(payload);
        }

        @Override
        public int streamId() {
            return 0;
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onHello(this);
        }
    }

    /**
     * How many sequenced frames the sender has received in this session.
     *
     * @param received an unsigned 64-bit number
     */
    record Ack(long received) implements Frame {
        @Override
        public int streamId() {
            return 0;
        }

        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onAck(this);
        }
    }

    /** A frame of type 0x40 to 0xff, which this side does not know. Only received, never sent. */
    record Extension(int type, int streamId, int length) implements Frame {
        @Override
        public void deliverTo(FrameHandler handler) {
            handler.onExtension(this);
        }
    }

    private static void requireStream(int streamId) {
        if (streamId < 1) {
            throw new IllegalArgumentException("streamId: " + streamId);
        }
    }

    private static void requireStreamOrTunnel(int streamId) {
        if (streamId < 0) {
            throw new IllegalArgumentException("streamId: " + streamId);
        }
    }
}
