package io.tunnelmux.netty.observe;

import java.time.Duration;

/**
 * What came of a request. Immutable; any thread.
 *
 * @param status that the one who asked was given; 0 if none
 * @param outcome {@link #COMPLETE}, or why not: one of {@link #CLIENT_GONE}, {@link #CLIENT_STALLED}, the wire name of an
 *     {@link io.tunnelmux.protocol.ErrorCode}, or the code of one of the gateway's own answers. Of a set that is known beforehand
 * @param receivedBytes of the request's body, or of an upgraded connection, from the one who asked
 * @param sentBytes to the one who asked
 * @param lasted from the request's head on
 */
public record ExchangeEnd(int status, String outcome, long receivedBytes, long sentBytes, Duration lasted) {

    /** The answer is complete, or the upgraded connection was closed in order. */
    public static final String COMPLETE = "complete";
    /** The client went away before its answer was complete. */
    public static final String CLIENT_GONE = "client_gone";
    /** The client took nothing of its answer for too long. */
    public static final String CLIENT_STALLED = "client_stalled";
    /** The other side named a code that is not known here. */
    public static final String APPLICATION_ERROR = "application_error";
}
