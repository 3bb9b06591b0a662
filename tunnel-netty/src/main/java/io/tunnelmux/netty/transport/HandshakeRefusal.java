package io.tunnelmux.netty.transport;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Why an agent may not have a tunnel, as an HTTP answer to its handshake. Immutable; any thread.
 *
 * @param status 401, 403, 429 or 503
 * @param retryAfter how long the agent is asked to stay away, told in whole seconds, rounded up; null says nothing
 */
public record HandshakeRefusal(int status, @Nullable Duration retryAfter) {
    private static final HandshakeRefusal UNAUTHORIZED = new HandshakeRefusal(401, null);
    private static final HandshakeRefusal FORBIDDEN = new HandshakeRefusal(403, null);

    /** @throws IllegalArgumentException for any other status, or a negative time */
    public HandshakeRefusal {
        if (status != 401 && status != 403 && status != 429 && status != 503) {
            throw new IllegalArgumentException("status: " + status);
        }
        if (retryAfter != null && retryAfter.isNegative()) {
            throw new IllegalArgumentException("retryAfter: " + retryAfter);
        }
    }

    /** No token, or a wrong one; both look the same from outside. */
    public static HandshakeRefusal unauthorized() {
        return UNAUTHORIZED;
    }

    /** A good token that may be no agent at all. */
    public static HandshakeRefusal forbidden() {
        return FORBIDDEN;
    }

    /** Too many attempts, or too many agents. */
    public static HandshakeRefusal tooMany(Duration retryAfter) {
        return new HandshakeRefusal(429, retryAfter);
    }

    /** Not now: going down, or out of room. */
    public static HandshakeRefusal unavailable(Duration retryAfter) {
        return new HandshakeRefusal(503, retryAfter);
    }
}
