package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.tunnelmux.netty.websocket.WebSocketReader;
import io.tunnelmux.netty.websocket.WebSocketWriter;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutboundBatchTest {
    private static final int SERVER_ROOM = WebSocketWriter.server().maxHeaderBytes();

    @Test
    void aLonePayloadGoesOutInTheBufferItCameIn() {
        ByteBuf read = read(new byte[16_384]);
        OutboundBatch batch = server();

        add(batch, data(read));

        assertThat(batch.segments()).isEqualTo(1);
        assertThat(batch.segment(0)).isSameAs(read);
        assertThat(batch.bytes()).isEqualTo(8 + 16_384);
        assertThat(read.readerIndex()).isEqualTo(HeadroomAllocator.HEADROOM_BYTES - 8);
        batch.release();
    }

    @Test
    void theHeadroomIsEnoughForAllHeadersOfAClient() {
        ByteBuf read = read(new byte[65_535]);
        OutboundBatch batch = new OutboundBatch(
                ByteBufAllocator.DEFAULT, WebSocketWriter.client(new Random(1)).maxHeaderBytes(), true);

        add(batch, data(read));

        assertThat(batch.segments()).isEqualTo(1);
        assertThat(batch.segment(0)).isSameAs(read);
        batch.release();
    }

    @Test
    void smallFramesFollowInTheRoomBehind() {
        ByteBuf read =
                ByteBufAllocator.DEFAULT.ioBuffer(2_048, 2_048).setIndex(24, 24).writeZero(1_000);
        OutboundBatch batch = server();

        add(batch, data(read));
        add(batch, new Frame.Window(1, 5));
        add(batch, new Frame.Ping(7, true));
        add(batch, data(read(new byte[64])));
        add(batch, new Frame.Cancel(3, 7, "no"));

        assertThat(batch.segments()).isEqualTo(1);
        assertThat(batch.segment(0)).isSameAs(read);
        batch.release();
    }

    @Test
    void controlFramesShareOneSmallBuffer() {
        OutboundBatch batch = server();

        for (int i = 1; i <= 20; i++) {
            add(batch, new Frame.Window(i, i));
        }

        assertThat(batch.segments()).isEqualTo(1);
        assertThat(batch.segment(0).capacity()).isLessThanOrEqualTo(1_024);
        assertThat(batch.segment(0).readerIndex()).isEqualTo(SERVER_ROOM);
        batch.release();
    }

    @Test
    void whatOthersShareGoesOutBesideItsHeaderAndIsNotTouched() {
        ByteBuf read = read(new byte[20_000]);
        NettyPayload whole = NettyPayload.of(read);
        OutboundBatch batch = server();

        add(batch, new Frame.Data(1, whole.retainedSlice(0, 8_000), 0));
        add(batch, new Frame.Data(3, whole.retainedSlice(8_000, 8_000), 0));

        assertThat(batch.segments()).isEqualTo(4);
        assertThat(whole.toByteArray()).containsOnly(0);
        batch.release();
        whole.release();
    }

    @ParameterizedTest
    @ValueSource(strings = {"server", "client", "secure client"})
    void anyFramesOfAnyMakeAreOneMessage(String side) {
        for (int round = 0; round < 200; round++) {
            long seed = new Random().nextLong();
            anyFramesAreOneMessage(side, seed);
        }
    }

    @RepeatedTest(3)
    void releasesAllThatItHolds() {
        OutboundBatch batch = server();
        List<ByteBuf> buffers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            ByteBuf read = read(new byte[600 + i]);
            buffers.add(read);
            add(batch, data(read));
        }

        batch.release();

        assertThat(batch.isEmpty()).isTrue();
        assertThat(batch.bytes()).isZero();
        assertThat(buffers).allMatch(buffer -> buffer.refCnt() == 0);
    }

    private static void anyFramesAreOneMessage(String side, long seed) {
        Random random = new Random(seed);
        WebSocketWriter writer = writer(side, random);
        OutboundBatch batch = new OutboundBatch(ByteBufAllocator.DEFAULT, writer.maxHeaderBytes(), writer.needsOwned());
        ByteArrayOutputStream expected = new ByteArrayOutputStream();
        List<Payload> held = new ArrayList<>();
        List<byte[]> heldBytes = new ArrayList<>();

        for (int i = 1 + random.nextInt(12); i > 0; i--) {
            Frame frame = frame(random, held, heldBytes);
            append(expected, frame);
            add(batch, frame);
        }
        int bytes = batch.bytes();
        WebSocketBinding.frame(batch, writer);
        byte[] message = take(batch);

        assertThat(bytes).as("seed %d", seed).isEqualTo(expected.size());
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        List<String> ends = new ArrayList<>();
        new WebSocketReader(!side.equals("server"), false, 1 << 20, new CollectingSink(read, ends))
                .read(Unpooled.directBuffer().writeBytes(message));
        assertThat(read.toByteArray()).as("seed %d", seed).isEqualTo(expected.toByteArray());
        assertThat(ends).as("seed %d", seed).containsExactly("end");
        for (int i = 0; i < held.size(); i++) {
            assertThat(held.get(i).toByteArray())
                    .as("held by others, seed %d", seed)
                    .isEqualTo(heldBytes.get(i));
            held.get(i).release();
        }
    }

    private static Frame frame(Random random, List<Payload> held, List<byte[]> heldBytes) {
        byte[] bytes = new byte[random.nextInt(3) == 0 ? random.nextInt(20_000) : random.nextInt(600)];
        random.nextBytes(bytes);
        return switch (random.nextInt(8)) {
            case 0 -> new Frame.Window(1 + random.nextInt(100), 1 + random.nextInt(1_000));
            case 1 -> new Frame.Ping(random.nextLong(), random.nextBoolean());
            case 2 -> new Frame.Message(random.nextInt(10), Payload.of(bytes), 0);
            case 3 -> data(read(bytes));
            case 4 -> data(ByteBufAllocator.DEFAULT.heapBuffer(bytes.length + 1).writeBytes(bytes));
            case 5 -> data(Unpooled.compositeBuffer().addComponent(true, Unpooled.wrappedBuffer(bytes.clone())));
            case 6 -> new Frame.Close(1 + random.nextInt(10), random.nextInt(20), "because of " + random.nextInt());
            default -> {
                NettyPayload whole = NettyPayload.of(read(bytes));
                NettyPayload slice = whole.retainedSlice(bytes.length / 4, bytes.length / 2);
                held.add(whole);
                heldBytes.add(bytes);
                yield new Frame.Data(5, slice, 0);
            }
        };
    }

    private static WebSocketWriter writer(String side, RandomGenerator keys) {
        return switch (side) {
            case "server" -> WebSocketWriter.server();
            case "client" -> WebSocketWriter.client(keys);
            default -> WebSocketWriter.client(null);
        };
    }

    private static void append(ByteArrayOutputStream expected, Frame frame) {
        long header = FrameEncoder.header(frame);
        for (int shift = 56; shift >= 0; shift -= 8) {
            expected.write((int) (header >>> shift));
        }
        expected.writeBytes(FrameEncoder.payload(frame).toByteArray());
    }

    private static byte[] take(OutboundBatch batch) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < batch.segments(); i++) {
            ByteBuf segment = batch.segment(i);
            byte[] part = new byte[segment.readableBytes()];
            segment.readBytes(part).release();
            bytes.writeBytes(part);
        }
        batch.reset();
        return bytes.toByteArray();
    }

    private static OutboundBatch server() {
        return new OutboundBatch(ByteBufAllocator.DEFAULT, SERVER_ROOM, false);
    }

    private static void add(OutboundBatch batch, Frame frame) {
        batch.add(FrameEncoder.header(frame), frame);
    }

    private static Frame.Data data(ByteBuf buf) {
        return new Frame.Data(1, NettyPayload.of(buf), 0);
    }

    /** A buffer as a socket fills it. */
    private static ByteBuf read(byte[] bytes) {
        int capacity = Math.max(512, Integer.highestOneBit(bytes.length + 24) * 2);
        return ByteBufAllocator.DEFAULT
                .ioBuffer(capacity, capacity)
                .setIndex(24, 24)
                .writeBytes(bytes);
    }

    private record CollectingSink(ByteArrayOutputStream bytes, List<String> ends) implements WebSocketReader.Sink {
        @Override
        public void onMessage(boolean isText, boolean isCompressed) {
            assertThat(isText || isCompressed).isFalse();
        }

        @Override
        public void onBytes(ByteBuf taken, int start, int end, boolean isLast) {
            byte[] part = new byte[end - start];
            taken.getBytes(start, part);
            bytes.writeBytes(part);
            taken.release();
            if (isLast) {
                ends.add("end");
            }
        }

        @Override
        public void onEmptyFrame(boolean isLast) {
            ends.add("empty");
        }

        @Override
        public void onPing(byte[] data) {
            ends.add("ping " + Arrays.toString(data));
        }

        @Override
        public void onPong(byte[] data) {
            ends.add("pong");
        }

        @Override
        public void onClose(int code, String reason) {
            ends.add("close " + code);
        }
    }
}
