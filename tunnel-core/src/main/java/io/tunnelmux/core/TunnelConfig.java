package io.tunnelmux.core;

import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Settings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** How this side runs its tunnels. Immutable; any thread. */
public final class TunnelConfig {

    /** Default of {@link #maxStreamWindowBytes}: 1 Gbit/s at a round trip of 100 ms. */
    public static final int DEFAULT_MAX_STREAM_WINDOW_BYTES = 16 * 1024 * 1024;
    /** Default of {@link #maxTunnelWindowBytes}: two streams that have grown as far as they may. */
    public static final int DEFAULT_MAX_TUNNEL_WINDOW_BYTES = 32 * 1024 * 1024;
    /** Default of {@link #maxGrowthBytes}: four streams that have grown as far as they may, or half a MiB for each of 128. */
    public static final long DEFAULT_MAX_GROWTH_BYTES = 64 * 1024 * 1024;

    /** The protocol's, but for frames: 65,512 bytes, which is what is read into a buffer of 64 KiB with 24 bytes of it kept free for headers. */
    public static final Settings DEFAULT_SETTINGS =
            Settings.builder().maxFrameBytes(65_512).build();

    /** Everything at its default. */
    public static final TunnelConfig DEFAULTS = builder().build();

    private static final int DEFAULT = -1;

    private final Settings settings;
    private final MessageFormat messageFormat;
    private final Set<String> capabilities;
    private final AbuseLimits abuseLimits;
    private final Duration handshakeTimeout;
    private final Map<String, String> metadata;
    private final int maxStreamWindowBytes;
    private final int maxTunnelWindowBytes;
    private final long maxGrowthBytes;
    private final MemoryBudget memoryBudget;
    private final @Nullable ObserverCalls observing;

    private TunnelConfig(Builder builder) {
        settings = builder.settings;
        messageFormat = builder.messageFormat;
        capabilities = builder.capabilities;
        abuseLimits = builder.abuseLimits;
        handshakeTimeout = builder.handshakeTimeout;
        metadata = builder.metadata;
        maxStreamWindowBytes = ceiling(
                "maxStreamWindowBytes",
                builder.maxStreamWindowBytes,
                DEFAULT_MAX_STREAM_WINDOW_BYTES,
                settings.streamWindowBytes());
        maxTunnelWindowBytes = ceiling(
                "maxTunnelWindowBytes",
                builder.maxTunnelWindowBytes,
                DEFAULT_MAX_TUNNEL_WINDOW_BYTES,
                settings.tunnelWindowBytes());
        maxGrowthBytes = builder.maxGrowthBytes;
        memoryBudget = builder.memoryBudget;
        observing = builder.observers.isEmpty() ? null : new ObserverCalls(builder.observers);
    }

    private static int ceiling(String name, int bytes, int defaultBytes, int firstBytes) {
        if (bytes == DEFAULT) {
            return Math.max(defaultBytes, firstBytes);
        }
        if (bytes < firstBytes) {
            throw new IllegalArgumentException(name + ": " + bytes + ", and it begins with " + firstBytes);
        }
        return bytes;
    }

    /** A builder with every default. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder that begins with what is configured here. */
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.settings = settings;
        builder.messageFormat = messageFormat;
        builder.capabilities = capabilities;
        builder.abuseLimits = abuseLimits;
        builder.handshakeTimeout = handshakeTimeout;
        builder.metadata = metadata;
        builder.maxStreamWindowBytes = maxStreamWindowBytes;
        builder.maxTunnelWindowBytes = maxTunnelWindowBytes;
        builder.maxGrowthBytes = maxGrowthBytes;
        builder.memoryBudget = memoryBudget;
        builder.observers.addAll(observers());
        return builder;
    }

    /** What this side allows its peer. */
    public Settings settings() {
        return settings;
    }

    /** How messages are written if both sides can: JSON is for reading along, CBOR is smaller and the default. */
    public MessageFormat messageFormat() {
        return messageFormat;
    }

    /** What this side offers, see {@link Capabilities}; in force is what both sides name. */
    public Set<String> capabilities() {
        return capabilities;
    }

    /** What a peer may do once in a while, and not all the time. */
    public AbuseLimits abuseLimits() {
        return abuseLimits;
    }

    /** How long the handshake may take, from the transport's opening. */
    public Duration handshakeTimeout() {
        return handshakeTimeout;
    }

    /** Free facts about this side that the peer is told in HELLO. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** How large a stream's window may grow while that makes it faster, in bytes; its first size is never changed if that is as large. */
    public int maxStreamWindowBytes() {
        return maxStreamWindowBytes;
    }

    /** How large the tunnel's window may grow while that makes it faster, in bytes; its first size is never changed if that is as large. */
    public int maxTunnelWindowBytes() {
        return maxTunnelWindowBytes;
    }

    /**
     * By how much the windows of all of a tunnel's streams together may grow, in bytes. What the peer can make this side hold is thus this, and
     * {@link Settings#streamWindowBytes} for each of {@link Settings#maxStreams}.
     */
    public long maxGrowthBytes() {
        return maxGrowthBytes;
    }

    /** What the tunnels that share it may hold together; {@link MemoryBudget#ofJvm} unless given. */
    public MemoryBudget memoryBudget() {
        return memoryBudget;
    }

    /** Told what happens in the tunnels; none unless given. */
    public List<TunnelObserver> observers() {
        return observing == null ? List.of() : observing.observers();
    }

    /** Null where nobody observes. */
    @Nullable
    ObserverCalls observing() {
        return observing;
    }

    /** Builds a {@link TunnelConfig}. For one thread. */
    public static final class Builder {

        private Settings settings = DEFAULT_SETTINGS;
        private MessageFormat messageFormat = MessageFormat.CBOR;
        private Set<String> capabilities = Set.of(Capabilities.JSON);
        private AbuseLimits abuseLimits = AbuseLimits.DEFAULTS;
        private Duration handshakeTimeout = Duration.ofSeconds(10);
        private Map<String, String> metadata = Map.of();
        private int maxStreamWindowBytes = DEFAULT;
        private int maxTunnelWindowBytes = DEFAULT;
        private long maxGrowthBytes = DEFAULT_MAX_GROWTH_BYTES;
        private MemoryBudget memoryBudget = MemoryBudget.ofJvm();
        private final List<TunnelObserver> observers = new ArrayList<>();

        private Builder() {}

        /** See {@link TunnelConfig#settings()}. */
        public Builder settings(Settings settings) {
            this.settings = Objects.requireNonNull(settings);
            return this;
        }

        /** See {@link TunnelConfig#messageFormat()}. */
        public Builder messageFormat(MessageFormat messageFormat) {
            this.messageFormat = Objects.requireNonNull(messageFormat);
            return this;
        }

        /**
         * See {@link TunnelConfig#capabilities()}; {@link Capabilities#JSON} alone if not given.
         *
         * @throws IllegalArgumentException if {@link Capabilities#RESUME} is among them: what tunnels cannot do they must not offer
         */
        public Builder capabilities(Set<String> capabilities) {
            if (capabilities.contains(Capabilities.RESUME)) {
                throw new IllegalArgumentException("capabilities: " + capabilities + ", sessions cannot be resumed");
            }
            this.capabilities = Set.copyOf(capabilities);
            return this;
        }

        /** See {@link TunnelConfig#abuseLimits()}; {@link AbuseLimits#DEFAULTS} if not given. */
        public Builder abuseLimits(AbuseLimits abuseLimits) {
            this.abuseLimits = Objects.requireNonNull(abuseLimits);
            return this;
        }

        /** @throws IllegalArgumentException unless it is positive */
        public Builder handshakeTimeout(Duration handshakeTimeout) {
            if (handshakeTimeout.isNegative() || handshakeTimeout.isZero()) {
                throw new IllegalArgumentException("handshakeTimeout: " + handshakeTimeout);
            }
            this.handshakeTimeout = handshakeTimeout;
            return this;
        }

        /** See {@link TunnelConfig#metadata()}. */
        public Builder metadata(Map<String, String> metadata) {
            this.metadata = Map.copyOf(metadata);
            return this;
        }

        /**
         * See {@link TunnelConfig#maxStreamWindowBytes()}.
         *
         * @throws IllegalArgumentException below 1
         */
        public Builder maxStreamWindowBytes(int bytes) {
            maxStreamWindowBytes = (int) atLeast("maxStreamWindowBytes", 1, bytes);
            return this;
        }

        /**
         * See {@link TunnelConfig#maxTunnelWindowBytes()}.
         *
         * @throws IllegalArgumentException below 1
         */
        public Builder maxTunnelWindowBytes(int bytes) {
            maxTunnelWindowBytes = (int) atLeast("maxTunnelWindowBytes", 1, bytes);
            return this;
        }

        /**
         * See {@link TunnelConfig#maxGrowthBytes()}.
         *
         * @throws IllegalArgumentException below 0
         */
        public Builder maxGrowthBytes(long bytes) {
            maxGrowthBytes = atLeast("maxGrowthBytes", 0, bytes);
            return this;
        }

        /** See {@link TunnelConfig#memoryBudget()}. */
        public Builder memoryBudget(MemoryBudget memoryBudget) {
            this.memoryBudget = Objects.requireNonNull(memoryBudget);
            return this;
        }

        /** Adds one to {@link TunnelConfig#observers()}. */
        public Builder observer(TunnelObserver observer) {
            observers.add(Objects.requireNonNull(observer));
            return this;
        }

        private static long atLeast(String name, long least, long value) {
            if (value < least) {
                throw new IllegalArgumentException(name + ": " + value);
            }
            return value;
        }

        /**
         * The configuration.
         *
         * @throws IllegalArgumentException if a window's largest size is smaller than its first
         */
        public TunnelConfig build() {
            return new TunnelConfig(this);
        }
    }
}
