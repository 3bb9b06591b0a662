package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.WebSocketOptions;
import io.tunnelmux.netty.gateway.WebSocketConfig;
import io.tunnelmux.netty.gateway.WebSocketMode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options on WebSockets. */
final class WebSocketModeOptions {

    @Option(
            names = "--websocket-mode",
            paramLabel = "MODE",
            description =
                    "how WebSockets are carried where no route says otherwise: zero-copy (the default), as bytes that nobody"
                            + " reads; aware, as messages; channel, as messages to a target of the agent's own (kubectl)")
    private String mode = "zero-copy";

    @Mixin
    private WebSocketOptions messages = new WebSocketOptions();

    @Option(
            names = "--websocket-log-sample",
            paramLabel = "N",
            description = "log the beginning of one of N messages that are read, whatever it holds, by the logger"
                    + " io.tunnelmux.websocket (none)")
    private int sampleEvery;

    @Option(
            names = "--websocket-log-bytes",
            paramLabel = "SIZE",
            description = "how much of such a message is logged (256), up to 64KiB")
    private String sampleBytes = "256";

    /**
     * What the options say.
     *
     * @throws IllegalArgumentException if they make no sense, with a message for people
     */
    WebSocketConfig toConfig() {
        WebSocketConfig.Builder config = WebSocketConfig.builder()
                .mode(mode())
                .maxMessageBytes(messages.maxMessageBytes())
                .deflate(messages.isDeflating());
        AdmissionOptions.set("--websocket-log-sample", sampleEvery, every -> config.sample(every, 0));
        AdmissionOptions.set(
                "--websocket-log-bytes",
                ClientOptions.bytes("--websocket-log-bytes", sampleBytes),
                bytes -> config.sample(sampleEvery, bytes));
        return config.build();
    }

    private WebSocketMode mode() {
        try {
            return Routes.mode(mode);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--websocket-mode: " + e.getMessage(), e);
        }
    }
}
