package io.tunnelmux.netty.transport;

import io.netty.handler.codec.DateFormatter;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.jspecify.annotations.Nullable;

/** The header {@code Retry-After} (RFC 9110 10.2.3): seconds, or a date. */
final class RetryAfter {
    /** Nobody stays away for longer, whatever is asked. */
    static final Duration LONGEST = Duration.ofDays(1);

    private static final int MAX_DIGITS = 18;

    private RetryAfter() {}

    /**
     * How long to stay away.
     *
     * @param value of the header, or null where there is none
     * @param now by the wall clock, which dates are told by
     * @return 0 for a date that has passed; null if there is nothing that can be understood
     */
    static @Nullable Duration parse(@Nullable String value, Instant now) {
        if (value == null) {
            return null;
        }
        String text = value.strip();
        if (!text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return text.length() > MAX_DIGITS ? LONGEST : atMost(Duration.ofSeconds(Long.parseLong(text)));
        }
        Date date = text.isEmpty() ? null : DateFormatter.parseHttpDate(text);
        return date == null ? null : atMost(Duration.between(now, date.toInstant()));
    }

    private static Duration atMost(Duration delay) {
        if (delay.isNegative()) {
            return Duration.ZERO;
        }
        return delay.compareTo(LONGEST) > 0 ? LONGEST : delay;
    }
}
