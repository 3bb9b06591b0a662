package io.tunnelmux.netty.gateway;

import java.time.Duration;

/**
 * How often something may happen: so many times in each period, evenly, and so many times at once after a rest. Immutable; any thread.
 *
 * @param count 1 to 1,000,000
 * @param period what {@code count} is for; 1 ms to 1 d
 * @param burst at once after a rest; 1 to 1,000,000
 */
public record RateLimit(int count, Duration period, int burst) {

    private static final int MOST = 1_000_000;
    private static final Duration SHORTEST = Duration.ofMillis(1);
    private static final Duration LONGEST = Duration.ofDays(1);

    /** @throws IllegalArgumentException if something is not within its bounds */
    public RateLimit {
        if (count < 1 || count > MOST) {
            throw new IllegalArgumentException("count: " + count);
        }
        if (period.compareTo(SHORTEST) < 0 || period.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException("period: " + period);
        }
        if (burst < 1 || burst > MOST) {
            throw new IllegalArgumentException("burst: " + burst);
        }
    }

    /** So many a second, and as many at once. */
    public static RateLimit perSecond(int count) {
        return new RateLimit(count, Duration.ofSeconds(1), count);
    }

    /** The same with another burst. */
    public RateLimit withBurst(int newBurst) {
        return new RateLimit(count, period, newBurst);
    }
}
