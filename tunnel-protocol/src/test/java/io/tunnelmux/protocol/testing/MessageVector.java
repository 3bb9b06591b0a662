package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The payload of a message or of a HELLO, and what it says. A value, for any thread; {@link MessageVectors} makes them.
 *
 * @param written the same thing in one format or in both
 * @param value a {@link io.tunnelmux.protocol.Message} or a {@link io.tunnelmux.protocol.Hello}; null in an invalid vector
 * @param breach null in a valid vector; its stream id is 0 or {@link #STREAM_ID}
 */
public record MessageVector(
        String name,
        Map<MessageFormat, Payload> written,
        @Nullable Object value,
        @Nullable Breach breach) {

    /** The stream that an invalid message comes on, unless it comes on the tunnel itself. */
    public static final int STREAM_ID = 5;

    @Override
    public String toString() {
        return name;
    }
}
