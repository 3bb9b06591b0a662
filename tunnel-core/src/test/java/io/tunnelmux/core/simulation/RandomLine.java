package io.tunnelmux.core.simulation;

import io.tunnelmux.core.testing.BytePipe;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.util.SplittableRandom;

/** One direction of a line with a character drawn by lot: how it cuts, how fast it is, whether it stalls. */
final class RandomLine implements BytePipe.Line {

    private static final int[] MOST_BYTES = {64, 1_460, 4_096, 65_536, Integer.MAX_VALUE};
    private static final int[] HIGH_WATER_BYTES = {1, 1_000, 20_000, 65_536, 65_536, 200_000};
    private static final long[] MOST_DELAY_NANOS = {0, 20_000, 1_000_000, 30_000_000};
    private static final int MOST_QUEUED_BYTES = 20_000;
    private static final int CRUMB_BYTES = 12;
    private static final int FEW_BYTES = 2_000;
    private static final int MANY_PERCENT = 60;

    private final SplittableRandom random;
    private final PayloadTracker tracker;
    private final int mostBytes;
    private final int crumbsPercent;
    private final int stallsPerThousand;
    private final long mostDelayNanos;
    private final long mostStallNanos;
    private final int highWaterBytes;

    RandomLine(SplittableRandom random, PayloadTracker tracker, int plannedBytes, long mostStallNanos) {
        this.random = random;
        this.tracker = tracker;
        this.mostStallNanos = mostStallNanos;
        boolean isLittle = plannedBytes < FEW_BYTES * 10;
        mostBytes = MOST_BYTES[random.nextInt(isLittle ? 0 : 2, MOST_BYTES.length)];
        crumbsPercent = random.nextInt(3) > 0 ? 0 : random.nextInt(isLittle ? 100 : 60);
        // Small portions, long delays or many stalls, and long queues together would make a line on which nobody waits
        // for a ping.
        boolean isNarrow = crumbsPercent > 0 || mostBytes < 65_536;
        int barred = crumbsPercent > MANY_PERCENT ? 2 : isNarrow ? 1 : 0;
        stallsPerThousand = random.nextInt(4) > 0 ? 0 : isNarrow ? 1 : 5;
        mostDelayNanos = MOST_DELAY_NANOS[random.nextInt(MOST_DELAY_NANOS.length - barred)];
        highWaterBytes = Math.min(
                isNarrow ? MOST_QUEUED_BYTES : Integer.MAX_VALUE,
                HIGH_WATER_BYTES[random.nextInt(HIGH_WATER_BYTES.length)]);
    }

    @Override
    public long delayNanos() {
        if (stallsPerThousand > 0 && random.nextInt(1_000) < stallsPerThousand) {
            return random.nextLong(mostStallNanos);
        }
        return mostDelayNanos == 0 ? 0 : random.nextLong(mostDelayNanos);
    }

    @Override
    public int portionBytes(int availableBytes) {
        if (crumbsPercent > 0 && random.nextInt(100) < crumbsPercent) {
            return Math.min(availableBytes, 1 + random.nextInt(CRUMB_BYTES));
        }
        return mostBytes >= availableBytes ? availableBytes : 1 + random.nextInt(mostBytes);
    }

    @Override
    public int highWaterBytes() {
        return highWaterBytes;
    }

    @Override
    public Payload payload(byte[] bytes) {
        return tracker.payload(Payload.of(bytes));
    }

    @Override
    public String toString() {
        return "portions to " + mostBytes + " bytes, crumbs " + crumbsPercent + "%, delays to " + mostDelayNanos / 1_000
                + " us, stalls " + stallsPerThousand + "/1000, high water " + highWaterBytes;
    }
}
