package io.tunnelmux.core.testing;

import java.time.Duration;
import java.util.SplittableRandom;

/** A pipe that cuts and delays as it likes. */
class BytePipeTest extends TransportContract {

    private static final int BULK_BYTES = 1024 * 1024;
    private static final int MOST_BYTES = 20_000;
    private static final int HIGH_WATER_BYTES = 50_000;

    private final VirtualLoop loop = new VirtualLoop();
    private final SplittableRandom random = new SplittableRandom(1);

    @Override
    protected Ends connect() {
        BytePipe pipe = new BytePipe(loop, loop, new AnyLine(), new AnyLine());
        return new Ends(pipe.left(), pipe.right());
    }

    @Override
    protected void turn() {
        loop.advance(Duration.ofSeconds(1));
    }

    @Override
    protected int bulkBytes() {
        return BULK_BYTES;
    }

    private final class AnyLine implements BytePipe.Line {

        @Override
        public long delayNanos() {
            return random.nextLong(Duration.ofMillis(1).toNanos());
        }

        @Override
        public int portionBytes(int availableBytes) {
            int bytes = random.nextBoolean() ? 1 + random.nextInt(MOST_BYTES) : 1 + random.nextInt(9);
            return Math.min(availableBytes, bytes);
        }

        @Override
        public int highWaterBytes() {
            return HIGH_WATER_BYTES;
        }
    }
}
