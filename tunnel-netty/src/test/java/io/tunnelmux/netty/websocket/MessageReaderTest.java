package io.tunnelmux.netty.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What frames are is {@link WebSocketReaderTest}'s; this is about what they say. */
class MessageReaderTest {

    private static final byte[] NONE = {};
    private static final int MAX_BYTES = 1_000;
    private static final byte[] NOT_UTF8 = {'a', (byte) 0xc3, 'b'};
    private static final int TEXT_COMPRESSED = 0xc1;
    private static final int BINARY_COMPRESSED = 0xc2;

    /** What no peer may do, with what it is told and what of it is handed on. */
    static Stream<Arguments> breaches() {
        return Stream.of(true, false)
                .flatMap(masked -> Stream.of(
                        breach(
                                masked,
                                1007,
                                "text that is not UTF-8",
                                raw(masked).frame(1, NOT_UTF8)),
                        breach(
                                masked,
                                1007,
                                "a fragment that is not UTF-8",
                                raw(masked).fragment(1, text("a")).frame(0, NOT_UTF8),
                                "text a+"),
                        breach(
                                masked,
                                1007,
                                "half a character at the end",
                                raw(masked).fragment(1, text("a")).frame(0, Arrays.copyOf(text("ü"), 1)),
                                "text a+"),
                        breach(
                                masked,
                                1007,
                                "half a character, and an empty end",
                                raw(masked)
                                        .fragment(1, Arrays.copyOf(text("ü"), 1))
                                        .frame(0, NONE),
                                "text \u00c3+"),
                        breach(masked, 1007, "a surrogate", raw(masked).frame(1, new byte[] {(byte) 0xed, (byte) 0xa0
                        })),
                        breach(
                                masked,
                                1007,
                                "a reason that is not UTF-8",
                                raw(masked).close(1_000, new byte[] {(byte) 0xff})),
                        breach(
                                masked,
                                1009,
                                "a message that announces too much",
                                raw(masked).header(0x82, MAX_BYTES + 1, 126)),
                        breach(
                                masked,
                                1009,
                                "fragments that are too much",
                                raw(masked).fragment(2, text("abc")).header(0x80, MAX_BYTES - 2, 126),
                                "binary abc+"),
                        breach(masked, 1008, "16 fragments of nothing", emptyFragments(masked, 1, 16)),
                        breach(masked, 1008, "16 fragments of nothing within a message", emptyFragments(masked, 2, 17)),
                        breach(masked, 1002, "a compressed message", raw(masked).frame(TEXT_COMPRESSED, NONE, 0)),
                        breach(masked, 1002, "RSV2", raw(masked).frame(0xa1, NONE, 0)),
                        breach(masked, 1002, "RSV3", raw(masked).frame(0x92, NONE, 0)),
                        breach(masked, 1002, "the wrong mask", raw(!masked).frame(1, text("a"))),
                        breach(
                                masked,
                                1002,
                                "an opcode that is reserved",
                                raw(masked).frame(3, NONE)),
                        breach(
                                masked,
                                1002,
                                "a control opcode that is reserved",
                                raw(masked).frame(11, NONE)),
                        breach(
                                masked,
                                1002,
                                "a continuation of nothing",
                                raw(masked).frame(0, text("a"))),
                        breach(
                                masked,
                                1002,
                                "text within a message",
                                raw(masked).fragment(2, text("a")).frame(1, text("b")),
                                "binary a+"),
                        breach(masked, 1002, "a ping of 126 bytes", raw(masked).frame(9, new byte[126])),
                        breach(masked, 1002, "a pong in fragments", raw(masked).fragment(10, NONE)),
                        breach(
                                masked,
                                1002,
                                "a close frame of one byte",
                                raw(masked).frame(8, new byte[1])),
                        breach(masked, 1002, "close code 1005", raw(masked).close(1_005, NONE)),
                        breach(masked, 1002, "close code 5000", raw(masked).close(5_000, NONE)),
                        breach(
                                masked,
                                1002,
                                "a length that is longer than needed",
                                raw(masked).frame(0x81, text("a"), 126)),
                        breach(masked, 1009, "a length of 2^63", raw(masked).header(0x82, Long.MIN_VALUE, 127))));
    }

    private static RawFrames emptyFragments(boolean masked, int opcode, int count) {
        RawFrames frames = raw(masked);
        for (int i = 0; i < count; i++) {
            frames.fragment(i == 0 ? opcode : 0, NONE);
        }
        return frames;
    }

    private static Arguments breach(boolean masked, int code, String what, RawFrames input, String... before) {
        return Arguments.of(masked, code, what, input, List.of(before));
    }

    @ParameterizedTest(name = "{0} {1} {2}")
    @MethodSource("breaches")
    void refusesWhatNoPeerMayDo(boolean masked, int code, String what, RawFrames input, List<String> before) {
        byte[] bytes = input.toByteArray();
        for (int cut = 0; cut < Math.min(bytes.length, 200); cut++) {
            MessageRecorder recorder = new MessageRecorder();
            MessageReader reader = reader(masked, false, MAX_BYTES, recorder);
            ByteBuf first = buffer(bytes, 0, cut);
            ByteBuf second = buffer(bytes, cut, bytes.length);
            WebSocketException breach = catchThrowableOfType(WebSocketException.class, () -> {
                boolean isRead = false;
                try {
                    reader.read(first);
                    isRead = true;
                } finally {
                    if (!isRead) {
                        second.release();
                    }
                }
                reader.read(second);
            });

            assertThat(breach).as("cut at %d", cut).isNotNull();
            assertThat(breach.closeCode()).isEqualTo(code);
            // Bytes before the one that is wrong may have been handed on, if they came before it.
            assertThat(String.join(" ", recorder.messages()))
                    .as("cut at %d", cut)
                    .startsWith(String.join(" ", before).replace("+", ""));
            assertThat(recorder.messages()).as("nothing is complete").allMatch(message -> message.endsWith("+"));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void readsMessagesOfAllKindsCutAnywhere(boolean masked) {
        byte[] bytes = raw(masked)
                .frame(1, text("Grüße"))
                .fragment(1, Arrays.copyOf(text("日本語"), 4))
                .frame(9, text("ping"))
                .fragment(0, NONE)
                .frame(0, Arrays.copyOfRange(text("日本語"), 4, 9))
                .frame(2, NONE)
                .frame(1, NONE)
                .frame(2, NOT_UTF8)
                .frame(10, text("pong"))
                .fragment(2, NONE)
                .frame(0, text("x"))
                .close(4_000, text("ende"))
                .toByteArray();
        for (int cut = 0; cut <= bytes.length; cut++) {
            MessageRecorder recorder = new MessageRecorder();
            MessageReader reader = reader(masked, false, MAX_BYTES, recorder);

            reader.read(buffer(bytes, 0, cut));
            reader.read(buffer(bytes, cut, bytes.length));

            assertThat(recorder.messages())
                    .containsExactly(
                            "text Gr\u00c3\u00bc\u00c3\u009fe",
                            "ping ping",
                            "text " + new String(text("日本語"), java.nio.charset.StandardCharsets.ISO_8859_1),
                            "binary ",
                            "text ",
                            "binary a\u00c3b",
                            "pong pong",
                            "binary x",
                            "close 4000 ende");
        }
    }

    @Test
    void fifteenEmptyFragmentsInARowAreNoHarm() {
        RawFrames frames = raw(true).fragment(2, text("a"));
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 15; i++) {
                frames.fragment(0, NONE);
            }
            frames.fragment(0, text("b"));
        }
        MessageRecorder recorder = new MessageRecorder();

        reader(true, false, MAX_BYTES, recorder)
                .read(buffer(frames.frame(0, NONE).toByteArray()));

        assertThat(recorder.messages()).containsExactly("binary abbb");
    }

    // ---- compressed ----

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void inflatesMessagesCutAnywhere(boolean masked) {
        byte[] first = deflate(text("compress me, compress me, compress me: Grüße"), Deflater.SYNC_FLUSH);
        byte[] empty = {0};
        byte[] bytes = raw(masked)
                .frame(TEXT_COMPRESSED, first, first.length)
                .frame(TEXT_COMPRESSED, empty, 1)
                .frame(1, text("as it is"))
                .frame(BINARY_COMPRESSED & ~0x80, Arrays.copyOf(first, 10), 10)
                .frame(9, text("p"))
                .fragment(0, NONE)
                .fragment(0, Arrays.copyOfRange(first, 10, first.length))
                .frame(0, NONE)
                .close(1_000, NONE)
                .toByteArray();
        String plain = new String(
                text("compress me, compress me, compress me: Grüße"), java.nio.charset.StandardCharsets.ISO_8859_1);
        for (int cut = 0; cut <= bytes.length; cut++) {
            MessageRecorder recorder = new MessageRecorder();
            MessageReader reader = reader(masked, true, MAX_BYTES, recorder);

            reader.read(buffer(bytes, 0, cut));
            reader.read(buffer(bytes, cut, bytes.length));

            assertThat(recorder.messages())
                    .containsExactly(
                            "text " + plain, "text ", "text as it is", "ping p", "binary " + plain, "close 1000 ");
        }
    }

    /** A sender may end its blocks for good, though RFC 7692 leaves little use for it. */
    @Test
    void blocksThatSayTheyAreTheLastAreReadAsOthers() {
        byte[] whole = deflate(text("one"), Deflater.NO_FLUSH);
        byte[] withBlockBehind = Arrays.copyOf(whole, whole.length + 1);
        for (byte[] payload : List.of(whole, withBlockBehind)) {
            MessageRecorder recorder = new MessageRecorder();
            MessageReader reader = reader(true, true, MAX_BYTES, recorder);

            reader.read(buffer(raw(true)
                    .frame(TEXT_COMPRESSED, payload, payload.length)
                    .frame(TEXT_COMPRESSED, payload, payload.length)
                    .toByteArray()));

            assertThat(recorder.messages()).containsExactly("text one", "text one");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 1_000, 16_384, 16_385, 65_536, 300_000})
    void inflatesWhatWasDeflatedWhateverItsLength(int length) {
        byte[] plain = new byte[length];
        Random random = new Random(length);
        for (int i = 0; i < length; i++) {
            plain[i] = (byte) (random.nextInt(100) == 0 ? random.nextInt() : 7);
        }
        byte[] payload = deflate(plain, Deflater.SYNC_FLUSH);
        MessageRecorder recorder = new MessageRecorder();
        MessageReader reader = reader(false, true, length, recorder);
        byte[] bytes =
                raw(false).frame(BINARY_COMPRESSED, payload, code(payload)).toByteArray();

        for (int at = 0; at < bytes.length; at += 777) {
            reader.read(buffer(bytes, at, Math.min(bytes.length, at + 777)));
        }

        assertThat(recorder.last()).isEqualTo(plain);
        assertThat(recorder.isComplete()).isTrue();
    }

    @Test
    void whatIsInflatedKeepsLittleMoreMemoryThanItNeeds() {
        MessageRecorder recorder = new MessageRecorder();
        MessageReader reader = reader(true, true, MAX_BYTES, recorder);
        for (int length : new int[] {1, 100, MAX_BYTES}) {
            byte[] payload = deflate(new byte[length], Deflater.SYNC_FLUSH);
            byte[] bytes =
                    raw(true).frame(BINARY_COMPRESSED, payload, payload.length).toByteArray();
            reader.read(buffer(bytes, 0, bytes.length));
        }

        assertThat(recorder.messages()).hasSize(3);
        assertThat(recorder.longestWaste()).isLessThan(64);
    }

    @Test
    void aMessageThatIsTooLongOnceInflatedIsRefused() {
        byte[] payload = deflate(new byte[MAX_BYTES + 1], Deflater.SYNC_FLUSH);
        MessageRecorder recorder = new MessageRecorder();
        MessageReader reader = reader(true, true, MAX_BYTES, recorder);
        ByteBuf input = buffer(
                raw(true).frame(BINARY_COMPRESSED, payload, code(payload)).toByteArray());

        WebSocketException breach = catchThrowableOfType(WebSocketException.class, () -> reader.read(input));

        assertThat(breach.closeCode()).isEqualTo(1009);
        assertThat(recorder.messages()).isEmpty();
        reader.close();
    }

    @Test
    void aBombIsSeenLongBeforeItsEnd() {
        byte[] payload = deflate(new byte[256 << 20], Deflater.SYNC_FLUSH);
        MessageRecorder recorder = new MessageRecorder();
        MessageReader reader = reader(true, true, Integer.MAX_VALUE, recorder);
        byte[] bytes =
                raw(true).frame(BINARY_COMPRESSED, payload, code(payload)).toByteArray();
        WebSocketException breach = null;
        int at = 0;

        for (; at < bytes.length && breach == null; at += 4_096) {
            ByteBuf piece = buffer(bytes, at, Math.min(bytes.length, at + 4_096));
            breach = catchThrowableOfType(WebSocketException.class, () -> reader.read(piece));
        }

        assertThat(breach).isNotNull();
        assertThat(breach.closeCode()).isEqualTo(1009);
        assertThat(recorder.last().length)
                .isBetween(
                        MessageInflater.FREE_BYTES - MessageInflater.PIECE_BYTES,
                        MessageInflater.FREE_BYTES + MessageInflater.PIECE_BYTES);
        reader.close();
    }

    @Test
    void whatCannotBeInflatedIsRefused() {
        byte[] nonsense = {(byte) 0xff, 1, 2, 3, 4};
        MessageReader reader = reader(true, true, MAX_BYTES, new MessageRecorder());
        ByteBuf input = buffer(raw(true).frame(TEXT_COMPRESSED, nonsense, 5).toByteArray());

        assertThat(catchThrowableOfType(WebSocketException.class, () -> reader.read(input))
                        .closeCode())
                .isEqualTo(1007);
        reader.close();
    }

    @Test
    void textIsCheckedOnceItIsInflated() {
        byte[] payload = deflate(NOT_UTF8, Deflater.SYNC_FLUSH);
        MessageReader reader = reader(true, true, MAX_BYTES, new MessageRecorder());
        ByteBuf input =
                buffer(raw(true).frame(TEXT_COMPRESSED, payload, payload.length).toByteArray());

        assertThat(catchThrowableOfType(WebSocketException.class, () -> reader.read(input))
                        .closeCode())
                .isEqualTo(1007);
        reader.close();
    }

    /** A sink with room for one part at a time: never gets a second, and misses none. */
    @Test
    void nothingIsInflatedThatNobodyHasRoomFor() {
        byte[] plain = new byte[200_000];
        Arrays.fill(plain, (byte) 'x');
        byte[] payload = deflate(plain, Deflater.SYNC_FLUSH);
        byte[] bytes = raw(true)
                .frame(BINARY_COMPRESSED, payload, code(payload))
                .frame(9, text("p"))
                .frame(BINARY_COMPRESSED, payload, code(payload))
                .close(1_000, NONE)
                .toByteArray();
        MessageRecorder recorder = new MessageRecorder();
        recorder.room(1);
        MessageReader reader = reader(true, true, plain.length, recorder);

        reader.read(buffer(bytes));
        int rounds = 0;
        while (reader.isPaused()) {
            assertThat(recorder.hasRoom()).isFalse();
            recorder.room(1);
            reader.resume();
            rounds++;
        }

        assertThat(rounds).isGreaterThan(2 * plain.length / MessageInflater.PIECE_BYTES);
        assertThat(recorder.messages()).hasSize(4).element(1).isEqualTo("ping p");
        assertThat(recorder.messages().get(0)).isEqualTo("binary " + "x".repeat(plain.length));
        assertThat(recorder.messages().get(2)).isEqualTo("binary " + "x".repeat(plain.length));
        assertThat(recorder.messages().get(3)).isEqualTo("close 1000 ");
    }

    @Test
    void whatWaitsIsFreedByTheEnd() {
        byte[] payload = deflate(new byte[100_000], Deflater.SYNC_FLUSH);
        MessageRecorder recorder = new MessageRecorder();
        recorder.room(2);
        MessageReader reader = reader(true, true, 100_000, recorder);
        ByteBuf first = buffer(
                raw(true).frame(BINARY_COMPRESSED, payload, code(payload)).toByteArray());
        ByteBuf second = buffer(raw(true).frame(2, text("more")).toByteArray());

        reader.read(first);
        reader.read(second);
        reader.close();

        assertThat(first.refCnt()).isZero();
        assertThat(second.refCnt()).isZero();
        assertThat(recorder.messages()).hasSize(1);
    }

    // ---- inside ----

    static byte[] deflate(byte[] plain, int flush) {
        Deflater deflater = new Deflater(6, true);
        deflater.setInput(plain);
        if (flush == Deflater.NO_FLUSH) {
            deflater.finish();
        }
        ByteArrayOutputStream deflated = new ByteArrayOutputStream();
        byte[] buffer = new byte[10_000];
        for (int count = -1; count != 0; ) {
            count = deflater.deflate(buffer, 0, buffer.length, flush);
            deflated.write(buffer, 0, count);
            if (count < buffer.length) {
                break;
            }
        }
        deflater.end();
        byte[] bytes = deflated.toByteArray();
        return flush == Deflater.NO_FLUSH ? bytes : Arrays.copyOf(bytes, bytes.length - 4);
    }

    private static int code(byte[] payload) {
        return payload.length < 126 ? payload.length : payload.length < 65_536 ? 126 : 127;
    }

    private static MessageReader reader(boolean masked, boolean isDeflating, int maxBytes, MessageRecorder recorder) {
        return new MessageReader(masked, isDeflating, maxBytes, ByteBufAllocator.DEFAULT, recorder);
    }

    private static RawFrames raw(boolean masked) {
        return RawFrames.of(masked);
    }

    private static byte[] text(String text) {
        return text.getBytes(UTF_8);
    }

    private static ByteBuf buffer(byte[] bytes) {
        return buffer(bytes, 0, bytes.length);
    }

    private static ByteBuf buffer(byte[] bytes, int from, int to) {
        return ByteBufAllocator.DEFAULT.ioBuffer(Math.max(1, to - from)).writeBytes(bytes, from, to - from);
    }
}
