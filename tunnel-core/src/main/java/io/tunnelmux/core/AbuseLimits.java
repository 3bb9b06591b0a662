package io.tunnelmux.core;

/**
 * How often a peer may do what is right once in a while and costs this side work each time. What goes beyond ends the tunnel with {@code CALM_DOWN}.
 * Immutable; any thread.
 *
 * @param pingBurst PINGs at once
 * @param pingsPerSecond at which the burst is filled up again
 * @param emptyDataInARow DATA without bytes and without END on one stream, with nothing of use between
 * @param needlessBurst needless frames at once: extensions that nobody here knows, ACK where nothing can be resumed, a
 *     GOAWAY behind the first
 * @param needlessPerSecond at which that burst is filled up again
 */
public record AbuseLimits(
        int pingBurst, int pingsPerSecond, int emptyDataInARow, int needlessBurst, int needlessPerSecond) {

    /** What the protocol names. */
    public static final AbuseLimits DEFAULTS = new AbuseLimits(20, 2, 15, 1_000, 33);

    /** Highest value of each: more would be no limit. */
    public static final int MAX = 1_000_000;

    /** @throws IllegalArgumentException if one is not within 1 and {@link #MAX} */
    public AbuseLimits {
        requireLimit("pingBurst", pingBurst);
        requireLimit("pingsPerSecond", pingsPerSecond);
        requireLimit("emptyDataInARow", emptyDataInARow);
        requireLimit("needlessBurst", needlessBurst);
        requireLimit("needlessPerSecond", needlessPerSecond);
    }

    private static void requireLimit(String what, int value) {
        if (value < 1 || value > MAX) {
            throw new IllegalArgumentException(what + ": " + value + ", not within 1 and " + MAX);
        }
    }
}
