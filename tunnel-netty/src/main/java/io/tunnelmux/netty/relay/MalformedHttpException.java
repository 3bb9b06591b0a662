package io.tunnelmux.netty.relay;

/**
 * An HTTP message that is not to be passed on, because two readers could understand it differently or because it would break a rule on
 * the next hop. Immutable; any thread.
 */
public final class MalformedHttpException extends Exception {

    private static final long serialVersionUID = 1L;

    /** @param message for people; holds no header value */
    public MalformedHttpException(String message) {
        super(message);
    }

    /** @param message for people; holds no header value */
    public MalformedHttpException(String message, Throwable cause) {
        super(message, cause);
    }
}
