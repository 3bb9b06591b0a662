package io.tunnelmux.core;

import io.tunnelmux.core.log.Printable;
import io.tunnelmux.protocol.ErrorCode;
import java.io.Serializable;
import java.util.Objects;

/**
 * How a stream or a tunnel ended.
 *
 * @param code an unsigned number, see {@link ErrorCode}; 0 is a clean end
 * @param reason for people, may be empty
 * @param isLocal whether this side ended it
 * @param isRetryable whether the peer certainly did nothing with it, so that it may be sent again elsewhere
 */
public record Outcome(int code, String reason, boolean isLocal, boolean isRetryable) implements Serializable {

    public Outcome {
        Objects.requireNonNull(reason);
    }

    /** @throws IllegalArgumentException if it is neither an {@link ErrorCode}'s nor one of the application's own */
    static void requireCode(int code) {
        if (ErrorCode.of(code) == null && Integer.compareUnsigned(code, ErrorCode.FIRST_APPLICATION_CODE) < 0) {
            throw new IllegalArgumentException("code: " + Integer.toUnsignedString(code));
        }
    }

    static Outcome local(ErrorCode code, String reason) {
        return local(code.value(), reason);
    }

    static Outcome local(int code, String reason) {
        return new Outcome(code, reason, true, false);
    }

    static Outcome remote(int code, String reason) {
        return new Outcome(code, reason, false, code == ErrorCode.REFUSED.value());
    }

    /** Whether all that was sent has arrived, in both directions, as far as the peer says. */
    public boolean isClean() {
        return code == ErrorCode.NO_ERROR.value();
    }

    /** Whether it ended for this reason. */
    public boolean is(ErrorCode expected) {
        return code == expected.value();
    }

    /** A line for logs: what the peer gave as the reason ends neither a line nor quotes. */
    @Override
    public String toString() {
        return ErrorCode.nameOf(code)
                + (isLocal ? " (local" : " (remote")
                + (isRetryable ? ", retryable)" : ")")
                + (reason.isEmpty() ? "" : ": " + Printable.quoted(reason));
    }
}
