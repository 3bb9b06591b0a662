package io.tunnelmux.examples.agent;

import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.protocol.Settings;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options on how much may be under way in a tunnel, and how much may be held. Sizes are {@code 65536}, {@code 256KiB}, {@code 16MiB}, {@code 1GiB}. */
final class WindowOptions {

    @Option(
            names = "--stream-window",
            paramLabel = "SIZE",
            converter = Size.class,
            description = "what the peer may send on a stream before any of it is taken, at first (128KiB)")
    private long streamWindowBytes = Settings.DEFAULT_STREAM_WINDOW_BYTES;

    @Option(
            names = "--max-stream-window",
            paramLabel = "SIZE",
            converter = Size.class,
            description =
                    "how large that may grow where the way is long (16MiB); as large as --stream-window: not at all")
    private @Nullable Long maxStreamWindowBytes;

    @Option(
            names = "--tunnel-window",
            paramLabel = "SIZE",
            converter = Size.class,
            description = "what may be under way in a tunnel, at first (1MiB)")
    private long tunnelWindowBytes = Settings.DEFAULT_TUNNEL_WINDOW_BYTES;

    @Option(
            names = "--max-tunnel-window",
            paramLabel = "SIZE",
            converter = Size.class,
            description = "how large that may grow where the way is long (32MiB)")
    private @Nullable Long maxTunnelWindowBytes;

    @Option(
            names = "--memory-budget",
            paramLabel = "SIZE",
            converter = Size.class,
            description =
                    "what all tunnels together may hold before the longest-stalled streams are ended (a quarter of the"
                            + " largest heap)")
    private @Nullable Long memoryBudgetBytes;

    /**
     * What the options say.
     *
     * @throws IllegalArgumentException if they make no sense, with a message for people
     */
    TunnelConfig toConfig() {
        int stream = bytes(
                "--stream-window",
                Settings.LOWEST_STREAM_WINDOW_BYTES,
                streamWindowBytes,
                Settings.HIGHEST_STREAM_WINDOW_BYTES);
        int tunnel = bytes(
                "--tunnel-window",
                Settings.LOWEST_TUNNEL_WINDOW_BYTES,
                tunnelWindowBytes,
                Settings.HIGHEST_TUNNEL_WINDOW_BYTES);
        TunnelConfig.Builder config = TunnelConfig.builder()
                .settings(Settings.builder()
                        .streamWindowBytes(stream)
                        .tunnelWindowBytes(tunnel)
                        .build());
        if (maxStreamWindowBytes != null) {
            config.maxStreamWindowBytes(
                    bytes("--max-stream-window", stream, maxStreamWindowBytes, Settings.HIGHEST_STREAM_WINDOW_BYTES));
        }
        if (maxTunnelWindowBytes != null) {
            config.maxTunnelWindowBytes(
                    bytes("--max-tunnel-window", tunnel, maxTunnelWindowBytes, Settings.HIGHEST_TUNNEL_WINDOW_BYTES));
        }
        if (memoryBudgetBytes != null) {
            config.memoryBudget(MemoryBudget.ofBytes(memoryBudgetBytes));
        }
        return config.build();
    }

    private static int bytes(String option, int lowest, long value, int highest) {
        if (value < lowest || value > highest) {
            throw new IllegalArgumentException(
                    option + " is " + value + " bytes, and must be from " + lowest + " to " + highest);
        }
        return (int) value;
    }

    /** Reads a size. */
    static final class Size implements ITypeConverter<Long> {

        private static final Pattern SIZE = Pattern.compile("([0-9]{1,9})(|KiB|MiB|GiB)");

        @Override
        public Long convert(String text) {
            Matcher matcher = SIZE.matcher(text);
            long amount = matcher.matches() ? Long.parseLong(matcher.group(1)) : 0;
            if (amount == 0) {
                throw new TypeConversionException("'" + text + "' is no size like 65536, 256KiB or 16MiB");
            }
            return switch (matcher.group(2)) {
                case "KiB" -> amount << 10;
                case "MiB" -> amount << 20;
                case "GiB" -> amount << 30;
                default -> amount;
            };
        }
    }
}
