package io.tunnelmux.netty.observe;

import io.tunnelmux.protocol.Payload;
import java.util.Locale;

/**
 * A message of a WebSocket that has gone through whole, or one of its control frames. Immutable; any thread.
 *
 * @param bytes of its payload, not compressed
 * @param closeCode what a close frame says; 0 if that is nothing, and for all others
 * @param sample the beginning of the payload of a message that was chosen for it; else empty. Needs no release
 */
public record RelayedMessage(Direction direction, Kind kind, long bytes, int closeCode, Payload sample) {

    /** What it is. */
    public enum Kind {
        TEXT,
        BINARY,
        PING,
        PONG,
        CLOSE;

        private final String label = name().toLowerCase(Locale.ROOT);

        /** As metrics and logs name it: {@code text} and so on. */
        public String label() {
            return label;
        }
    }
}
