package io.tunnelmux.protocol.codec;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Points in time as RFC 3339 writes them, and durations as {@code 1m30s}. Pure functions; any thread. */
final class EnvelopeTimes {

    private static final Pattern RFC_3339 =
            Pattern.compile("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)");
    private static final Pattern DURATION_PART = Pattern.compile("(\\d{1,12}(?:\\.\\d{0,12})?)(ns|us|µs|μs|ms|s|m|h)");
    private static final Map<String, BigDecimal> MILLIS = Map.of(
            "ns", new BigDecimal("0.000001"),
            "us", new BigDecimal("0.001"),
            "µs", new BigDecimal("0.001"),
            "μs", new BigDecimal("0.001"),
            "ms", BigDecimal.ONE,
            "s", new BigDecimal(1_000),
            "m", new BigDecimal(60_000),
            "h", new BigDecimal(3_600_000));
    private static final int LONGEST_DURATION = 64;

    private EnvelopeTimes() {}

    /** @throws IllegalArgumentException if it is no point in time of RFC 3339 */
    static OffsetDateTime parse(String text) {
        OffsetDateTime time = parseOrNull(text);
        if (time == null) {
            throw new IllegalArgumentException("timestamp is not RFC 3339");
        }
        return time;
    }

    static @Nullable OffsetDateTime parseOrNull(@Nullable String text) {
        if (text == null || !RFC_3339.matcher(text).matches()) {
            return null;
        }
        try {
            return OffsetDateTime.parse(text);
        } catch (DateTimeException e) {
            return null; // the right shape, but no such day or hour
        }
    }

    /** The duration in milliseconds, any rest counted as a whole one; 0 if {@code text} is none. */
    static long durationMillis(String text) {
        if (text.length() > LONGEST_DURATION) {
            return 0;
        }
        BigDecimal sum = BigDecimal.ZERO;
        Matcher part = DURATION_PART.matcher(text);
        int end = 0;
        while (end < text.length() && part.find(end) && part.start() == end) {
            BigDecimal unit = MILLIS.getOrDefault(part.group(2), BigDecimal.ZERO);
            sum = sum.add(new BigDecimal(part.group(1)).multiply(unit));
            end = part.end();
        }
        return end == text.length() ? sum.setScale(0, RoundingMode.CEILING).longValue() : 0;
    }
}
