package io.tunnelmux.core.transport;

import io.tunnelmux.protocol.ErrorCode;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A tunnel could not be made. Immutable; any thread. */
public final class TunnelException extends Exception {

    private static final long serialVersionUID = 1L;

    private final ErrorCode code;
    private final @Nullable Duration retryAfter;

    /**
     * @param code {@link ErrorCode#UNAUTHORIZED} or {@link ErrorCode#FORBIDDEN} for a token that was refused, {@link ErrorCode#OVERLOADED} for
     *     "not now", {@link ErrorCode#UNSUPPORTED} where no protocol is in common, {@link ErrorCode#TRANSPORT_LOST} for all that keeps
     *     bytes from passing
     * @param retryAfter how long the peer asked to be left alone, or null
     */
    public TunnelException(ErrorCode code, String message, @Nullable Duration retryAfter, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
        this.retryAfter = retryAfter;
    }

    /** What kind of failure it was. */
    public ErrorCode code() {
        return code;
    }

    /** How long the peer asked to be left alone, or null. */
    public @Nullable Duration retryAfter() {
        return retryAfter;
    }
}
