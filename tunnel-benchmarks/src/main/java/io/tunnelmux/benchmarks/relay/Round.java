package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * What one round measured.
 *
 * @param figures those that it has; the others are left out
 */
public record Round(Map<Figure, Double> figures) {
    private static final double NANOS_PER_MICRO = TimeUnit.MICROSECONDS.toNanos(1);
    private static final double KIBIBYTE = 1024;

    public Round {
        figures = Collections.unmodifiableMap(new EnumMap<>(figures));
    }

    /** Not a number if it was not measured. */
    public double get(Figure figure) {
        return figures.getOrDefault(figure, Double.NaN);
    }

    /**
     * What round trips were.
     *
     * @throws IOException if there was not one
     */
    static Round ofTrips(Histogram roundTrips, RelayMeter.Reading relays) throws IOException {
        long messages = roundTrips.getTotalCount();
        if (messages == 0) {
            throw new IOException("not one answer in " + TimeUnit.NANOSECONDS.toMillis(relays.nanos()) + " ms");
        }
        Map<Figure, Double> figures = new EnumMap<>(Figure.class);
        figures.put(Figure.P50_MICROS, roundTrips.getValueAtPercentile(50) / NANOS_PER_MICRO);
        figures.put(Figure.P99_MICROS, roundTrips.getValueAtPercentile(99) / NANOS_PER_MICRO);
        figures.put(Figure.MESSAGES_PER_SECOND, messages / relays.seconds());
        figures.put(Figure.RELAY_MICROS_PER_MESSAGE, relays.processorSeconds() / messages * 1e6);
        relays.garbageBytes().ifPresent(bytes -> figures.put(Figure.GARBAGE_BYTES_PER_MESSAGE, bytes / messages));
        return new Round(figures);
    }

    /**
     * What bulk was.
     *
     * @throws IOException if nothing arrived
     */
    static Round ofBytes(long bytes, RelayMeter.Reading relays) throws IOException {
        if (bytes == 0) {
            throw new IOException("not one byte in " + TimeUnit.NANOSECONDS.toMillis(relays.nanos()) + " ms");
        }
        Map<Figure, Double> figures = new EnumMap<>(Figure.class);
        figures.put(Figure.MEGABYTES_PER_SECOND, bytes / relays.seconds() / 1e6);
        figures.put(Figure.RELAY_SECONDS_PER_GIGABYTE, relays.processorSeconds() / (bytes / 1e9));
        relays.garbageBytes()
                .ifPresent(garbage -> figures.put(Figure.GARBAGE_BYTES_PER_KIBIBYTE, garbage / (bytes / KIBIBYTE)));
        return new Round(figures);
    }

    /** All of this and of {@code other}, whose figures go before. */
    Round with(Round other) {
        Map<Figure, Double> all = new EnumMap<>(Figure.class);
        all.putAll(figures);
        all.putAll(other.figures);
        return new Round(all);
    }
}
