package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.testing.Breach;
import io.tunnelmux.protocol.testing.MessageVector;
import io.tunnelmux.protocol.testing.MessageVectors;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every vector of {@code vectors/messages}, {@code vectors/hello} and {@code vectors/envelope}. */
class MessageVectorsTest {

    private final PayloadTracker tracker = new PayloadTracker();

    static List<MessageVector> validMessages() {
        return MessageVectors.of("messages/valid");
    }

    static List<MessageVector> invalidMessages() {
        return MessageVectors.of("messages/invalid");
    }

    static List<MessageVector> validHellos() {
        return MessageVectors.of("hello/valid");
    }

    static List<MessageVector> invalidHellos() {
        return MessageVectors.of("hello/invalid");
    }

    static List<MessageVector> validEnvelopes() {
        return MessageVectors.of("envelope/valid");
    }

    static List<MessageVector> invalidEnvelopes() {
        return MessageVectors.of("envelope/invalid");
    }

    @ParameterizedTest
    @MethodSource("validMessages")
    void aValidMessageIsReadAndCanBeWrittenAgain(MessageVector vector) {
        vector.written()
                .keySet()
                .forEach(format -> assertThat(decode(vector, format, 5))
                        .as("from %s", format)
                        .isEqualTo(vector.value())
                        .hasSameHashCodeAs(vector.value()));
        for (MessageFormat format : MessageFormat.values()) {
            MessageCodec codec = MessageCodec.of(format);
            assertThat(codec.decode(0, codec.encode((Message) vector.value())))
                    .as("written in %s", format)
                    .isEqualTo(vector.value());
        }
    }

    @ParameterizedTest
    @MethodSource("invalidMessages")
    void anInvalidMessageCostsItsStreamOrTheTunnelIfItHasNone(MessageVector vector) {
        vector.written().keySet().forEach(format -> {
            assertThat(breach(() -> decode(vector, format, MessageVector.STREAM_ID))
                            .code())
                    .isEqualTo(vector.breach().code());
            assertThat(breach(() -> decode(vector, format, vector.breach().streamId())))
                    .as("from %s", format)
                    .isEqualTo(vector.breach());
        });
    }

    @ParameterizedTest
    @MethodSource("validHellos")
    void aValidHelloIsReadAndCanBeWrittenAgain(MessageVector vector) {
        Hello hello = lend(vector, MessageFormat.CBOR, HelloCodec::decode);

        assertThat(hello).isEqualTo(vector.value());
        if (vector.written().get(MessageFormat.CBOR).length()
                < Hello.MAX_BYTES) { // all settings are written: the longest would grow
            assertThat(HelloCodec.decode(HelloCodec.encode(hello))).isEqualTo(hello);
        }
    }

    @ParameterizedTest
    @MethodSource("invalidHellos")
    void anInvalidHelloCostsTheTunnel(MessageVector vector) {
        assertThat(breach(() -> lend(vector, MessageFormat.CBOR, HelloCodec::decode)))
                .isEqualTo(vector.breach());
    }

    @ParameterizedTest
    @MethodSource("validEnvelopes")
    void aValidEnvelopeIsReadAndCanBeWrittenAgain(MessageVector vector) {
        vector.written()
                .keySet()
                .forEach(format -> assertThat(decodeEnvelope(vector, format))
                        .as("from %s", format)
                        .isEqualTo(vector.value()));
        for (MessageFormat format : MessageFormat.values()) {
            EnvelopeCodec codec = EnvelopeCodec.of(format);
            assertThat(codec.decode(codec.encode((Message) vector.value())))
                    .as("written in %s", format)
                    .isEqualTo(vector.value());
        }
    }

    @ParameterizedTest
    @MethodSource("invalidEnvelopes")
    void anInvalidEnvelopeIsRefused(MessageVector vector) {
        vector.written()
                .keySet()
                .forEach(format -> assertThat(breach(() -> decodeEnvelope(vector, format)))
                        .as("from %s", format)
                        .isEqualTo(vector.breach()));
    }

    private Message decode(MessageVector vector, MessageFormat format, int streamId) {
        return lend(vector, format, payload -> MessageCodec.of(format).decode(streamId, payload));
    }

    private Message decodeEnvelope(MessageVector vector, MessageFormat format) {
        return lend(vector, format, EnvelopeCodec.of(format)::decode);
    }

    /** Lends the bytes for the time of the call: afterwards they are gone, and nothing of them may be held. */
    private <T> T lend(MessageVector vector, MessageFormat format, Function<Payload, T> decoder) {
        byte[] bytes = vector.written().get(format).toByteArray();
        Payload lent = tracker.payload(bytes);
        try {
            return decoder.apply(lent);
        } finally {
            lent.release();
            Arrays.fill(bytes, (byte) 0x55);
            assertThat(tracker.alive()).isZero();
        }
    }

    private static Breach breach(Runnable decoding) {
        ProtocolException[] thrown = new ProtocolException[1];
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(decoding::run)
                .satisfies(e -> thrown[0] = e);
        return Breach.of(thrown[0]);
    }
}
