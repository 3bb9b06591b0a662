package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameEncoder;
import io.tunnelmux.protocol.codec.HelloCodec;
import java.net.SocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The acceptor's side of a handshake where there is no HTTP: waits for the first frame, which must be a HELLO, and asks the admission about the token in it.
 * So there is no tunnel, and no more than one frame's memory, for who has none. Who is let in is judged once more where the whole HELLO is: by the tunnel, for
 * which its bytes are kept. One connection's; one thread.
 */
final class Greeting {
    private static final int HELLO = 0x08;
    private static final long LONGEST_WAIT_MILLIS = 0xffff_ffffL;

    private final Admission admission;
    private @Nullable ByteBuf gathered;

    Greeting(Admission admission) {
        this.admission = admission;
    }

    /**
     * What follows from a whole HELLO, or from what is none.
     *
     * @param refusal what to send back before the end, or null to let it in
     * @param status the same in HTTP's words, in which refusals are counted
     */
    record Answer(Frame.@Nullable GoAway refusal, HttpResponseStatus status) {
        private static final Answer ACCEPTED = new Answer(null, HttpResponseStatus.OK);

        static Answer refused(HttpResponseStatus status, ErrorCode code, Duration stayAway, String why) {
            long millis = Math.min(stayAway.toMillis(), LONGEST_WAIT_MILLIS);
            return new Answer(new Frame.GoAway(0, code.value(), millis, why), status);
        }

        static Answer refused(HttpResponseStatus status, ErrorCode code, String why) {
            return refused(status, code, Duration.ZERO, why);
        }
    }

    /**
     * Reads on; {@code taken} is taken. Not to be called again after an answer.
     *
     * @return null as long as the HELLO is not whole
     */
    @Nullable
    Answer read(ByteBuf taken, ByteBufAllocator allocator, SocketAddress from) {
        ByteBuf bytes = gathered == null || !gathered.isReadable()
                ? replaced(taken)
                : ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(allocator, gathered, taken);
        gathered = bytes;
        int at = bytes.readerIndex();
        if (bytes.isReadable() && bytes.getByte(at) != HELLO) {
            return breach(ErrorCode.PROTOCOL_ERROR, "the first frame is no HELLO");
        }
        if (bytes.readableBytes() < FrameEncoder.HEADER_BYTES) {
            return null;
        }
        int frameBytes = OutboundBatch.frameBytes(bytes.getLong(at));
        int length = frameBytes - FrameEncoder.HEADER_BYTES;
        if (length > Hello.MAX_BYTES) {
            return breach(
                    ErrorCode.FRAME_TOO_LARGE,
                    "HELLO of " + length + " bytes, at most " + Hello.MAX_BYTES + " are allowed");
        }
        if (bytes.readableBytes() < frameBytes) {
            return null;
        }
        byte[] payload = new byte[length];
        bytes.getBytes(at + FrameEncoder.HEADER_BYTES, payload);
        return answer(payload, from);
    }

    private ByteBuf replaced(ByteBuf taken) {
        release();
        return taken;
    }

    private Answer answer(byte[] payload, SocketAddress from) {
        String token;
        try {
            token = HelloCodec.decode(Payload.of(payload)).token();
        } catch (ProtocolException e) {
            return breach(e.code(), String.valueOf(e.getMessage()));
        }
        HandshakeRefusal refusal = admission.admit(token, from);
        if (refusal == null) {
            return Answer.ACCEPTED;
        }
        HttpResponseStatus status = HttpResponseStatus.valueOf(refusal.status());
        Duration retryAfter = refusal.retryAfter();
        return Answer.refused(
                status, codeOf(status), retryAfter == null ? Duration.ZERO : retryAfter, status.reasonPhrase());
    }

    private static Answer breach(ErrorCode code, String why) {
        return Answer.refused(HttpResponseStatus.BAD_REQUEST, code, why);
    }

    private static ErrorCode codeOf(HttpResponseStatus status) {
        return switch (status.code()) {
            case 401 -> ErrorCode.UNAUTHORIZED;
            case 403 -> ErrorCode.FORBIDDEN;
            default -> ErrorCode.OVERLOADED;
        };
    }

    /** All that was read, for the tunnel. */
    ByteBuf takeBytes() {
        ByteBuf bytes = gathered;
        gathered = null;
        return bytes == null ? Unpooled.EMPTY_BUFFER : bytes;
    }

    /** Forgets what was read. */
    void release() {
        takeBytes().release();
    }

    /** A GOAWAY as bytes. */
    static ByteBuf bytesOf(Frame.GoAway goAway, ByteBufAllocator allocator) {
        OutboundBatch batch = new OutboundBatch(allocator, 0, false);
        batch.add(FrameEncoder.header(goAway), goAway);
        return batch.segment(0);
    }
}
