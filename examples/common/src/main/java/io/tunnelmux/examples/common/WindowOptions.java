package io.tunnelmux.examples.common;

import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.protocol.Settings;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** The options on how much may be under way in a tunnel, and how much may be held. Sizes are {@code 65536}, {@code 256KiB}, {@code 16MiB}, {@code 1GiB}. */
public final class WindowOptions {

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
    public TunnelConfig toConfig() {
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

    /** For picocli, which makes one. */
    static final class Size implements ITypeConverter<Long> {
        private final ITypeConverter<Long> reader = Values.converter(Values::sizeBytes);

        @Override
        public Long convert(String text) throws Exception {
            return reader.convert(text);
        }
    }
}
