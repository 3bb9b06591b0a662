package io.tunnelmux.protocol.codec;

/** Types that envelopes have beside those of {@link io.tunnelmux.protocol.Message}. */
final class EnvelopeTypes {

    static final String RESPONSE_HEADER = "proxy_response_header";
    static final String RESPONSE_CHUNK = "proxy_response_chunk";
    static final String RESPONSE_END = "proxy_response_end";
    static final String RESPONSE_ABORT = "proxy_response_abort";
    static final String REQUEST_CHUNK = "proxy_request_chunk";
    static final String REQUEST_END = "proxy_request_stream_end";
    static final String STREAM_CHUNK = "proxy_stream_chunk";
    static final String STREAM_DATA = "proxy_stream_data";
    static final String WEBSOCKET_DATA = "proxy_websocket_data";
    static final String WS_START = "ws_start";
    static final String WS_DATA = "ws_data";
    static final String WS_CLOSE = "ws_close";
    static final String TCP_DATA = "tcp_tunnel_data";
    static final String TCP_CLOSE = "tcp_tunnel_close";

    /** Where agents in the field dial {@code gateway_port}. */
    static final String LOCALHOST = "localhost";

    private EnvelopeTypes() {}
}
