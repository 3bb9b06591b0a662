package io.tunnelmux.examples.gateway;

import io.tunnelmux.netty.gateway.RateLimit;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What rates look like in options. */
final class Rates {

    private static final Pattern RATE = Pattern.compile("([0-9]{1,7})/(s|m|h)(?::([0-9]{1,7}))?");

    private Rates() {}

    /**
     * {@code 100/s}, {@code 600/m:50}: so many a second, minute or hour, and so many at once, or as many as in the whole time.
     *
     * @throws IllegalArgumentException with a message for people
     */
    static RateLimit parse(String text) {
        Matcher matcher = RATE.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no rate like 100/s, 600/m or 100/s:200");
        }
        int count = Integer.parseInt(matcher.group(1));
        int burst = matcher.group(3) == null ? count : Integer.parseInt(matcher.group(3));
        Duration period = switch (matcher.group(2)) {
            case "s" -> Duration.ofSeconds(1);
            case "m" -> Duration.ofMinutes(1);
            default -> Duration.ofHours(1);
        };
        try {
            return new RateLimit(count, period, burst);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("'" + text + "': " + e.getMessage() + " is not 1 to 1000000", e);
        }
    }
}
