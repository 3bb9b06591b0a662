package io.tunnelmux.netty.gateway;

import java.io.IOException;

/** There is no response of an agent, and why. Immutable; any thread. */
public final class ProxyException extends IOException {

    private static final long serialVersionUID = 1;

    private final ProxyError error;

    ProxyException(ProxyError error) {
        super(error.status() + " " + error.code() + ": " + error.message()
                + (error.cause() == null ? "" : " (" + error.cause() + ")"));
        this.error = error;
    }

    /** What a client would be told. */
    public ProxyError error() {
        return error;
    }
}
