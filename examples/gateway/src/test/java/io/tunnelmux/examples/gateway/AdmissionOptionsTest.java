package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.gateway.AdmissionConfig;
import io.tunnelmux.netty.gateway.RateLimit;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class AdmissionOptionsTest {

    @Test
    void withoutOptionsTheDefaultsHold() {
        assertThat(parsed()).usingRecursiveComparison().isEqualTo(AdmissionConfig.DEFAULTS);
    }

    @Test
    void eachOptionHasItsPlace() {
        AdmissionConfig config = parsed(
                "--max-requests=1",
                "--max-streams-per-agent=2",
                "--max-streams-per-tunnel=3",
                "--max-queued=4",
                "--max-queued-per-agent=5",
                "--queue-wait=6ms",
                "--reconnect-wait=7s",
                "--rate-limit=8/s",
                "--client-rate-limit=9/m:10",
                "--abort-limit=11/s",
                "--max-connections-per-client=12",
                "--circuit-failures=13",
                "--circuit-open=14s");

        assertThat(config)
                .usingRecursiveComparison()
                .isEqualTo(AdmissionConfig.builder()
                        .maxRequests(1)
                        .maxStreamsPerAgent(2)
                        .maxStreamsPerTunnel(3)
                        .maxWaiting(4)
                        .maxWaitingPerAgent(5)
                        .queueWait(Duration.ofMillis(6))
                        .reconnectWait(Duration.ofSeconds(7))
                        .agentRate(RateLimit.perSecond(8))
                        .clientRate(new RateLimit(9, Duration.ofMinutes(1), 10))
                        .abortRate(RateLimit.perSecond(11))
                        .maxConnectionsPerClient(12)
                        .circuitFailures(13)
                        .circuitOpen(Duration.ofSeconds(14))
                        .build());
    }

    @Test
    void muchCanBeSwitchedOff() {
        AdmissionConfig config =
                parsed("--queue-wait=off", "--reconnect-wait=off", "--abort-limit=off", "--circuit-failures=off");

        assertThat(config.queueWait()).isZero();
        assertThat(config.reconnectWait()).isZero();
        assertThat(config.abortRate()).isNull();
        assertThat(config.circuitFailures()).isZero();
    }

    private static AdmissionConfig parsed(String... args) {
        AdmissionOptions options = new AdmissionOptions();
        CommandLine line = new CommandLine(CommandLine.Model.CommandSpec.create()
                .addMixin("admission", CommandLine.Model.CommandSpec.forAnnotatedObject(options)));
        line.registerConverter(
                Duration.class,
                io.tunnelmux.examples.common.Values.converter(io.tunnelmux.examples.common.Values::duration));
        line.parseArgs(args);
        return options.toConfig();
    }
}
