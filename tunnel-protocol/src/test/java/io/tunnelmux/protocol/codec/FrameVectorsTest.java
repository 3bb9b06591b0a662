package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.testing.Breach;
import io.tunnelmux.protocol.testing.CollectedFrames;
import io.tunnelmux.protocol.testing.FrameVector;
import io.tunnelmux.protocol.testing.PayloadTracker;
import io.tunnelmux.protocol.testing.Vectors;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every vector of {@code vectors/frames}, whole and split. */
class FrameVectorsTest {

    private static final long SEED = Long.getLong("tunnelmux.seed", 0x7e57_f4a3L);
    /** Longer ones are split at every byte near their ends and at random ones between. */
    private static final int SPLIT_EVERYWHERE_BYTES = 2_048;

    private static final int RANDOM_SPLITS = 50;

    private final PayloadTracker tracker = new PayloadTracker();

    static List<FrameVector> valid() {
        return Vectors.validFrames();
    }

    static List<FrameVector> invalid() {
        return Vectors.invalidFrames();
    }

    @AfterEach
    void nothingLeaks() {
        assertThat(tracker.alive()).as("payloads not released").isZero();
    }

    @ParameterizedTest
    @MethodSource("valid")
    void aValidVectorIsReadBackWhole(FrameVector vector) {
        CollectedFrames received = new CollectedFrames();
        FrameDecoder decoder = new FrameDecoder(vector.maxFrameBytes());

        decoder.decode(tracker.payload(vector.bytes().toByteArray()), received);

        assertThat(received.asDelivered()).isEqualTo(vector.expected());
        assertThat(decoder.isBetweenFrames()).isTrue();
    }

    @ParameterizedTest
    @MethodSource("valid")
    void aValidVectorIsReadBackSplitAtAnyByte(FrameVector vector) {
        for (int split : splits(vector)) {
            CollectedFrames received = read(vector, split);
            assertThat(received.joined()).as("split at %d", split).isEqualTo(CollectedFrames.join(vector.expected()));
        }
    }

    @ParameterizedTest
    @MethodSource("valid")
    void aValidVectorIsReadBackInPiecesOfAnySize(FrameVector vector) {
        assertThat(read(vector, everyByte(vector)).joined()).isEqualTo(CollectedFrames.join(vector.expected()));

        Random random = new Random(SEED);
        for (int i = 0; i < RANDOM_SPLITS; i++) {
            int[] splits = randomSplits(vector, random);
            assertThat(read(vector, splits).joined())
                    .as("seed %d, splits %s", SEED, Arrays.toString(splits))
                    .isEqualTo(CollectedFrames.join(vector.expected()));
        }
    }

    @ParameterizedTest
    @MethodSource("valid")
    void aValidVectorIsWrittenAsItStands(FrameVector vector) {
        if (vector.isReceiveOnly()) {
            return;
        }
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        for (Frame frame : vector.frames()) {
            written.writeBytes(ByteBuffer.allocate(FrameEncoder.HEADER_BYTES)
                    .putLong(FrameEncoder.header(frame))
                    .array());
            written.writeBytes(FrameEncoder.payload(frame).toByteArray());
        }

        assertThat(Payload.of(written.toByteArray())).isEqualTo(vector.bytes());
    }

    @ParameterizedTest
    @MethodSource("invalid")
    void anInvalidVectorIsRefusedWhole(FrameVector vector) {
        assertRefused(vector);
    }

    @ParameterizedTest
    @MethodSource("invalid")
    void anInvalidVectorIsRefusedSplitAtAnyByte(FrameVector vector) {
        for (int split : splits(vector)) {
            assertRefused(vector, split);
        }
        assertRefused(vector, everyByte(vector));
        Random random = new Random(SEED);
        for (int i = 0; i < RANDOM_SPLITS; i++) {
            assertRefused(vector, randomSplits(vector, random));
        }
    }

    private void assertRefused(FrameVector vector, int... splits) {
        CollectedFrames received = new CollectedFrames();
        Breach breach = vector.breach();
        assertThat(breach).as("error of an invalid vector").isNotNull();
        String how = "splits " + Arrays.toString(splits);
        if (breach.costsTunnel()) {
            assertThatExceptionOfType(ProtocolException.class)
                    .as(how)
                    .isThrownBy(() -> read(vector, received, splits))
                    .satisfies(thrown -> assertThat(Breach.of(thrown)).isEqualTo(breach));
        } else {
            read(vector, received, splits);
        }
        assertThat(received.joined()).as(how).isEqualTo(CollectedFrames.join(vector.expected()));
    }

    private CollectedFrames read(FrameVector vector, int... splits) {
        CollectedFrames received = new CollectedFrames();
        read(vector, received, splits);
        return received;
    }

    private void read(FrameVector vector, CollectedFrames received, int... splits) {
        byte[] bytes = vector.bytes().toByteArray();
        FrameDecoder decoder = new FrameDecoder(vector.maxFrameBytes());
        int from = 0;
        for (int split : splits) {
            decoder.decode(tracker.payload(bytes, from, split), received);
            from = split;
        }
        decoder.decode(tracker.payload(bytes, from, bytes.length), received);
    }

    private static int[] splits(FrameVector vector) {
        int length = vector.bytes().length();
        if (length <= SPLIT_EVERYWHERE_BYTES) {
            return IntStream.rangeClosed(0, length).toArray();
        }
        return IntStream.concat(
                        IntStream.concat(IntStream.range(0, 32), IntStream.rangeClosed(length - 32, length)),
                        new Random(SEED).ints(64, 32, length - 32))
                .toArray();
    }

    private static int[] everyByte(FrameVector vector) {
        int length = Math.min(vector.bytes().length(), SPLIT_EVERYWHERE_BYTES);
        return IntStream.range(1, length).toArray();
    }

    private static int[] randomSplits(FrameVector vector, Random random) {
        int pieces = random.nextInt(12);
        return random.ints(pieces, 0, vector.bytes().length() + 1).sorted().toArray();
    }
}
