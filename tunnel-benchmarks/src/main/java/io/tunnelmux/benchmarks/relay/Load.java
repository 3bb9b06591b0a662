package io.tunnelmux.benchmarks.relay;

import java.time.Duration;
import java.util.List;

/**
 * What a comparison does.
 *
 * @param sizes payload bytes of a message, each from 8 to 16 MiB; one after the other
 * @param connections WebSockets at once, each with one message under way
 * @param warmUpRounds rounds of every target and size that are not reported
 * @param rounds rounds of every target and size that are
 * @param round how long a round counts
 * @param path what the clients ask for
 */
record Load(List<Integer> sizes, int connections, int warmUpRounds, int rounds, Duration round, String path) {
    private static final int SMALLEST_BYTES = Long.BYTES;
    private static final int LARGEST_BYTES = 16 * 1024 * 1024;

    Load {
        sizes = List.copyOf(sizes);
        for (int size : sizes) {
            between("sizes", SMALLEST_BYTES, size, LARGEST_BYTES);
        }
        between("connections", 1, connections, 10_000);
        between("warm-up", 0, warmUpRounds, 1_000);
        between("rounds", 1, rounds, 1_000);
        between("seconds, in ms", 10, round.toMillis(), 600_000);
    }

    private static void between(String name, long least, long value, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + ": " + value + ", not " + least + " to " + most);
        }
    }
}
