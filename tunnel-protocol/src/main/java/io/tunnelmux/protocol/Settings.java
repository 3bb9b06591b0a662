package io.tunnelmux.protocol;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the sender of a HELLO allows its peer. Every value is within its bounds.
 *
 * <p>Immutable; any thread.
 */
public final class Settings {

    /** Default of {@link #maxFrameBytes}, in bytes. */
    public static final int DEFAULT_MAX_FRAME_BYTES = 32_768;
    /** Smallest {@link #maxFrameBytes}, in bytes. */
    public static final int LOWEST_MAX_FRAME_BYTES = 1_024;
    /** Largest {@link #maxFrameBytes}, in bytes. */
    public static final int HIGHEST_MAX_FRAME_BYTES = 65_535;

    /** Default of {@link #maxMessageBytes}, in bytes. */
    public static final int DEFAULT_MAX_MESSAGE_BYTES = 262_144;
    /** Smallest {@link #maxMessageBytes}, in bytes. */
    public static final int LOWEST_MAX_MESSAGE_BYTES = 4_096;
    /** Largest {@link #maxMessageBytes}, in bytes. */
    public static final int HIGHEST_MAX_MESSAGE_BYTES = 16 * 1_024 * 1_024;

    /** Default of {@link #maxStreams}. */
    public static final int DEFAULT_MAX_STREAMS = 1_024;
    /** Smallest {@link #maxStreams}. */
    public static final int LOWEST_MAX_STREAMS = 1;
    /** Largest {@link #maxStreams}. */
    public static final int HIGHEST_MAX_STREAMS = 1 << 30;

    /** Default of {@link #streamWindowBytes}, in bytes. */
    public static final int DEFAULT_STREAM_WINDOW_BYTES = 131_072;
    /** Smallest {@link #streamWindowBytes}, in bytes. */
    public static final int LOWEST_STREAM_WINDOW_BYTES = 16_384;
    /** Largest {@link #streamWindowBytes}, in bytes. */
    public static final int HIGHEST_STREAM_WINDOW_BYTES = Integer.MAX_VALUE;

    /** Default of {@link #tunnelWindowBytes}, in bytes. */
    public static final int DEFAULT_TUNNEL_WINDOW_BYTES = 1_048_576;
    /** Smallest {@link #tunnelWindowBytes}, in bytes. */
    public static final int LOWEST_TUNNEL_WINDOW_BYTES = 65_536;
    /** Largest {@link #tunnelWindowBytes}, in bytes. */
    public static final int HIGHEST_TUNNEL_WINDOW_BYTES = Integer.MAX_VALUE;

    /** Default of {@link #keepaliveMillis}, in milliseconds. */
    public static final int DEFAULT_KEEPALIVE_MILLIS = 15_000;
    /** Smallest {@link #keepaliveMillis}, in milliseconds. */
    public static final int LOWEST_KEEPALIVE_MILLIS = 1_000;
    /** Largest {@link #keepaliveMillis}, in milliseconds. */
    public static final int HIGHEST_KEEPALIVE_MILLIS = 600_000;

    /** Default of {@link #keepaliveTimeoutMillis}, in milliseconds. */
    public static final int DEFAULT_KEEPALIVE_TIMEOUT_MILLIS = 10_000;
    /** Smallest {@link #keepaliveTimeoutMillis}, in milliseconds. */
    public static final int LOWEST_KEEPALIVE_TIMEOUT_MILLIS = 500;
    /** Largest {@link #keepaliveTimeoutMillis}, in milliseconds. */
    public static final int HIGHEST_KEEPALIVE_TIMEOUT_MILLIS = 600_000;

    /** Default of {@link #resumeTimeoutMillis}, in milliseconds. */
    public static final int DEFAULT_RESUME_TIMEOUT_MILLIS = 30_000;
    /** Smallest {@link #resumeTimeoutMillis}, in milliseconds. */
    public static final int LOWEST_RESUME_TIMEOUT_MILLIS = 0;
    /** Largest {@link #resumeTimeoutMillis}, in milliseconds. */
    public static final int HIGHEST_RESUME_TIMEOUT_MILLIS = 600_000;

    /** All defaults. */
    public static final Settings DEFAULTS = builder().build();

    private final int maxFrameBytes;
    private final int maxMessageBytes;
    private final int maxStreams;
    private final int streamWindowBytes;
    private final int tunnelWindowBytes;
    private final int keepaliveMillis;
    private final int keepaliveTimeoutMillis;
    private final int resumeTimeoutMillis;

    private Settings(Builder builder) {
        maxFrameBytes = builder.maxFrameBytes;
        maxMessageBytes = builder.maxMessageBytes;
        maxStreams = builder.maxStreams;
        streamWindowBytes = builder.streamWindowBytes;
        tunnelWindowBytes = builder.tunnelWindowBytes;
        keepaliveMillis = builder.keepaliveMillis;
        keepaliveTimeoutMillis = builder.keepaliveTimeoutMillis;
        resumeTimeoutMillis = builder.resumeTimeoutMillis;
    }

    /** A builder that holds the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder that holds these values. */
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.maxFrameBytes = maxFrameBytes;
        builder.maxMessageBytes = maxMessageBytes;
        builder.maxStreams = maxStreams;
        builder.streamWindowBytes = streamWindowBytes;
        builder.tunnelWindowBytes = tunnelWindowBytes;
        builder.keepaliveMillis = keepaliveMillis;
        builder.keepaliveTimeoutMillis = keepaliveTimeoutMillis;
        builder.resumeTimeoutMillis = resumeTimeoutMillis;
        return builder;
    }

    /** Longest payload of a frame that the sender accepts, in bytes. */
    public int maxFrameBytes() {
        return maxFrameBytes;
    }

    /** Longest message over all its pieces, in bytes. */
    public int maxMessageBytes() {
        return maxMessageBytes;
    }

    /** Streams that the peer may have open at once. */
    public int maxStreams() {
        return maxStreams;
    }

    /** First credit of each stream, in bytes. */
    public int streamWindowBytes() {
        return streamWindowBytes;
    }

    /** First credit of the tunnel, in bytes. */
    public int tunnelWindowBytes() {
        return tunnelWindowBytes;
    }

    /** The sender pings after so long without a byte from the peer, in milliseconds. */
    public int keepaliveMillis() {
        return keepaliveMillis;
    }

    /** The sender takes the peer for dead when so long after a ping still nothing came, in milliseconds. */
    public int keepaliveTimeoutMillis() {
        return keepaliveTimeoutMillis;
    }

    /** How long the sender keeps a lost session; 0 is not at all, in milliseconds. */
    public int resumeTimeoutMillis() {
        return resumeTimeoutMillis;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Settings that
                && maxFrameBytes == that.maxFrameBytes
                && maxMessageBytes == that.maxMessageBytes
                && maxStreams == that.maxStreams
                && streamWindowBytes == that.streamWindowBytes
                && tunnelWindowBytes == that.tunnelWindowBytes
                && keepaliveMillis == that.keepaliveMillis
                && keepaliveTimeoutMillis == that.keepaliveTimeoutMillis
                && resumeTimeoutMillis == that.resumeTimeoutMillis;
    }

    @Override
    public int hashCode() {
        return Objects.hash(
                maxFrameBytes,
                maxMessageBytes,
                maxStreams,
                streamWindowBytes,
                tunnelWindowBytes,
                keepaliveMillis,
                keepaliveTimeoutMillis,
                resumeTimeoutMillis);
    }

    /** For people. */
    @Override
    public String toString() {
        return "Settings["
                + "maxFrameBytes=" + maxFrameBytes
                + ", maxMessageBytes=" + maxMessageBytes
                + ", maxStreams=" + maxStreams
                + ", streamWindowBytes=" + streamWindowBytes
                + ", tunnelWindowBytes=" + tunnelWindowBytes
                + ", keepaliveMillis=" + keepaliveMillis
                + ", keepaliveTimeoutMillis=" + keepaliveTimeoutMillis
                + ", resumeTimeoutMillis=" + resumeTimeoutMillis
                + ']';
    }

    /** Gathers settings; what is not set has its default. For one thread. */
    public static final class Builder {
        private int maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
        private int maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES;
        private int maxStreams = DEFAULT_MAX_STREAMS;
        private int streamWindowBytes = DEFAULT_STREAM_WINDOW_BYTES;
        private int tunnelWindowBytes = DEFAULT_TUNNEL_WINDOW_BYTES;
        private int keepaliveMillis = DEFAULT_KEEPALIVE_MILLIS;
        private int keepaliveTimeoutMillis = DEFAULT_KEEPALIVE_TIMEOUT_MILLIS;
        private int resumeTimeoutMillis = DEFAULT_RESUME_TIMEOUT_MILLIS;

        private Builder() {}

        /**
         * Longest payload of a frame that the sender accepts.
         *
         * @throws IllegalArgumentException out of {@link #LOWEST_MAX_FRAME_BYTES} to {@link #HIGHEST_MAX_FRAME_BYTES}
         */
        public Builder maxFrameBytes(int value) {
            maxFrameBytes = Text.range("maxFrameBytes", value, LOWEST_MAX_FRAME_BYTES, HIGHEST_MAX_FRAME_BYTES);
            return this;
        }

        /**
         * Longest message over all its pieces.
         *
         * @throws IllegalArgumentException out of {@link #LOWEST_MAX_MESSAGE_BYTES} to {@link #HIGHEST_MAX_MESSAGE_BYTES}
         */
        public Builder maxMessageBytes(int value) {
            maxMessageBytes = Text.range("maxMessageBytes", value, LOWEST_MAX_MESSAGE_BYTES, HIGHEST_MAX_MESSAGE_BYTES);
            return this;
        }

        /**
         * Streams that the peer may have open at once.
         *
         * @throws IllegalArgumentException out of {@link #LOWEST_MAX_STREAMS} to {@link #HIGHEST_MAX_STREAMS}
         */
        public Builder maxStreams(int value) {
            maxStreams = Text.range("maxStreams", value, LOWEST_MAX_STREAMS, HIGHEST_MAX_STREAMS);
            return this;
        }

        /**
         * First credit of each stream.
         *
         * @throws IllegalArgumentException out of {@link #LOWEST_STREAM_WINDOW_BYTES} to {@link #HIGHEST_STREAM_WINDOW_BYTES}
         */
        public Builder streamWindowBytes(int value) {
            streamWindowBytes =
                    Text.range("streamWindowBytes", value, LOWEST_STREAM_WINDOW_BYTES, HIGHEST_STREAM_WINDOW_BYTES);
            return this;
        }

        /**
         * First credit of the tunnel.
         *
         * @throws IllegalArgumentException out of {@link #LOWEST_TUNNEL_WINDOW_BYTES} to {@link #HIGHEST_TUNNEL_WINDOW_BYTES}
         */
        public Builder tunnelWindowBytes(int value) {
            tunnelWindowBytes =
                    Text.range("tunnelWindowBytes", value, LOWEST_TUNNEL_WINDOW_BYTES, HIGHEST_TUNNEL_WINDOW_BYTES);
            return this;
        }

        /**
         * The sender pings after so long without a byte from the peer.
         *
         * @throws IllegalArgumentException out of {@link #LOWEST_KEEPALIVE_MILLIS} to {@link #HIGHEST_KEEPALIVE_MILLIS}
         */
        public Builder keepaliveMillis(int value) {
            keepaliveMillis = Text.range("keepaliveMillis", value, LOWEST_KEEPALIVE_MILLIS, HIGHEST_KEEPALIVE_MILLIS);
            return this;
        }

        /**
         * The sender takes the peer for dead when so long after a ping still nothing came.
         *
         * @throws IllegalArgumentException out of {@link #LOWEST_KEEPALIVE_TIMEOUT_MILLIS} to {@link #HIGHEST_KEEPALIVE_TIMEOUT_MILLIS}
         */
        public Builder keepaliveTimeoutMillis(int value) {
            keepaliveTimeoutMillis = Text.range(
                    "keepaliveTimeoutMillis", value, LOWEST_KEEPALIVE_TIMEOUT_MILLIS, HIGHEST_KEEPALIVE_TIMEOUT_MILLIS);
            return this;
        }

        /**
         * How long the sender keeps a lost session; 0 is not at all.
         *
         * @throws IllegalArgumentException out of {@link #LOWEST_RESUME_TIMEOUT_MILLIS} to {@link #HIGHEST_RESUME_TIMEOUT_MILLIS}
         */
        public Builder resumeTimeoutMillis(int value) {
            resumeTimeoutMillis = Text.range(
                    "resumeTimeoutMillis", value, LOWEST_RESUME_TIMEOUT_MILLIS, HIGHEST_RESUME_TIMEOUT_MILLIS);
            return this;
        }

        /** The settings. The builder may be used on. */
        public Settings build() {
            return new Settings(this);
        }
    }
}
