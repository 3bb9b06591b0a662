package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.ConfigSection;
import io.tunnelmux.examples.common.Values;
import java.util.LinkedHashMap;
import java.util.Map;
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
    private static final Map<String, String> OPTIONS = Map.of(
            ZERO_COPY,
            "--websocket-mode",
            READ_BUFFER,
            "--read-buffer",
            "write_buffer_size",
            "--write-buffer",
            STREAM_BUFFER,
            "--stream-window",
            "upgrade_timeout",
            "--upgrade-timeout",
            "stream_send_timeout",
            "--write-timeout",
            "log_performance_metrics",
            "--log-performance-metrics");

    @Override
    public Map<String, String> options() {
        return OPTIONS;
    }

    @Override
    public Map<String, String> toOptions(Map<String, String> values) {
        Map<String, String> options = new LinkedHashMap<>();
        values.forEach((key, value) -> options.put(
                OPTIONS.get(key),
                switch (key) {
                    case ZERO_COPY -> mode(value);
                    case STREAM_BUFFER -> windowBytes(value, values.get(READ_BUFFER));
                    default -> value;
                }));
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
        long pieceBytes = readBuffer == null ? DEFAULT_READ_BUFFER_BYTES : sizeBytes(READ_BUFFER, readBuffer);
        try {
            return Long.toString(Math.multiplyExact(sizeBytes(STREAM_BUFFER, pieces), pieceBytes));
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(STREAM_BUFFER + ": '" + pieces + "' is too much", e);
        }
    }

    private static long sizeBytes(String key, String text) {
        try {
            return Values.sizeBytes(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(key + ": " + e.getMessage(), e);
        }
    }
}
