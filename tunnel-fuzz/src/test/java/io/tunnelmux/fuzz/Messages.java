package io.tunnelmux.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.EnvelopeCodec;
import io.tunnelmux.protocol.codec.MessageCodec;
import org.jspecify.annotations.Nullable;

/** What must hold of whatever claims to be a message. */
final class Messages {

    private static final int STREAM_ID = 5;
    /** A map of empty keys and short values is the worst: so many objects for so few bytes. */
    private static final long BYTES_PER_BYTE = 256;

    private static final long FIXED_BYTES = 256 * 1_024;

    private Messages() {}

    /** It is a breach, or a message that is the same after it was written and read again. */
    static void decode(MessageFormat format, byte[] input) {
        MessageCodec codec = MessageCodec.of(format);
        Message message = decoded(codec, input);
        Bounds.requireFrugal(input.length, BYTES_PER_BYTE, FIXED_BYTES, () -> decoded(codec, input));
        if (message != null) {
            Message again = codec.decode(STREAM_ID, codec.encode(message));
            assertThat(again.toString()).isEqualTo(message.toString());
        }
    }

    private static @Nullable Message decoded(MessageCodec codec, byte[] input) {
        try {
            return codec.decode(STREAM_ID, Payload.of(input));
        } catch (ProtocolException e) {
            assertThat(e.code()).isEqualTo(ErrorCode.PROTOCOL_ERROR);
            assertThat(e.streamId()).isEqualTo(STREAM_ID);
            return null;
        }
    }

    /** The same of an envelope, whose breaches are the tunnel's. */
    static void decodeEnvelope(MessageFormat format, byte[] input) {
        EnvelopeCodec codec = EnvelopeCodec.of(format);
        Message message = decoded(codec, input);
        Bounds.requireFrugal(input.length, BYTES_PER_BYTE, FIXED_BYTES, () -> decoded(codec, input));
        if (message != null) {
            Message again = codec.decode(codec.encode(message));
            assertThat(again.type()).isEqualTo(message.type());
        }
    }

    private static @Nullable Message decoded(EnvelopeCodec codec, byte[] input) {
        try {
            return codec.decode(Payload.of(input));
        } catch (ProtocolException e) {
            assertThat(e.code()).isNotEqualTo(ErrorCode.INTERNAL_ERROR);
            return null;
        }
    }
}
