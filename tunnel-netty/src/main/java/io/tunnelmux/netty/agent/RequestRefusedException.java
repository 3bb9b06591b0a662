package io.tunnelmux.netty.agent;

import io.tunnelmux.protocol.ErrorCode;
import java.util.Objects;

/** A request that its upstream does not get, by the word of a {@link RequestFilter}. Its message is for the client, who is told nothing else. */
public final class RequestRefusedException extends Exception {

    private static final long serialVersionUID = 1;
    private static final int FORBIDDEN = 403;
    private static final int LOWEST_STATUS = 400;
    private static final int HIGHEST_STATUS = 599;

    private final ErrorCode code;
    private final int status;

    /** A request that must not be made: {@link ErrorCode#FORBIDDEN}, answered with 403. */
    public RequestRefusedException(String message) {
        this(ErrorCode.FORBIDDEN, FORBIDDEN, message);
    }

    /**
     * @param status of the answer, 400 to 599
     * @throws IllegalArgumentException if it is another
     */
    public RequestRefusedException(ErrorCode code, int status, String message) {
        super(message, null, false, false); // says what a client did, which is no fault of ours to trace
        if (status < LOWEST_STATUS || status > HIGHEST_STATUS) {
            throw new IllegalArgumentException("status: " + status);
        }
        this.code = Objects.requireNonNull(code);
        this.status = status;
    }

    /** How the stream ends. */
    public ErrorCode code() {
        return code;
    }

    /** Of the answer. */
    public int status() {
        return status;
    }
}
