package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.testing.CollectedFrames;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What holds of any frames and any bytes. Set {@code tunnelmux.seed} to the seed of a failure to see it again. */
class FrameCodecPropertyTest {

    private static final long SEED = Long.getLong("tunnelmux.seed", 0xf4a3_e5L);
    private static final int CASES = 2_000;
    private static final int MAX_FRAME_BYTES = 2_048;

    private final PayloadTracker tracker = new PayloadTracker();

    @AfterEach
    void nothingLeaks() {
        assertThat(tracker.alive()).as("payloads not released").isZero();
    }

    @Test
    void whatIsWrittenIsReadBackHoweverItIsSplit() {
        for (int i = 0; i < CASES; i++) {
            Random random = new Random(SEED + i);
            List<Frame> frames = new ArrayList<>();
            for (int left = 1 + random.nextInt(20); left > 0; left--) {
                frames.add(randomFrame(random));
            }
            byte[] bytes = encode(frames);
            CollectedFrames received = new CollectedFrames();
            FrameDecoder decoder = new FrameDecoder(MAX_FRAME_BYTES);

            for (int at = 0; at < bytes.length; ) {
                int next = Math.min(bytes.length, at + 1 + random.nextInt(1 << random.nextInt(14)));
                decoder.decode(tracker.payload(bytes, at, next), received);
                at = next;
            }

            assertThat(received.joined()).as("seed %d", SEED + i).isEqualTo(CollectedFrames.join(frames));
            assertThat(decoder.isBetweenFrames()).isTrue();
        }
    }

    @Test
    void piecesOfDataBearTheFlagsThatTheirPlaceAsksFor() {
        for (int i = 0; i < CASES; i++) {
            Random random = new Random(SEED + i);
            Frame.Data whole = new Frame.Data(1, randomPayload(random, MAX_FRAME_BYTES), random.nextInt() & 0x13);
            byte[] bytes = encode(List.of(whole));
            CollectedFrames received = new CollectedFrames();
            FrameDecoder decoder = new FrameDecoder(MAX_FRAME_BYTES);
            for (int at = 0; at < bytes.length; ) {
                int next = Math.min(bytes.length, at + 1 + random.nextInt(600));
                decoder.decode(tracker.payload(bytes, at, next), received);
                at = next;
            }

            List<Frame> pieces = received.frames();
            for (int p = 0; p < pieces.size(); p++) {
                Frame.Data piece = (Frame.Data) pieces.get(p);
                boolean isLast = p == pieces.size() - 1;
                String which = "seed " + (SEED + i) + ", piece " + p + " of " + pieces;
                assertThat(piece.isText()).as(which).isEqualTo(p == 0 && whole.isText());
                assertThat(piece.isEnd()).as(which).isEqualTo(isLast && whole.isEnd());
                assertThat(piece.hasMore()).as(which).isEqualTo(!isLast || whole.hasMore());
                assertThat(piece.payload().length() > 0 || whole.payload().length() == 0)
                        .as(which)
                        .isTrue();
            }
        }
    }

    @Test
    void anyBytesGiveFramesOrABreachAndLeakNothing() {
        for (int i = 0; i < CASES; i++) {
            Random random = new Random(SEED + i);
            byte[] bytes = encode(List.of(randomFrame(random), randomFrame(random), randomFrame(random)));
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                bytes[random.nextInt(Math.min(bytes.length, 64))] ^= (byte) (1 << random.nextInt(8));
            }

            assertThat(outcome(bytes, bytes.length, random))
                    .as("seed %d", SEED + i)
                    .isEqualTo(outcome(bytes, 1 + random.nextInt(7), random));
        }
    }

    /** All that a decoder says of {@code bytes}: frames, breaches, and what it throws, which is nothing but a breach. */
    private List<Object> outcome(byte[] bytes, int longestPiece, Random random) {
        CollectedFrames received = new CollectedFrames();
        FrameDecoder decoder = new FrameDecoder(MAX_FRAME_BYTES);
        List<Object> outcome = new ArrayList<>();
        String end = "between frames or inside one";
        try {
            for (int at = 0; at < bytes.length; ) {
                int next = Math.min(bytes.length, at + 1 + random.nextInt(longestPiece));
                decoder.decode(tracker.payload(bytes, at, next), received);
                at = next;
            }
        } catch (ProtocolException breach) {
            assertThat(breach.costsTunnel()).isTrue();
            end = breach.code() + ": " + breach.getMessage();
        }
        outcome.addAll(received.joined());
        outcome.add(end);
        return outcome;
    }

    private static byte[] encode(List<Frame> frames) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (Frame frame : frames) {
            bytes.writeBytes(
                    ByteBuffer.allocate(8).putLong(FrameEncoder.header(frame)).array());
            bytes.writeBytes(FrameEncoder.payload(frame).toByteArray());
        }
        return bytes.toByteArray();
    }

    private static Frame randomFrame(Random random) {
        int streamId = 1 + random.nextInt(Integer.MAX_VALUE);
        return switch (random.nextInt(12)) {
            case 0, 1, 2 -> new Frame.Data(streamId, randomPayload(random, MAX_FRAME_BYTES), random.nextInt() & 0x13);
            case 3 -> {
                Payload payload = randomPayload(random, MAX_FRAME_BYTES);
                yield new Frame.Open(streamId, payload, random.nextInt() & (payload.length() == 0 ? 1 : 3));
            }
            case 4 -> {
                Payload payload = randomPayload(random, MAX_FRAME_BYTES);
                yield new Frame.Message(streamId, payload, random.nextInt() & (payload.length() == 0 ? 1 : 3));
            }
            case 5 -> new Frame.Window(random.nextBoolean() ? 0 : streamId, 1 + random.nextInt(Integer.MAX_VALUE));
            case 6 -> new Frame.Close(streamId, random.nextInt(), randomReason(random));
            case 7 -> new Frame.Cancel(streamId, random.nextInt(), randomReason(random));
            case 8 -> new Frame.Ping(random.nextLong(), random.nextBoolean());
            case 9 ->
                new Frame.GoAway(
                        random.nextInt(Integer.MAX_VALUE),
                        random.nextInt(),
                        random.nextInt() & 0xffff_ffffL,
                        randomReason(random));
            case 10 -> new Frame.Hello(randomPayload(random, FrameType.MAX_HELLO_BYTES), random.nextBoolean());
            default -> new Frame.Ack(random.nextLong());
        };
    }

    private static Payload randomPayload(Random random, int maxBytes) {
        // Mostly short, sometimes as long as may be.
        int length = random.nextInt(8) == 0 ? maxBytes : random.nextInt(1 + random.nextInt(64));
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return Payload.of(bytes);
    }

    private static String randomReason(Random random) {
        return random.ints(random.nextInt(40), 0x20, 0xd7ff)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }
}
