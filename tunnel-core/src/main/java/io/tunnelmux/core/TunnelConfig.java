package io.tunnelmux.core;

import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Settings;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** How this side runs its tunnels. Immutable; any thread. */
public final class TunnelConfig {

    /** Everything at its default. */
    public static final TunnelConfig DEFAULTS = builder().build();

    private final Settings settings;
    private final MessageFormat messageFormat;
    private final Set<String> capabilities;
    private final AbuseLimits abuseLimits;
    private final Duration handshakeTimeout;
    private final Map<String, String> metadata;

    private TunnelConfig(Builder builder) {
        settings = builder.settings;
        messageFormat = builder.messageFormat;
        capabilities = builder.capabilities;
        abuseLimits = builder.abuseLimits;
        handshakeTimeout = builder.handshakeTimeout;
        metadata = builder.metadata;
    }

    /** A builder with every default. */
    public static Builder builder() {
        return new Builder();
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

    /** Builds a {@link TunnelConfig}. For one thread. */
    public static final class Builder {

        private Settings settings = Settings.DEFAULTS;
        private MessageFormat messageFormat = MessageFormat.CBOR;
        private Set<String> capabilities = Set.of(Capabilities.JSON);
        private AbuseLimits abuseLimits = AbuseLimits.DEFAULTS;
        private Duration handshakeTimeout = Duration.ofSeconds(10);
        private Map<String, String> metadata = Map.of();

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

        /** The configuration. */
        public TunnelConfig build() {
            return new TunnelConfig(this);
        }
    }
}
