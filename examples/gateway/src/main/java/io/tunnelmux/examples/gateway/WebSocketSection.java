package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.ConfigSection;
import io.tunnelmux.examples.common.Values;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The block {@code websocket:} of a configuration file, which gateways of other makes have as well, in the options of this one.
 *
 * <pre>
 * zero_copy_enabled: true        --websocket-mode zero-copy; false: aware
 * read_buffer_size: 4096         --read-buffer, bytes
 * write_buffer_size: 4096        --write-buffer, bytes
 * stream_buffer_size: 100        --stream-window: so many pieces of read_buffer_size each
 * upgrade_timeout: 10s           --upgrade-timeout
 * stream_send_timeout: 5s        --write-timeout
 * log_performance_metrics: true  --log-performance-metrics
 * </pre>
 */
final class WebSocketSection implements ConfigSection {

    private static final String ZERO_COPY = "zero_copy_enabled";
    private static final String READ_BUFFER = "read_buffer_size";
    private static final String STREAM_BUFFER = "stream_buffer_size";
    private static final long DEFAULT_READ_BUFFER_BYTES = 4096;
    /** Keys that are just other names. */
    private static final Map<String, String> OPTIONS = Map.of(
            READ_BUFFER,
            "--read-buffer",
            "write_buffer_size",
            "--write-buffer",
            "upgrade_timeout",
            "--upgrade-timeout",
            "stream_send_timeout",
            "--write-timeout",
            "log_performance_metrics",
            "--log-performance-metrics");

    private static final Set<String> KEYS = Set.of(
            ZERO_COPY,
            READ_BUFFER,
            "write_buffer_size",
            STREAM_BUFFER,
            "upgrade_timeout",
            "stream_send_timeout",
            "log_performance_metrics");

    @Override
    public Set<String> keys() {
        return KEYS;
    }

    @Override
    public Map<String, String> toOptions(Map<String, String> values) {
        Map<String, String> options = new LinkedHashMap<>();
        values.forEach((key, value) -> {
            String option = OPTIONS.get(key);
            if (option != null) {
                options.put(option, value);
            }
        });
        String zeroCopy = values.get(ZERO_COPY);
        if (zeroCopy != null) {
            options.put("--websocket-mode", mode(zeroCopy));
        }
        String pieces = values.get(STREAM_BUFFER);
        if (pieces != null) {
            options.put("--stream-window", windowBytes(pieces, values.get(READ_BUFFER)));
        }
        return options;
    }

    private static String mode(String zeroCopy) {
        return switch (zeroCopy) {
            case "true" -> "zero-copy";
            case "false" -> "aware";
            default -> throw new IllegalArgumentException(ZERO_COPY + ": '" + zeroCopy + "' is neither true nor false");
        };
    }

    private static String windowBytes(String pieces, @Nullable String readBuffer) {
        try {
            long pieceBytes = readBuffer == null ? DEFAULT_READ_BUFFER_BYTES : Values.sizeBytes(readBuffer);
            return Long.toString(Math.multiplyExact(Values.sizeBytes(pieces), pieceBytes));
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new IllegalArgumentException(STREAM_BUFFER + ": " + e.getMessage(), e);
        }
    }
}
