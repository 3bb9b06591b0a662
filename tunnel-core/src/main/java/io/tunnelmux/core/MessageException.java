package io.tunnelmux.core;

/** A request on a tunnel has got no answer, or one that says it failed. Immutable; any thread. */
public final class MessageException extends Exception {

    private static final long serialVersionUID = 1L;

    /** What kind of failure it was. */
    public enum Reason {
        /** The peer's answer says so: the message of the exception is its {@code error}. */
        ANSWERED_WITH_ERROR,
        /** No answer came in time. Whether the peer did what was asked is not known. */
        TIMEOUT,
        /** As many requests wait for their answers as may. Nothing was sent. */
        TOO_MANY_PENDING,
        /** The tunnel ended before the answer came, or does not stand. */
        TUNNEL_ENDED
    }

    private final Reason reason;

    MessageException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    /** What kind of failure it was. */
    public Reason reason() {
        return reason;
    }
}
