package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * What one round measured.
 *
 * @param p50Micros median round trip, microseconds
 * @param p99Micros round trip that one in a hundred exceeds, microseconds
 * @param messagesPerSecond round trips of all connections in a second
 * @param relayMicrosPerMessage processor time of the relays for one round trip, microseconds
 */
record RoundResult(double p50Micros, double p99Micros, double messagesPerSecond, double relayMicrosPerMessage) {
    private static final double NANOS_PER_MICRO = TimeUnit.MICROSECONDS.toNanos(1);

    static RoundResult of(Histogram roundTrips, long nanos, double relaySeconds) throws IOException {
        long messages = roundTrips.getTotalCount();
        if (messages == 0) {
            throw new IOException("not one answer in " + TimeUnit.NANOSECONDS.toMillis(nanos) + " ms");
        }
        return new RoundResult(
                roundTrips.getValueAtPercentile(50) / NANOS_PER_MICRO,
                roundTrips.getValueAtPercentile(99) / NANOS_PER_MICRO,
                messages / (nanos / (double) TimeUnit.SECONDS.toNanos(1)),
                relaySeconds / messages * TimeUnit.SECONDS.toMicros(1));
    }
}
