package io.tunnelmux.netty.gateway;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** There is no response of an agent, and why. Immutable; any thread. */
public final class ProxyException extends IOException {

    private static final long serialVersionUID = 1;

    private final ProxyError error;

    ProxyException(ProxyError error) {
        this(error, null);
    }

    /** @param cause of what went wrong within this program, such as the failure of a request's body; a client is not told */
    ProxyException(ProxyError error, @Nullable Throwable cause) {
        super(
                error.status() + " " + error.code() + ": " + error.message()
                        + (error.cause() == null ? "" : " (" + error.cause() + ")"),
                cause);
        this.error = error;
    }

    /** What a client would be told. */
    public ProxyError error() {
        return error;
    }
}
