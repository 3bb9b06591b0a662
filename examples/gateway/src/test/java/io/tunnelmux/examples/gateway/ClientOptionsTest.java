package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class ClientOptionsTest {

    @Test
    void eachOptionHasItsPlace() {
        GatewayConfig config = parsed(
                "--max-connections=1",
                "--max-requests-per-connection=2",
                "--max-concurrent-streams=3",
                "--max-request-line=4KiB",
                "--max-header-size=5KiB",
                "--max-headers=6",
                "--head-timeout=7s",
                "--body-timeout=8s",
                "--write-timeout=9s",
                "--keep-alive-timeout=10s",
                "--read-buffer=11KiB",
                "--write-buffer=12KiB");

        assertThat(List.of(
                        config.maxConnections(),
                        config.maxRequestsPerConnection(),
                        config.maxConcurrentStreams(),
                        config.maxRequestLineBytes(),
                        config.maxHeaderBytes(),
                        config.maxHeaders(),
                        config.readBufferBytes(),
                        config.writeBufferBytes()))
                .containsExactly(1, 2, 3, 4 << 10, 5 << 10, 6, 11 << 10, 12 << 10);
        assertThat(List.of(
                        config.headTimeout(), config.readTimeout(), config.writeTimeout(), config.keepAliveTimeout()))
                .containsExactly(
                        Duration.ofSeconds(7), Duration.ofSeconds(8), Duration.ofSeconds(9), Duration.ofSeconds(10));
    }

    private static GatewayConfig parsed(String... args) {
        ClientOptions options = new ClientOptions();
        CommandLine line = new CommandLine(CommandLine.Model.CommandSpec.create()
                .addMixin("clients", CommandLine.Model.CommandSpec.forAnnotatedObject(options)));
        line.registerConverter(
                Duration.class,
                io.tunnelmux.examples.common.Values.converter(io.tunnelmux.examples.common.Values::duration));
        line.parseArgs(args);
        GatewayConfig.Builder config = GatewayConfig.builder()
                .authenticator(TokenAuthenticator.of("a-token-of-the-test"))
                .router(AgentRouter.toAgent("demo"));
        options.addTo(config);
        return config.build();
    }
}
