package io.tunnelmux.netty.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written is read back by {@link MessageReader}. */
class MessageWriterTest {

    private static final int HEADROOM_BYTES = 24;

    private final List<ByteBuf> written = new ArrayList<>();

    private MessageWriter writer(boolean isClient, boolean isDeflating) {
        WebSocketWriter frames = isClient ? WebSocketWriter.client(new Random(1)) : WebSocketWriter.server();
        return new MessageWriter(frames, isDeflating, ByteBufAllocator.DEFAULT, written::add);
    }

    private List<String> readBack(boolean isClient, boolean isDeflating) {
        MessageRecorder recorder = new MessageRecorder();
        MessageReader reader = new MessageReader(isClient, isDeflating, 1 << 24, ByteBufAllocator.DEFAULT, recorder);
        written.forEach(reader::read);
        written.clear();
        return recorder.messages();
    }

    private static ByteBuf buffer(byte[] bytes) {
        return ByteBufAllocator.DEFAULT
                .ioBuffer(bytes.length + HEADROOM_BYTES)
                .setIndex(HEADROOM_BYTES, HEADROOM_BYTES)
                .writeBytes(bytes);
    }

    private static ByteBuf buffer(String text) {
        return buffer(text.getBytes(UTF_8));
    }

    @ParameterizedTest
    @CsvSource({"true,true", "true,false", "false,true", "false,false"})
    void whatIsWrittenIsReadBack(boolean isClient, boolean isDeflating) {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        MessageWriter writer = writer(isClient, isDeflating);
        List<String> expected = new ArrayList<>();
        List<ByteBuf> shared = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            ByteArrayOutputStream message = new ByteArrayOutputStream();
            int parts = 1 + random.nextInt(4);
            for (int part = 0; part < parts; part++) {
                byte[] bytes = new byte[random.nextInt(3) * random.nextInt(random.nextInt(5) == 0 ? 40_000 : 200)];
                random.nextBytes(bytes);
                message.writeBytes(bytes);
                writer.part(take(random, bytes, shared), false, part == parts - 1);
                if (part < parts - 1 && random.nextInt(5) == 0) {
                    writer.ping(new byte[] {'p'});
                    expected.add("ping p");
                }
                assertThat(writer.isInMessage()).isEqualTo(part < parts - 1 && message.size() > 0);
            }
            expected.add("binary " + message.toString(StandardCharsets.ISO_8859_1));
        }
        writer.close(4_000, "end");
        expected.add("close 4000 end");

        assertThat(readBack(isClient, isDeflating)).as("seed %d", seed).isEqualTo(expected);
        for (ByteBuf other : shared) {
            assertThat(other.readByte()).as("bytes that others hold").isEqualTo((byte) 1);
            other.release();
        }
    }

    /** A buffer of its own, with room in front or none, or a part of one that somebody else holds as well. */
    private static ByteBuf take(Random random, byte[] bytes, List<ByteBuf> shared) {
        return switch (random.nextInt(3)) {
            case 0 -> buffer(bytes);
            case 1 -> ByteBufAllocator.DEFAULT.ioBuffer(bytes.length + 1).writeBytes(bytes);
            default -> {
                ByteBuf whole = ByteBufAllocator.DEFAULT
                        .ioBuffer(bytes.length + 1)
                        .writeByte(1)
                        .writeBytes(bytes);
                shared.add(whole);
                yield whole.retainedSlice(1, bytes.length);
            }
        };
    }

    @Test
    void aBufferWithRoomGoesOutAsItIs() {
        for (boolean isClient : new boolean[] {true, false}) {
            ByteBuf part = buffer(new byte[10_000]);

            writer(isClient, false).part(part, false, true);

            assertThat(written).hasSize(1).element(0).isSameAs(part);
            written.remove(0).release();
        }
    }

    @Test
    void aBufferWithoutRoomGoesOutBehindItsHeader() {
        ByteBuf part = ByteBufAllocator.DEFAULT.ioBuffer(10_000).writeZero(10_000);

        writer(false, false).part(part, false, false);

        assertThat(written).hasSize(2).element(1).isSameAs(part);
        assertThat(written.get(0).readableBytes()).isEqualTo(4);
        assertThat(written.get(0).readByte()).as("no FIN, binary").isEqualTo((byte) 2);
        written.forEach(ByteBuf::release);
    }

    @Test
    void partsAreFragmentsAndEmptyOnesNothing() {
        MessageWriter writer = writer(false, false);

        writer.part(buffer(""), true, false);
        writer.part(buffer("a"), true, false);
        writer.part(buffer(""), true, false);
        writer.part(buffer(""), true, true);
        writer.part(buffer(""), true, true);

        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (ByteBuf each : written) {
            byte[] part = new byte[each.readableBytes()];
            each.readBytes(part).release();
            bytes.writeBytes(part);
        }
        assertThat(bytes.toByteArray()).containsExactly(0x01, 1, 'a', 0x80, 0, 0x81, 0);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void closeFramesSayWhatTheyAreToSay(boolean isClient) {
        writer(isClient, false).close(CloseCodes.NO_CODE, "nothing is said");
        assertThat(readBack(isClient, false)).containsExactly("close 1005 ");

        writer(isClient, false).close(1_011, "ü".repeat(62));
        assertThat(readBack(isClient, false)).containsExactly("close 1011 " + "ü".repeat(61));
    }

    @Test
    void shortMessagesAreNotCompressedAndLongOnesAre() {
        MessageWriter writer = writer(false, true);

        writer.part(buffer("x".repeat(63)), true, true);
        writer.part(buffer("x".repeat(10_000)), true, true);

        assertThat(written.get(0).getByte(written.get(0).readerIndex())).isEqualTo((byte) 0x81);
        assertThat(written.get(1).getByte(written.get(1).readerIndex())).isEqualTo((byte) 0xc1);
        assertThat(written.get(1).readableBytes()).isLessThan(200);
        assertThat(readBack(false, true)).containsExactly("text " + "x".repeat(63), "text " + "x".repeat(10_000));
    }

    /** What has come of a compressed message can be read before the rest comes. */
    @Test
    void eachPartOfACompressedMessageCanBeReadByItself() {
        MessageRecorder recorder = new MessageRecorder();
        MessageReader reader = new MessageReader(false, true, 1 << 20, ByteBufAllocator.DEFAULT, recorder);
        MessageWriter writer = writer(false, true);
        for (String part : new String[] {"one ", "two ", "three"}) {
            writer.part(buffer(part), true, part.equals("three"));
            written.forEach(reader::read);
            written.clear();

            assertThat(new String(recorder.last(), UTF_8)).endsWith(part);
        }
        assertThat(recorder.messages()).containsExactly("text one two three");
    }

    @Test
    void aMessageThatEndsWithAnEmptyPartIsStillWhole() {
        MessageWriter writer = writer(true, true);
        writer.part(buffer("a".repeat(100)), true, false);
        writer.part(buffer(""), true, true);
        writer.part(buffer("b".repeat(100)), true, true);

        assertThat(readBack(true, true)).containsExactly("text " + "a".repeat(100), "text " + "b".repeat(100));
    }
}
