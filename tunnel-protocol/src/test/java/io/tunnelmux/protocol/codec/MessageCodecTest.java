package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.Application;
import io.tunnelmux.protocol.Message.EnvelopeResponse;
import io.tunnelmux.protocol.Message.Heartbeat;
import io.tunnelmux.protocol.Message.ProxyCancel;
import io.tunnelmux.protocol.Message.ProxyChunk;
import io.tunnelmux.protocol.Message.ProxyResponse;
import io.tunnelmux.protocol.Message.ProxyStreamClose;
import io.tunnelmux.protocol.Message.TcpTunnelConnected;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.testing.AllocatedBytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class MessageCodecTest {

    static List<Message> messagesOfEnvelopes() {
        return List.of(
                new ProxyChunk("r", Payload.EMPTY, true),
                new ProxyStreamClose("r", 0, ""),
                new ProxyCancel("r", 7, ""),
                new EnvelopeResponse(new ProxyResponse("r", 200, Headers.EMPTY), Payload.EMPTY));
    }

    @ParameterizedTest
    @MethodSource("messagesOfEnvelopes")
    void doesNotWriteWhatOnlyEnvelopesCarry(Message message) {
        for (MessageFormat format : MessageFormat.values()) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> MessageCodec.of(format).encode(message));
            assertThat(EnvelopeCodec.of(format).decode(EnvelopeCodec.of(format).encode(message)))
                    .isEqualTo(message);
        }
    }

    @ParameterizedTest
    @EnumSource
    void doesNotWriteAFieldOverOneOfItsOwn(MessageFormat format) {
        for (String name : List.of("type", "request_id", "timestamp")) {
            Heartbeat heartbeat = new Heartbeat(null, null, Map.of(name, "mine"));

            assertThatIllegalArgumentException()
                    .isThrownBy(() -> MessageCodec.of(format).encode(heartbeat));
            assertThat(EnvelopeCodec.of(format).decode(EnvelopeCodec.of(format).encode(heartbeat)))
                    .isEqualTo(heartbeat);
        }
    }

    @ParameterizedTest
    @EnumSource
    void readsAndWritesAsManyValuesAsMayBeAndNoMore(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        int most = MessageCodec.MAX_VALUES - 2; // besides the type and the list itself
        Message edge = new Application("event", Collections.nCopies(most, 7L));

        assertThat(codec.decode(0, codec.encode(edge))).isEqualTo(edge);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> codec.encode(new Application("event", Collections.nCopies(most + 1, 7L))));
    }

    @ParameterizedTest
    @EnumSource
    void readsAndWritesAsDeepAsMayBeAndNoDeeper(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        Message edge = new Application("event", nested(MessageCodec.MAX_DEPTH - 1));

        assertThat(codec.decode(0, codec.encode(edge))).isEqualTo(edge);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> codec.encode(new Application("event", nested(MessageCodec.MAX_DEPTH))));
    }

    @ParameterizedTest
    @EnumSource
    void readsAndWritesAsLongAsMayBeAndNoLonger(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        int missing = MessageCodec.MAX_BYTES - codec.encode(thousandsAnd(1_000)).length();
        Message edge = thousandsAnd(1_000 + missing);

        Payload written = codec.encode(edge);

        assertThat(written.length()).isEqualTo(MessageCodec.MAX_BYTES);
        assertThat(codec.decode(0, written)).isEqualTo(edge);
        assertThatIllegalArgumentException().isThrownBy(() -> codec.encode(thousandsAnd(1_001 + missing)));
        byte[] tooLong = new byte[MessageCodec.MAX_BYTES + 1];
        assertThatExceptionOfType(ProtocolException.class).isThrownBy(() -> codec.decode(0, Payload.of(tooLong)));
    }

    @ParameterizedTest
    @EnumSource
    void readsAsManyHeaderValuesAsMayBeAndNoMore(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        Message edge = codec.decode(3, responseWithValues(Headers.MAX_VALUES, format));

        assertThat(((ProxyResponse) edge).headers().size()).isEqualTo(Headers.MAX_VALUES);
        assertThat(codec.decode(3, codec.encode(edge))).isEqualTo(edge);
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> codec.decode(3, responseWithValues(Headers.MAX_VALUES + 1, format)))
                .satisfies(e -> {
                    assertThat(e.streamId()).isEqualTo(3);
                    assertThat(e.code()).isEqualTo(ErrorCode.PROTOCOL_ERROR);
                });
    }

    private static Payload responseWithValues(int count, MessageFormat format) {
        Map<String, Object> fields =
                Map.of("status", 200L, "headers", Map.of("x", Collections.nCopies(count - 1, ""), "y", List.of("")));
        Payload written = MessageCodec.of(format).encode(new Heartbeat("r", null, fields));
        return Payload.of(replace(written.toByteArray(), "heartbeat", "proxy_response", format));
    }

    @ParameterizedTest
    @EnumSource
    void readsBackLongTextsWhereverTheyAreCut(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        for (int shift = 0; shift < 4; shift++) {
            Message message = new Application("event", "x".repeat(shift) + "😀→ä".repeat(5_000));

            assertThat(codec.decode(0, codec.encode(message))).isEqualTo(message);
        }
    }

    @ParameterizedTest
    @EnumSource
    void givesWhatIsWrongTheScopeOfItsStream(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        Payload malformed = Payload.of(new byte[] {1, 2, 3});

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> codec.decode(9, malformed))
                .satisfies(e -> {
                    assertThat(e.streamId()).isEqualTo(9);
                    assertThat(e.code()).isEqualTo(ErrorCode.PROTOCOL_ERROR);
                });
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> codec.decode(0, malformed))
                .matches(ProtocolException::costsTunnel);
    }

    @ParameterizedTest
    @EnumSource
    void saysWhatIsWrongOnOneShortLine(MessageFormat format) {
        MessageCodec codec = MessageCodec.of(format);
        String key = "line\nline".repeat(25);
        Payload probe = codec.encode(new Heartbeat(null, null, Map.of("checks", Map.of(key, 1))));
        byte[] bytes = replace(probe.toByteArray(), "heartbeat", "health_probe", format);

        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> codec.decode(0, Payload.of(bytes)))
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n").hasSizeLessThan(300));
    }

    static Stream<byte[]> lyingLengths() {
        return Stream.of("5a7fffffff", "5a0003d090", "7a7fffffff", "9a7fffffff", "ba7fffffff")
                .map(head -> HexFormat.of().parseHex("a1" + "6161" + head));
    }

    @ParameterizedTest
    @MethodSource("lyingLengths")
    void allocatesNothingForALengthThatIsNotThere(byte[] document) {
        Payload payload = Payload.of(document);

        long allocated = AllocatedBytes.by(() -> assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> MessageCodec.of(MessageFormat.CBOR).decode(1, payload)));

        assertThat(allocated).isLessThan(65_536); // the exception's stack trace and AssertJ's own
    }

    @ParameterizedTest
    @EnumSource
    void sharesNothingBetweenCalls(MessageFormat format) throws InterruptedException {
        MessageCodec codec = MessageCodec.of(format);
        List<Thread> threads = Stream.of("a", "b", "c", "d")
                .map(id -> new Thread(() -> {
                    for (int i = 0; i < 2_000; i++) {
                        Message message = new TcpTunnelConnected(id + i);
                        assertThat(codec.decode(1, codec.encode(message))).isEqualTo(message);
                    }
                }))
                .toList();
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        threads.forEach(thread -> thread.setUncaughtExceptionHandler((t, e) -> failures.add(e)));

        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(failures).isEmpty();
    }

    /** Texts of a thousand characters that nearly fill a message, and one of {@code last}. */
    private static Message thousandsAnd(int last) {
        List<Object> texts = new ArrayList<>(Collections.nCopies(16_725, "x".repeat(1_000)));
        texts.add("x".repeat(last));
        return new Application("event", texts);
    }

    private static Object nested(int depth) {
        Object value = 1L;
        for (int i = 0; i < depth; i++) {
            value = List.of(value);
        }
        return value;
    }

    /** Puts another type in the place of the first one, its length included. */
    private static byte[] replace(byte[] bytes, String from, String to, MessageFormat format) {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        String oldType = format == MessageFormat.CBOR ? (char) (0x60 + from.length()) + from : '"' + from + '"';
        String newType = format == MessageFormat.CBOR ? (char) (0x60 + to.length()) + to : '"' + to + '"';
        return text.replace(oldType, newType).getBytes(StandardCharsets.ISO_8859_1);
    }
}
