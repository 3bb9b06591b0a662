package io.tunnelmux.netty.gateway;

import io.tunnelmux.netty.relay.MessageRelay;
import java.util.Objects;

/** How a gateway carries WebSockets. Immutable; any thread. */
public final class WebSocketConfig {

    /** As bytes, and nobody looks at them. */
    public static final WebSocketConfig DEFAULTS = builder().build();

    private final WebSocketMode mode;
    private final WebSocketModeChooser chooser;
    private final int maxMessageBytes;
    private final boolean isDeflating;
    private final int sampleEvery;
    private final int sampleBytes;

    private WebSocketConfig(Builder builder) {
        mode = builder.mode;
        chooser = builder.chooser;
        maxMessageBytes = builder.maxMessageBytes;
        isDeflating = builder.isDeflating;
        sampleEvery = builder.sampleEvery;
        sampleBytes = builder.sampleBytes;
    }

    /** A builder with every default. */
    public static Builder builder() {
        return new Builder();
    }

    /** How they are carried where nothing else is said. */
    public WebSocketMode mode() {
        return mode;
    }

    /** What has the first word about each. */
    public WebSocketModeChooser chooser() {
        return chooser;
    }

    /** Longest message either way, in the modes that read them. */
    public int maxMessageBytes() {
        return maxMessageBytes;
    }

    /** Whether permessage-deflate is agreed on with clients that offer it, in the modes that read messages. */
    public boolean isDeflating() {
        return isDeflating;
    }

    /** Of so many messages the beginning of one is logged and shown to observers; 0 for none. */
    public int sampleEvery() {
        return sampleEvery;
    }

    /** How much of it. */
    public int sampleBytes() {
        return sampleBytes;
    }

    /** Gathers a {@link WebSocketConfig}. For one thread. */
    public static final class Builder {
        /** More would be no sample. */
        private static final int MAX_SAMPLE_BYTES = 64 * 1024;

        private WebSocketMode mode = WebSocketMode.ZERO_COPY;
        private WebSocketModeChooser chooser = (request, route) -> null;
        private int maxMessageBytes = MessageRelay.DEFAULT_MAX_MESSAGE_BYTES;
        private boolean isDeflating;
        private int sampleEvery;
        private int sampleBytes;

        private Builder() {}

        /** See {@link WebSocketConfig#mode()}; {@link WebSocketMode#ZERO_COPY} by default. A route may have its own. */
        public Builder mode(WebSocketMode newMode) {
            mode = Objects.requireNonNull(newMode);
            return this;
        }

        /** See {@link WebSocketConfig#chooser()}; leaves it to route and gateway by default. */
        public Builder chooser(WebSocketModeChooser newChooser) {
            chooser = Objects.requireNonNull(newChooser);
            return this;
        }

        /**
         * See {@link WebSocketConfig#maxMessageBytes()}; 16 MiB by default.
         *
         * @throws IllegalArgumentException unless it is positive
         */
        public Builder maxMessageBytes(int bytes) {
            if (bytes < 1) {
                throw new IllegalArgumentException("maxMessageBytes: " + bytes);
            }
            maxMessageBytes = bytes;
            return this;
        }

        /** See {@link WebSocketConfig#isDeflating()}; not by default. */
        public Builder deflate(boolean newDeflate) {
            isDeflating = newDeflate;
            return this;
        }

        /**
         * Has the beginning of one of so many messages logged, by the logger {@code io.tunnelmux.websocket}, and shown to observers. Messages hold whatever
         * users send, passwords too: off by default.
         *
         * @param every 1 is all; 0 is none
         * @param maxBytes how much of a message, up to 64 KiB
         * @throws IllegalArgumentException if one of them makes no sense
         */
        public Builder sample(int every, int maxBytes) {
            if (every < 0) {
                throw new IllegalArgumentException("every: " + every + ", at least 0");
            }
            if (maxBytes < 0 || maxBytes > MAX_SAMPLE_BYTES) {
                throw new IllegalArgumentException("maxBytes: " + maxBytes + ", 0 to " + MAX_SAMPLE_BYTES);
            }
            sampleEvery = every;
            sampleBytes = maxBytes;
            return this;
        }

        /** The configuration. */
        public WebSocketConfig build() {
            return new WebSocketConfig(this);
        }
    }
}
