package io.tunnelmux.netty.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class WebSocketReaderTest {
    private static final byte[] NONE = {};
    private static final int MIB = 1 << 20;

    /** What a peer may do, and what is read of it. */
    static Stream<Arguments> allowed() {
        return bothSides(masked -> Stream.of(
                arguments(masked, "a message", raw(masked).frame(2, text("hello")), "hello", "end"),
                arguments(masked, "an empty message", raw(masked).frame(2, NONE), "empty", "end"),
                arguments(masked, "text", raw(masked).frame(1, text("hello")), "text", "hello", "end"),
                arguments(
                        masked,
                        "text in fragments",
                        raw(masked).fragment(1, text("h")).frame(0, text("i")),
                        "text",
                        "hi",
                        "end"),
                arguments(masked, "126 bytes", raw(masked).frame(2, new byte[126]), "\0".repeat(126), "end"),
                arguments(
                        masked,
                        "a message in fragments",
                        raw(masked)
                                .fragment(2, text("a"))
                                .fragment(0, text("bc"))
                                .frame(0, text("d")),
                        "abcd",
                        "end"),
                arguments(
                        masked,
                        "empty fragments",
                        raw(masked).fragment(2, NONE).fragment(0, text("x")).frame(0, NONE),
                        "empty",
                        "x",
                        "empty",
                        "end"),
                arguments(
                        masked,
                        "control frames between fragments",
                        raw(masked)
                                .fragment(2, text("a"))
                                .frame(9, text("p"))
                                .frame(10, NONE)
                                .frame(0, text("b")),
                        "a",
                        "ping p",
                        "pong ",
                        "b",
                        "end"),
                arguments(masked, "a pong that nobody asked for", raw(masked).frame(10, text("x")), "pong x"),
                arguments(
                        masked,
                        "two messages",
                        raw(masked).frame(2, text("a")).frame(2, text("b")),
                        "a",
                        "end",
                        "b",
                        "end"),
                arguments(
                        masked,
                        "a ping of 125 bytes",
                        raw(masked).frame(9, text("q".repeat(125))),
                        "ping " + "q".repeat(125)),
                arguments(masked, "a close that says nothing", raw(masked).frame(8, NONE), "close 1005 "),
                arguments(
                        masked,
                        "a close with a reason",
                        raw(masked).close(1_000, "grün".getBytes(UTF_8)),
                        "close 1000 grün"),
                arguments(masked, "a close of an application", raw(masked).close(4_001, NONE), "close 4001 "),
                arguments(
                        masked,
                        "anything after a close",
                        raw(masked).close(1_001, NONE).frame(1, text("no")),
                        "close 1001 ")));
    }

    /** What a peer may not do, and what is read before it is seen. */
    static Stream<Arguments> forbidden() {
        return bothSides(masked -> Stream.of(
                breach(masked, "RSV1", raw(masked).frame(0xc2, text("a"), 1)),
                breach(masked, "RSV2", raw(masked).frame(0xa2, text("a"), 1)),
                breach(masked, "RSV3", raw(masked).frame(0x92, text("a"), 1)),
                breach(masked, "RSV1 on a ping", raw(masked).frame(0xc9, text("a"), 1)),
                breach(masked, "opcode 3", raw(masked).frame(3, text("a"))),
                breach(masked, "opcode 7", raw(masked).frame(7, NONE)),
                breach(masked, "opcode 11", raw(masked).frame(11, text("a"))),
                breach(masked, "opcode 15", raw(masked).frame(15, NONE)),
                breach(masked, "the wrong direction's mask", raw(!masked).frame(2, text("a"))),
                breach(
                        masked,
                        "the wrong direction's mask on a ping",
                        raw(!masked).frame(9, NONE)),
                breach(
                        masked,
                        "a ping in fragments",
                        raw(masked).fragment(9, text("a")).frame(0, text("b"))),
                breach(masked, "a close in fragments", raw(masked).fragment(8, NONE)),
                breach(masked, "a ping of 126 bytes", raw(masked).frame(9, new byte[126])),
                breach(masked, "a close of 200 bytes", raw(masked).close(1_000, new byte[198])),
                breach(masked, "a ping with its length in 64 bits", raw(masked).frame(0x89, new byte[3], 127)),
                breach(masked, "a continuation of nothing", raw(masked).frame(0, text("a"))),
                breach(
                        masked,
                        "a continuation after the end",
                        raw(masked).frame(2, text("a")).frame(0, text("b")),
                        "a",
                        "end"),
                breach(
                        masked,
                        "a message within a message",
                        raw(masked).fragment(2, text("a")).frame(2, text("b")),
                        "a"),
                breach(masked, "125 bytes with a length of 16 bits", raw(masked).frame(0x82, new byte[125], 126)),
                breach(masked, "0 bytes with a length of 16 bits", raw(masked).frame(0x82, NONE, 126)),
                breach(
                        masked,
                        "65,535 bytes with a length of 64 bits",
                        raw(masked).frame(0x82, new byte[65_535], 127)),
                breach(masked, "a close frame of one byte", raw(masked).frame(8, new byte[1])),
                breach(masked, "close code 0", raw(masked).close(0, NONE)),
                breach(masked, "close code 999", raw(masked).close(999, NONE)),
                breach(masked, "close code 1004", raw(masked).close(1_004, NONE)),
                breach(masked, "close code 1005", raw(masked).close(1_005, NONE)),
                breach(masked, "close code 1006", raw(masked).close(1_006, NONE)),
                breach(masked, "close code 1015", raw(masked).close(1_015, NONE)),
                breach(masked, "close code 2999", raw(masked).close(2_999, NONE)),
                breach(masked, "close code 5000", raw(masked).close(5_000, NONE)),
                invalid(masked, "a close reason that is not UTF-8", raw(masked).close(1_000, new byte[] {(byte) 0xc3})),
                tooLarge(masked, "a length over 1 MiB", raw(masked).header(0x82, MIB + 1, 127)),
                tooLarge(masked, "a length of 2^32 + 5", raw(masked).header(0x82, (1L << 32) + 5, 127)),
                tooLarge(masked, "a length of 2^63 - 1", raw(masked).header(0x82, Long.MAX_VALUE, 127)),
                tooLarge(masked, "a length of 2^63", raw(masked).header(0x82, Long.MIN_VALUE, 127)),
                tooLarge(masked, "a length of 2^64 - 1", raw(masked).header(0x82, -1, 127)),
                tooLarge(
                        masked,
                        "fragments of more than 1 MiB",
                        raw(masked).fragment(2, text("abc")).header(0, MIB - 2, 127),
                        "abc")));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("allowed")
    void readsWhatIsAllowed(String side, String what, RawFrames input, List<String> expected) {
        forEverySplit(input.toByteArray(), pieces -> {
            Recorder recorder = new Recorder();
            WebSocketReader reader = reader(side.equals("server"), recorder);
            pieces.forEach(reader::read);
            assertThat(recorder.events()).isEqualTo(expected);
        });
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("forbidden")
    void refusesWhatIsForbidden(String side, String what, RawFrames input, int code, List<String> expected) {
        forEverySplit(input.toByteArray(), pieces -> {
            Recorder recorder = new Recorder();
            WebSocketReader reader = reader(side.equals("server"), recorder);
            WebSocketException breach = catchThrowableOfType(WebSocketException.class, () -> readAll(reader, pieces));
            assertThat(breach).as("the breach").isNotNull();
            assertThat(breach.closeCode()).isEqualTo(code);
            assertThat(recorder.events()).isEqualTo(expected);

            reader.read(Unpooled.wrappedBuffer(
                    raw(side.equals("server")).frame(2, text("more")).toByteArray()));
            assertThat(recorder.events()).as("after the breach").isEqualTo(expected);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void takesAMessageOfOneMebibyte(boolean masked) {
        byte[] payload = new byte[MIB];
        new Random(1).nextBytes(payload);
        Recorder recorder = new Recorder();
        WebSocketReader reader = reader(masked, recorder);
        byte[] input = raw(masked)
                .fragment(2, Arrays.copyOf(payload, 100_000))
                .frame(0, Arrays.copyOfRange(payload, 100_000, MIB))
                .toByteArray();

        for (int at = 0; at < input.length; at += 10_007) {
            reader.read(buffer(input, at, Math.min(input.length, at + 10_007)));
        }

        assertThat(recorder.binary.toByteArray()).isEqualTo(payload);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void readsRandomMessagesInRandomPieces(boolean masked) {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        RawFrames input = raw(masked);
        ByteArrayOutputStream expected = new ByteArrayOutputStream();
        for (int message = 0; message < 100; message++) {
            int fragments = random.nextInt(3);
            for (int i = 0; i <= fragments; i++) {
                byte[] payload = new byte[random.nextInt(5) == 0 ? random.nextInt(70_000) : random.nextInt(300)];
                random.nextBytes(payload);
                expected.writeBytes(payload);
                int opcode = i == 0 ? 2 : 0;
                if (i == fragments) {
                    input.frame(opcode, payload);
                } else {
                    input.fragment(opcode, payload);
                }
                if (random.nextInt(10) == 0) {
                    input.frame(9, new byte[random.nextInt(126)]);
                }
            }
        }
        Recorder recorder = new Recorder();
        WebSocketReader reader = reader(masked, recorder);
        byte[] bytes = input.toByteArray();

        for (int at = 0; at < bytes.length; ) {
            int end = Math.min(bytes.length, at + 1 + random.nextInt(random.nextBoolean() ? 20 : 20_000));
            reader.read(buffer(bytes, at, end));
            at = end;
        }

        assertThat(recorder.binary.toByteArray()).as("seed %d", seed).isEqualTo(expected.toByteArray());
        assertThat(recorder.events())
                .as("seed %d", seed)
                .filteredOn("end"::equals)
                .hasSize(100);
    }

    @Test
    void handsOnTheVeryBufferThatWasRead() {
        ByteBuf input = buffer(raw(true).frame(2, text("hello")).toByteArray());
        List<ByteBuf> buffers = new ArrayList<>();
        WebSocketReader reader = reader(true, new Recorder() {
            @Override
            public void onBytes(ByteBuf taken, int start, int end, boolean isLast) {
                buffers.add(taken);
                assertThat(taken.toString(start, end - start, UTF_8)).isEqualTo("hello");
            }
        });

        reader.read(input);

        assertThat(buffers).containsExactly(input);
        assertThat(Ownership.isOwned(input)).isTrue();
        input.release();
    }

    @Test
    void marksWhatIsCompressedWhereThatWasAgreedOn() {
        Recorder recorder = new Recorder();
        WebSocketReader reader = new WebSocketReader(true, true, MIB, recorder);

        reader.read(buffer(raw(true)
                .frame(0xc1, text("a"), 1)
                .frame(0x42, text("b"), 1)
                .frame(0x80, text("c"), 1)
                .toByteArray()));

        assertThat(recorder.events()).containsExactly("text", "compressed", "a", "end", "compressed", "bc", "end");
        for (int first : new int[] {0xc0, 0xc9, 0xc8, 0xe2, 0xd2}) {
            WebSocketReader strict = new WebSocketReader(true, true, MIB, new Recorder());
            ByteBuf input =
                    buffer(raw(true).fragment(2, NONE).frame(first, NONE, 0).toByteArray());
            assertThat(catchThrowableOfType(WebSocketException.class, () -> strict.read(input))
                            .closeCode())
                    .isEqualTo(CloseCodes.PROTOCOL_ERROR);
        }
    }

    /** A sink that needs time asks for a pause whenever it is told of bytes. */
    @Test
    void whatWaitsDuringAPauseIsReadInOrder() {
        byte[] input = raw(true)
                .fragment(2, text("one"))
                .frame(9, text("p"))
                .frame(0, text("two"))
                .frame(1, text("three"))
                .close(1_000, NONE)
                .toByteArray();
        forEverySplit(input, pieces -> {
            Recorder recorder = new Recorder();
            WebSocketReader[] reader = new WebSocketReader[1];
            int[] pauses = {0};
            reader[0] = reader(true, new Recorder() {
                @Override
                public void onBytes(ByteBuf taken, int start, int end, boolean isLast) {
                    recorder.onBytes(taken, start, end, isLast);
                    pauses[0]++;
                    reader[0].pause();
                }

                @Override
                public void onPing(byte[] data) {
                    recorder.onPing(data);
                }

                @Override
                public void onClose(int code, String reason) {
                    recorder.onClose(code, reason);
                }
            });
            pieces.forEach(reader[0]::read);
            assertThat(pauses[0]).as("nothing is read during a pause").isOne();
            for (int last = 0; last < pauses[0]; ) {
                last = pauses[0];
                reader[0].resume();
            }

            assertThat(recorder.events()).containsExactly("one", "ping p", "two", "end", "three", "end", "close 1000 ");
        });
    }

    @Test
    void whatWaitsIsFreedByTheEnd() {
        byte[] bytes = raw(false).frame(2, text("a")).frame(2, text("b")).toByteArray();
        List<ByteBuf> inputs = List.of(buffer(bytes), buffer(bytes));
        WebSocketReader[] reader = new WebSocketReader[1];
        reader[0] = reader(false, new Recorder() {
            @Override
            public void onBytes(ByteBuf taken, int start, int end, boolean isLast) {
                taken.release();
                reader[0].pause();
            }
        });

        inputs.forEach(reader[0]::read);
        reader[0].close();

        assertThat(inputs).allMatch(input -> input.refCnt() == 0);
    }

    @Test
    void doesNotUnmaskBytesThatOthersHold() {
        byte[] bytes = raw(true).frame(2, text("hello")).toByteArray();
        ByteBuf input = buffer(bytes);
        Recorder recorder = new Recorder();

        reader(true, recorder).read(input.retainedDuplicate());

        assertThat(recorder.events()).containsExactly("hello", "end");
        byte[] untouched = new byte[bytes.length];
        input.readBytes(untouched);
        assertThat(untouched).isEqualTo(bytes);
        input.release();
    }

    @Test
    void releasesWhatItWasReadingWhenTheSinkThrows() {
        ByteBuf input = buffer(raw(false).frame(2, text("a")).frame(9, NONE).toByteArray());
        WebSocketReader reader = reader(false, new Recorder() {
            @Override
            public void onPing(byte[] data) {
                throw new IllegalStateException("no");
            }
        });

        assertThat(catchThrowableOfType(IllegalStateException.class, () -> reader.read(input)))
                .hasMessage("no");
        assertThat(input.refCnt()).isZero();
    }

    // ---- inside ----

    private interface Pieces {
        void test(List<ByteBuf> pieces);
    }

    /** Whole, cut in two at every byte (of long ones: where it matters), and byte by byte. */
    private static void forEverySplit(byte[] bytes, Pieces test) {
        test.test(List.of(buffer(bytes)));
        for (int cut = 1; cut < bytes.length; cut += cut < 300 || bytes.length - cut < 300 ? 1 : 997) {
            test.test(List.of(buffer(bytes, 0, cut), buffer(bytes, cut, bytes.length)));
        }
        if (bytes.length < 1_000) {
            List<ByteBuf> single = new ArrayList<>();
            for (int i = 0; i < bytes.length; i++) {
                single.add(buffer(bytes, i, i + 1));
            }
            test.test(single);
        }
    }

    private static void readAll(WebSocketReader reader, List<ByteBuf> pieces) {
        int read = 0;
        try {
            for (ByteBuf piece : pieces) {
                read++;
                reader.read(piece);
            }
        } finally {
            pieces.subList(read, pieces.size()).forEach(ByteBuf::release);
        }
    }

    private static ByteBuf buffer(byte[] bytes) {
        return buffer(bytes, 0, bytes.length);
    }

    private static ByteBuf buffer(byte[] bytes, int from, int to) {
        return ByteBufAllocator.DEFAULT.ioBuffer(Math.max(1, to - from)).writeBytes(bytes, from, to - from);
    }

    private static byte[] text(String text) {
        return text.getBytes(UTF_8);
    }

    private static WebSocketReader reader(boolean masked, WebSocketReader.Sink sink) {
        return new WebSocketReader(masked, false, MIB, sink);
    }

    private static RawFrames raw(boolean masked) {
        return RawFrames.of(masked);
    }

    private interface Rows {
        Stream<Arguments> of(boolean masked);
    }

    private static Stream<Arguments> bothSides(Rows rows) {
        return Stream.concat(rows.of(true), rows.of(false));
    }

    private static Arguments arguments(boolean masked, String what, RawFrames input, String... events) {
        return Arguments.of(side(masked), what, input, List.of(events));
    }

    private static Arguments breach(boolean masked, String what, RawFrames input, String... before) {
        return Arguments.of(side(masked), what, input, CloseCodes.PROTOCOL_ERROR, List.of(before));
    }

    private static Arguments invalid(boolean masked, String what, RawFrames input) {
        return Arguments.of(side(masked), what, input, CloseCodes.INVALID_DATA, List.of());
    }

    private static Arguments tooLarge(boolean masked, String what, RawFrames input, String... before) {
        return Arguments.of(side(masked), what, input, CloseCodes.TOO_BIG, List.of(before));
    }

    /** Who reads: a server reads what is masked. */
    private static String side(boolean masked) {
        return masked ? "server" : "client";
    }

    /** Writes down what it is told; bytes that come one after the other as one. */
    private static class Recorder implements WebSocketReader.Sink {
        final ByteArrayOutputStream binary = new ByteArrayOutputStream();
        private final List<String> events = new ArrayList<>();
        private boolean isInBytes;

        List<String> events() {
            return events;
        }

        @Override
        public void onMessage(boolean isText, boolean isCompressed) {
            if (isText) {
                add("text");
            }
            if (isCompressed) {
                add("compressed");
            }
        }

        @Override
        public void onBytes(ByteBuf taken, int start, int end, boolean isLast) {
            byte[] bytes = new byte[end - start];
            taken.getBytes(start, bytes);
            taken.release();
            binary.writeBytes(bytes);
            String text = new String(bytes, UTF_8);
            int last = events.size() - 1;
            if (isInBytes) {
                events.set(last, events.get(last) + text);
            } else {
                events.add(text);
                isInBytes = true;
            }
            if (isLast) {
                add("end");
            }
        }

        @Override
        public void onEmptyFrame(boolean isLast) {
            add("empty");
            if (isLast) {
                add("end");
            }
        }

        @Override
        public void onPing(byte[] data) {
            add("ping " + new String(data, UTF_8));
        }

        @Override
        public void onPong(byte[] data) {
            add("pong " + new String(data, UTF_8));
        }

        @Override
        public void onClose(int code, String reason) {
            add("close " + code + " " + reason);
        }

        private void add(String event) {
            events.add(event);
            isInBytes = false;
        }
    }
}
