package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.HttpResponseStatus;

/** A request that goes no further, and what its client is told. */
final class BadRequestException extends Exception {

    private static final long serialVersionUID = 1L;

    private final transient HttpResponseStatus status;

    BadRequestException(HttpResponseStatus status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    BadRequestException(String message) {
        this(HttpResponseStatus.BAD_REQUEST, message);
    }

    HttpResponseStatus status() {
        return status;
    }

    ProxyError answer() {
        return ProxyError.refused(status, String.valueOf(getMessage()));
    }
}
