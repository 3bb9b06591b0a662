package io.tunnelmux.netty.gateway;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.TimeMeter;
import java.util.function.LongSupplier;

/** Holds one thing to a {@link RateLimit}. Any thread. */
final class Limiter {

    private final Bucket bucket;

    Limiter(RateLimit limit, LongSupplier nanoTime) {
        bucket = Bucket.builder()
                .withCustomTimePrecision(new Clock(nanoTime))
                .addLimit(bandwidth -> bandwidth.capacity(limit.burst()).refillGreedy(limit.count(), limit.period()))
                .build();
    }

    /** Takes one turn: 0 if there was one, else how many nanoseconds until there is. */
    long take() {
        return bucket.tryConsumeAndReturnRemaining(1).getNanosToWaitForRefill();
    }

    /** As {@link #take}, and takes nothing. */
    long look() {
        return bucket.estimateAbilityToConsume(1).getNanosToWaitForRefill();
    }

    private record Clock(LongSupplier nanoTime) implements TimeMeter {

        @Override
        public long currentTimeNanos() {
            return nanoTime.getAsLong();
        }

        @Override
        public boolean isWallClockBased() {
            return false;
        }
    }
}
