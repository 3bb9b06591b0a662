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
                    "how large that may grow where the way is long (16MiB, or --stream-window if that is more); as large as"
                            + " --stream-window: not at all")
    private @Nullable Long maxStreamWindowBytes;

    @Option(
            names = "--tunnel-window",
            paramLabel = "SIZE",
            converter = Size.class,
            description = "what may be under way in a tunnel, at first (1MiB); no less than --stream-window")
    private @Nullable Long tunnelWindowBytes;

    @Option(
            names = "--max-tunnel-window",
            paramLabel = "SIZE",
            converter = Size.class,
            description = "how large that may grow where the way is long (32MiB, or --tunnel-window if that is more)")
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
        return toBuilder().build();
    }

    /** As {@link #toConfig}, for whoever has more to say. */
    public TunnelConfig.Builder toBuilder() {
        int stream = bytes("--stream-window", Settings.LOWEST_STREAM_WINDOW_BYTES, streamWindowBytes);
        int tunnel = tunnelWindowBytes == null
                ? Settings.DEFAULT_TUNNEL_WINDOW_BYTES
                : bytes("--tunnel-window", Math.max(stream, Settings.LOWEST_TUNNEL_WINDOW_BYTES), tunnelWindowBytes);
        TunnelConfig.Builder config = TunnelConfig.builder()
                .settings(TunnelConfig.DEFAULT_SETTINGS.toBuilder()
                        .streamWindowBytes(stream)
                        .tunnelWindowBytes(tunnel)
                        .build());
        if (maxStreamWindowBytes != null) {
            config.maxStreamWindowBytes(bytes("--max-stream-window", stream, maxStreamWindowBytes));
        }
        if (maxTunnelWindowBytes != null) {
            config.maxTunnelWindowBytes(bytes("--max-tunnel-window", tunnel, maxTunnelWindowBytes));
        }
        if (memoryBudgetBytes != null) {
            long lowest = (long) stream + tunnel;
            if (memoryBudgetBytes < lowest) {
                throw new IllegalArgumentException("--memory-budget is " + Values.text(memoryBudgetBytes)
                        + ", and must be at least one stream's window and one tunnel's, " + Values.text(lowest));
            }
            config.memoryBudget(MemoryBudget.ofBytes(memoryBudgetBytes));
        }
        return config;
    }

    static int bytes(String option, int lowest, long value) {
        if (value < lowest || value > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(option + " is " + Values.text(value) + ", and must be from "
                    + Values.text(lowest) + " to less than 2GiB");
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
