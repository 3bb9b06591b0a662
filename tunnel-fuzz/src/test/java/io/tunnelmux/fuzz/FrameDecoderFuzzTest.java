package io.tunnelmux.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameDecoder;
import io.tunnelmux.protocol.testing.CollectedFrames;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.util.List;

/** Bytes that claim to be frames, whole and cut at places of the fuzzer's choice. The first three bytes say how, the others are the frames. */
class FrameDecoderFuzzTest {

    private static final int OPTION_BYTES = 3;
    private static final int[] MAX_FRAME_BYTES = {1_024, 4_096, 32_768, 65_535};
    private static final long BYTES_PER_BYTE = 64;
    private static final long FIXED_BYTES = 128 * 1_024;

    @FuzzTest
    void readsTheSameHoweverItIsCut(byte[] input) {
        if (input.length < OPTION_BYTES) {
            return;
        }
        int maxFrameBytes = MAX_FRAME_BYTES[input[0] & 3];
        int length = input.length - OPTION_BYTES;

        List<Object> whole = read(input, maxFrameBytes, length, length);
        List<Object> cut = read(input, maxFrameBytes, 1 + (input[1] & 0xff), 1 + (input[2] & 0xff));

        assertThat(cut).isEqualTo(whole);
        Payload frames = Payload.of(input).dropFirst(OPTION_BYTES);
        Bounds.requireFrugal(length, BYTES_PER_BYTE, FIXED_BYTES, () -> {
            try {
                new FrameDecoder(maxFrameBytes).decode(frames, new CollectedFrames());
            } catch (ProtocolException e) {
                // What it says was looked at above.
            }
        });
    }

    /** What is read from pieces of these two lengths in turn, with the breach that ends it, if one does, as the last. */
    private static List<Object> read(byte[] input, int maxFrameBytes, int oneBytes, int otherBytes) {
        PayloadTracker tracker = new PayloadTracker();
        CollectedFrames frames = new CollectedFrames();
        FrameDecoder decoder = new FrameDecoder(maxFrameBytes);
        String end = "goes on";
        boolean isOne = true;
        try {
            for (int from = OPTION_BYTES, to; from < input.length; from = to) {
                to = Math.min(input.length, from + (isOne ? oneBytes : otherBytes));
                isOne = !isOne;
                decoder.decode(tracker.payload(input, from, to), frames);
            }
        } catch (ProtocolException e) {
            assertThat(e.costsTunnel()).isTrue();
            end = e.code().name();
        }
        assertThat(tracker.alive()).as("payloads not released").isZero();
        List<Object> seen = frames.joined();
        seen.add(end);
        return seen;
    }
}
