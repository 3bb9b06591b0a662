package io.tunnelmux.netty.agent;

import java.io.IOException;

/** An upstream that speaks HTTP/2 has certainly not looked at a request (RFC 9113, 8.7). */
final class StreamRefusedException extends IOException {

    private static final long serialVersionUID = 1L;

    StreamRefusedException(String message) {
        super(message);
    }
}
