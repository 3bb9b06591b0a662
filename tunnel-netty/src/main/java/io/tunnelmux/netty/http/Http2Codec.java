package io.tunnelmux.netty.http;

import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2LocalFlowController;
import io.netty.handler.codec.http2.DefaultHttp2RemoteFlowController;
import io.netty.handler.codec.http2.Http2FrameCodec;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.UniformStreamByteDistributor;

/**
 * Netty's codec for one HTTP/2 connection, with the limits that both sides of this library set.
 *
 * <p>The window of the connection refills by itself: else streams that nobody reads would use it up, and stop all others. What a peer can make this side hold is
 * the number of streams times the window of one. Streams are sent in turns, whatever priority the peer gives them.
 */
public final class Http2Codec {

    /** Of each stream; what a peer may send before this side has taken any of it. */
    public static final int STREAM_WINDOW_BYTES = 64 * 1024;
    /** Of the connection: what may be under way on all streams together. */
    public static final int CONNECTION_WINDOW_BYTES = 1024 * 1024;

    private static final float UPDATE_RATIO = 0.5f;
    /** Answers (to PING, SETTINGS, and what is refused) that the peer has not taken; then the connection ends. */
    private static final int MAX_QUEUED_ANSWERS = 1_000;

    /** A connection that is to close waits for its streams, which have deadlines of their own. */
    private static final int NO_TIMEOUT = -1;

    private static final int MAX_RESETS = 200;
    private static final int RESETS_SECONDS = 30;
    private static final int MAX_EMPTY_FRAMES = 2;
    private static final int MAX_SMALL_CONTINUATIONS = 16;

    private Http2Codec() {}

    /**
     * A server's. A peer that resets more than 200 streams in 30 seconds, or makes this side reset as many, loses its connection.
     *
     * @param maxStreams at once
     * @param maxHeaderListBytes of a request, counted as RFC 9113 (6.5.2) does
     */
    public static Http2FrameCodec server(int maxStreams, long maxHeaderListBytes) {
        Http2Settings settings =
                settings(maxHeaderListBytes).maxConcurrentStreams(maxStreams).connectProtocolEnabled(true);
        return limited(new Builder(true), settings)
                .decoderEnforceMaxRstFramesPerWindow(MAX_RESETS, RESETS_SECONDS)
                .encoderEnforceMaxRstFramesPerWindow(MAX_RESETS, RESETS_SECONDS)
                .build();
    }

    /**
     * A client's, which takes no pushes.
     *
     * @param maxHeaderListBytes of a response, counted as RFC 9113 (6.5.2) does
     */
    public static Http2FrameCodec client(long maxHeaderListBytes) {
        Http2Settings settings = settings(maxHeaderListBytes).pushEnabled(false).maxConcurrentStreams(0);
        return limited(new Builder(false), settings)
                .decoderEnforceMaxRstFramesPerWindow(0, 0)
                .encoderEnforceMaxRstFramesPerWindow(0, 0)
                .build();
    }

    private static Http2Settings settings(long maxHeaderListBytes) {
        return Http2Settings.defaultSettings()
                .initialWindowSize(STREAM_WINDOW_BYTES)
                .maxHeaderListSize(maxHeaderListBytes);
    }

    private static Http2FrameCodecBuilder limited(Http2FrameCodecBuilder builder, Http2Settings settings) {
        return builder.initialSettings(settings)
                .validateHeaders(true)
                .validateRequiredPseudoHeaders(true)
                .gracefulShutdownTimeoutMillis(NO_TIMEOUT)
                .encoderEnforceMaxQueuedControlFrames(MAX_QUEUED_ANSWERS)
                .decoderEnforceMaxConsecutiveEmptyDataFrames(MAX_EMPTY_FRAMES)
                .decoderEnforceMaxSmallContinuationFrames(MAX_SMALL_CONTINUATIONS);
    }

    /** The one way to a connection with flow controllers of one's own choice. */
    private static final class Builder extends Http2FrameCodecBuilder {
        Builder(boolean isServer) {
            DefaultHttp2Connection connection = new DefaultHttp2Connection(isServer);
            connection.local().flowController(new DefaultHttp2LocalFlowController(connection, UPDATE_RATIO, true));
            connection
                    .remote()
                    .flowController(new DefaultHttp2RemoteFlowController(
                            connection, new UniformStreamByteDistributor(connection)));
            connection(connection);
        }
    }
}
