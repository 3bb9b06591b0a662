package io.tunnelmux.core;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * How long to wait before the next attempt: exponential with full jitter, so that a thousand agents that lost one gateway in the same second do not come back in
 * the same second ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). With the defaults the first wait is anything up to 500 ms, the second
 * up to 1 s, the eighth and all later ones up to 60 s.
 *
 * <p>Immutable but for the source of chance; for one thread.
 */
public final class Backoff {

    /** Upper end of the first wait. */
    public static final Duration DEFAULT_FIRST = Duration.ofMillis(500);
    /** Upper end of every wait. */
    public static final Duration DEFAULT_CEILING = Duration.ofSeconds(60);

    private static final int MAX_DOUBLINGS = 30;

    private final long firstMillis;
    private final long ceilingMillis;
    private final RandomGenerator random;

    /** @throws IllegalArgumentException unless {@code 1 ms <= first <= ceiling} */
    public Backoff(Duration first, Duration ceiling, RandomGenerator random) {
        if (first.toMillis() < 1 || first.compareTo(ceiling) > 0) {
            throw new IllegalArgumentException("first: " + first + ", ceiling: " + ceiling);
        }
        firstMillis = first.toMillis();
        ceilingMillis = ceiling.toMillis();
        this.random = random;
    }

    /**
     * The wait before an attempt.
     *
     * @param failures attempts that failed since the last success, 0 or more
     */
    public Duration delay(int failures) {
        int doublings = Math.min(failures, MAX_DOUBLINGS);
        long upper = firstMillis > ceilingMillis >> doublings ? ceilingMillis : firstMillis << doublings;
        return Duration.ofMillis(random.nextLong(upper + 1));
    }

    /** The wait after a refusal that will not go away by itself: the upper half of the ceiling, at random. */
    public Duration slowDelay() {
        return Duration.ofMillis(ceilingMillis / 2 + random.nextLong(ceilingMillis / 2 + 1));
    }

    /** Spreads a time that the peer named over up to a tenth more, so that those it was told to do not come back together. */
    public Duration spread(Duration named) {
        return named.plusMillis(random.nextLong(Math.max(1, named.toMillis() / 10 + 1)));
    }
}
