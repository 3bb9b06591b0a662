package io.tunnelmux.core;

import java.time.Duration;

/**
 * What came of a stream. Immutable; any thread.
 *
 * @param isLocal whether this side opened it
 * @param sentBytes of DATA that went to the peer
 * @param receivedBytes of DATA that came from it
 * @param lived from its opening on
 */
public record StreamEnd(Outcome outcome, boolean isLocal, long sentBytes, long receivedBytes, Duration lived) {}
