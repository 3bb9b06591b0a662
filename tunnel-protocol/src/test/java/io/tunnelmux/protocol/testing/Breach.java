package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.ProtocolException;

/**
 * What a {@link ProtocolException} says, comparable. A value, for any thread.
 *
 * @param streamId the stream that pays; 0 is the tunnel
 */
public record Breach(int streamId, ErrorCode code) {

    /** What this exception says. */
    public static Breach of(ProtocolException breach) {
        return new Breach(breach.streamId(), breach.code());
    }

    /** Whether the whole tunnel pays, and not one stream. */
    public boolean costsTunnel() {
        return streamId == 0;
    }
}
