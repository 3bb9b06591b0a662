package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.ProxyRequest;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.testing.RandomMessages;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MessageCodecPropertyTest {

    private static final long SEED = Long.getLong("seed", 20_261_121L);
    private static final int CASES = 10_000;

    private final Random random = new Random(SEED);
    private final RandomMessages messages = new RandomMessages(random);

    @ParameterizedTest
    @EnumSource
    void readsBackWhatItWrote(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        for (int i = 0; i < CASES; i++) {
            Message message = messages.next();

            Message back = codec.decode(1, codec.encode(message));

            assertThat(back).as("seed %d, case %d", SEED, i).isEqualTo(message);
        }
    }

    @Test
    void readsTheSameFromBothFormats() {
        for (int i = 0; i < CASES; i++) {
            Message message = messages.next();

            Message fromCbor = MessageCodec.of(MessageFormat.CBOR)
                    .decode(1, MessageCodec.of(MessageFormat.CBOR).encode(message));
            Message fromJson = MessageCodec.of(MessageFormat.JSON)
                    .decode(1, MessageCodec.of(MessageFormat.JSON).encode(message));

            assertThat(fromCbor).as("seed %d, case %d", SEED, i).isEqualTo(fromJson);
            assertThat(fromCbor.hashCode()).isEqualTo(fromJson.hashCode());
        }
    }

    @ParameterizedTest
    @EnumSource
    void keepsSpellingAndOrderOfHeaders(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        for (int i = 0; i < CASES; i++) {
            ProxyRequest request = messages.proxyRequest();

            ProxyRequest back = (ProxyRequest) codec.decode(1, codec.encode(request));

            assertThat(lines(back.head().headers()))
                    .as("seed %d, case %d", SEED, i)
                    .isEqualTo(lines(request.head().headers()));
        }
    }

    @ParameterizedTest
    @EnumSource
    void throwsNothingButItsOwnExceptionWhateverComes(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        for (int i = 0; i < CASES; i++) {
            byte[] damaged = damage(codec.encode(messages.next()).toByteArray());
            try {
                codec.decode(7, Payload.of(damaged));
            } catch (ProtocolException e) {
                assertThat(e.streamId()).isEqualTo(7);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + SEED + ", case " + i, e);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void refusesEveryBeginningOfAMessage(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        for (int i = 0; i < CASES / 100; i++) {
            Payload whole = codec.encode(messages.next());
            for (int length = 0; length < whole.length(); length++) {
                Payload beginning = whole.retainedSlice(0, length);
                assertThatThrownBy(() -> codec.decode(0, beginning))
                        .as("seed %d, case %d, %d bytes", SEED, i, length)
                        .isInstanceOf(ProtocolException.class);
            }
        }
    }

    @Test
    void generatorMakesEveryKindOfMessage() {
        Set<Class<?>> made = new HashSet<>();
        for (int i = 0; i < CASES; i++) {
            made.add(messages.nextOfEnvelope().getClass());
        }
        assertThat(made).containsExactlyInAnyOrder(Message.class.getPermittedSubclasses());
    }

    private byte[] damage(byte[] bytes) {
        byte[] damaged = bytes;
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int at = random.nextInt(damaged.length);
            damaged[at] =
                    random.nextBoolean() ? (byte) random.nextInt() : (byte) (damaged[at] ^ 1 << random.nextInt(8));
        }
        return damaged;
    }

    private static List<String> lines(Headers headers) {
        List<String> lines = new ArrayList<>();
        headers.forEach((name, value) -> lines.add(name + ": " + value));
        return lines;
    }
}
