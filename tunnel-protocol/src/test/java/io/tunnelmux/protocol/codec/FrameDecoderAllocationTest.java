package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.testing.AllocatedBytes;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** What a decoder allocates. Bounds are generous by a factor, and fail when a copy or a leak per frame creeps in. */
class FrameDecoderAllocationTest {

    private static final int COUNTING_BYTES = 2_048;
    /** A record and a slice, 24 bytes each with compressed references, and as much again for other layouts. */
    private static final int BYTES_PER_DATA = 96;

    private final FrameDecoder decoder = new FrameDecoder(65_535);
    private final FrameSink sink = new FrameSink() {
        @Override
        public void onData(Frame.Data frame) {
            frame.payload().release();
        }

        @Override
        public void onOpen(Frame.Open frame) {
            frame.payload().release();
        }
    };

    @Test
    void dataCostsARecordAndASliceWhateverItsLength() {
        for (int length : new int[] {1, 1_000, 60_000}) {
            Payload input = frames(FrameType.DATA, 100, length);
            long bytes = AllocatedBytes.by(() -> decoder.decode(input, sink));
            assertThat(bytes).as("payloads of %d bytes", length).isLessThan(100 * BYTES_PER_DATA + COUNTING_BYTES);
        }
    }

    @Test
    void anAnnouncedLengthAloneCostsLittle() {
        Payload headerAndOneByte = Payload.of(
                ByteBuffer.allocate(9).putLong(0x0100_ffff_0000_0002L).array());

        long bytes = AllocatedBytes.by(() -> new FrameDecoder(65_535).decode(headerAndOneByte, sink));

        assertThat(bytes).isLessThan(1_024 + COUNTING_BYTES);
    }

    @Test
    void aFrameThatComesWholeIsCopiedOnce() {
        Payload input = frames(FrameType.OPEN, 1, 60_000);

        long bytes = AllocatedBytes.by(() -> decoder.decode(input, sink));

        assertThat(bytes).isBetween(60_000L, 60_000L + COUNTING_BYTES);
    }

    @Test
    void aFrameThatDripsInCostsAFewTimesItsLength() {
        byte[] bytes = frames(FrameType.OPEN, 1, 60_000).toByteArray();
        Payload[] drops = new Payload[bytes.length];
        for (int i = 0; i < drops.length; i++) {
            drops[i] = Payload.of(new byte[] {bytes[i]});
        }

        long allocated = AllocatedBytes.by(() -> {
            for (Payload drop : drops) {
                decoder.decode(drop, sink);
            }
        });

        assertThat(allocated).isLessThan(4L * 60_000 + COUNTING_BYTES);
    }

    private static Payload frames(int type, int count, int length) {
        ByteBuffer bytes = ByteBuffer.allocate(count * (8 + length));
        for (int i = 0; i < count; i++) {
            bytes.putLong((long) type << 56 | (long) length << 32 | 2).position(bytes.position() + length);
        }
        return Payload.of(bytes.array());
    }
}
