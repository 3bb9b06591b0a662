package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.Values;
import io.tunnelmux.examples.common.WebSocketOptions;
import io.tunnelmux.netty.gateway.WebSocketConfig;
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
            description = "how much of such a message is logged (256)")
    private String sampleBytes = "256";

    /**
     * What the options say.
     *
     * @throws IllegalArgumentException if they make no sense, with a message for people
     */
    WebSocketConfig toConfig() {
        WebSocketConfig.Builder config = WebSocketConfig.builder()
                .mode(Routes.mode(mode))
                .maxMessageBytes(messages.maxMessageBytes())
                .deflate(messages.isDeflating());
        try {
            return config.sample(sampleEvery, Math.toIntExact(Values.sizeBytes(sampleBytes)))
                    .build();
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new IllegalArgumentException("--websocket-log-sample, --websocket-log-bytes: " + e.getMessage(), e);
        }
    }
}
