package io.tunnelmux.examples.common;

import io.tunnelmux.netty.relay.MessageRelay;
import picocli.CommandLine.Option;

/** The options on WebSockets whose messages are read, which both programs have: each for the side that it speaks with. */
public final class WebSocketOptions {

    @Option(
            names = "--websocket-max-message",
            paramLabel = "SIZE",
            converter = WindowOptions.Size.class,
            description = "longest message of a WebSocket whose messages are read, inflated (16MiB)")
    private long maxMessageBytes = MessageRelay.DEFAULT_MAX_MESSAGE_BYTES;

    @Option(
            names = "--websocket-deflate",
            description = "agree to compressed messages (permessage-deflate) on WebSockets whose messages are read")
    private boolean isDeflating;

    /** For picocli, which sets what the command line says. */
    public WebSocketOptions() {
        // Each option begins with its default.
    }

    /**
     * Longest message.
     *
     * @throws IllegalArgumentException if there can be none, with one line that says so
     */
    public int maxMessageBytes() {
        return WindowOptions.bytes("--websocket-max-message", 1, maxMessageBytes);
    }

    /** Whether messages may be compressed. */
    public boolean isDeflating() {
        return isDeflating;
    }
}
