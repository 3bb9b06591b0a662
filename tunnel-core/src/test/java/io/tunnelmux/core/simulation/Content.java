package io.tunnelmux.core.simulation;

import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.util.Arrays;
import java.util.SplittableRandom;

/** The bytes of all streams: each stream sends a run of one pattern from a place of its own on, so that any byte tells where it belongs. */
final class Content {

    private static final int STREAMS = 1_021;
    private static final int STEP_BYTES = 67;
    private static final int MOST_BYTES = 1_600_000;
    private static final byte[] PATTERN = new byte[STREAMS * STEP_BYTES + MOST_BYTES];

    private static final Payload WHOLE = Payload.of(PATTERN);

    static {
        new SplittableRandom(1).nextBytes(PATTERN);
    }

    private final int start;

    /** The content that belongs to this name. */
    Content(String name) {
        start = Math.floorMod(name.hashCode(), STREAMS) * STEP_BYTES;
    }

    Payload payload(PayloadTracker tracker, long offset, int count) {
        int from = start + (int) offset;
        return tracker.payload(WHOLE.retainedSlice(from, count));
    }

    /** Whether these are the {@code count} bytes behind {@code offset}. */
    boolean matches(byte[] bytes, int count, long offset) {
        int from = start + (int) offset;
        return Arrays.equals(bytes, 0, count, PATTERN, from, from + count);
    }
}
