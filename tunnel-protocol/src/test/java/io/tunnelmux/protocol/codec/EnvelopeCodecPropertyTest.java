package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.testing.RandomMessages;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EnvelopeCodecPropertyTest {

    private static final long SEED = Long.getLong("seed", 20_261_121L);
    private static final int CASES = 10_000;

    private final Random random = new Random(SEED);
    private final RandomMessages messages = new RandomMessages(random);

    @ParameterizedTest
    @EnumSource
    void readsBackWhatItWrote(MessageFormat format) {
        EnvelopeCodec codec = EnvelopeCodec.of(format);
        for (int i = 0; i < CASES; i++) {
            Message message = messages.nextOfEnvelope();

            Payload written = codec.encode(message);

            assertThat(codec.decode(written))
                    .as("seed %d, case %d, %s", SEED, i, written)
                    .isEqualTo(message);
        }
    }

    @Test
    void readsTheSameFromBothFormats() {
        EnvelopeCodec cbor = EnvelopeCodec.of(MessageFormat.CBOR);
        EnvelopeCodec json = EnvelopeCodec.of(MessageFormat.JSON);
        for (int i = 0; i < CASES; i++) {
            Message message = messages.nextOfEnvelope();

            assertThat(cbor.decode(cbor.encode(message)))
                    .as("seed %d, case %d", SEED, i)
                    .isEqualTo(json.decode(json.encode(message)));
        }
    }

    @ParameterizedTest
    @EnumSource
    void throwsNothingButItsOwnExceptionWhateverComes(MessageFormat format) {
        EnvelopeCodec codec = EnvelopeCodec.of(format);
        for (int i = 0; i < CASES; i++) {
            byte[] bytes = codec.encode(messages.nextOfEnvelope()).toByteArray();
            for (int k = 1 + random.nextInt(3); k > 0; k--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            try {
                codec.decode(Payload.of(bytes));
            } catch (ProtocolException e) {
                assertThat(e.costsTunnel()).isTrue();
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + SEED + ", case " + i, e);
            }
        }
    }
}
