package io.tunnelmux.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.RelayedMessage;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What the observers count, without sockets. */
class MetricsTest {

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    private static ExchangeInfo request(String agentId, String path, boolean isWebSocket) {
        return new ExchangeInfo(
                "GET", "app", path, agentId, "peer", isWebSocket ? "websocket" : null, TraceContext.begin(true), true);
    }

    private static ExchangeEnd end(int status, String outcome) {
        return new ExchangeEnd(status, outcome, 10, 20, Duration.ofSeconds(1));
    }

    @Test
    void labelsStayFewWhateverTheWorldComesUpWith() {
        GatewayMetrics metrics = new GatewayMetrics(registry);
        List<ExchangeObserver> waiting = new ArrayList<>();
        for (int i = 0; i < 3_000; i++) {
            ExchangeObserver exchange = metrics.onExchange(request("agent-" + i, "/path-" + word(i), false));
            exchange.onQueued();
            waiting.add(exchange);
            metrics.onRefused("cause " + i);
        }

        assertThat(values("agent_proxy_queue_depth", "agent_id")).hasSize(1_001);
        assertThat(values("tunnelmux_refused", "cause")).hasSize(101);
        assertThat(registry.get("agent_proxy_queue_depth")
                        .tag("agent_id", "agent-0")
                        .gauge()
                        .value())
                .isEqualTo(1);
        assertThat(registry.get("agent_proxy_queue_depth")
                        .tag("agent_id", "other")
                        .gauge()
                        .value())
                .isEqualTo(2_000);

        for (ExchangeObserver exchange : waiting) {
            exchange.onQueueLeft(Duration.ofMillis(1));
            exchange.onAnswered(200, Duration.ofMillis(1));
            exchange.onEnded(end(200, ExchangeEnd.COMPLETE));
        }
        assertThat(values("agent_proxy_latency_by_path", "path_pattern"))
                .hasSize(201)
                .contains("other");
        assertThat(values("tunnelmux_requests", "agent_id")).hasSize(1_001).contains("other");
        assertThat(registry.get("tunnelmux_requests")
                        .tag("agent_id", "other")
                        .counter()
                        .count())
                .isEqualTo(2_000);
        assertThat(registry.get("agent_proxy_queue_wait").timer().count()).isEqualTo(3_000);
        assertThat(registry.find("agent_proxy_queue_depth").gauges()).allMatch(gauge -> gauge.value() == 0);
    }

    /** Without a run of digits. */
    private static String word(int number) {
        return "" + (char) ('a' + number % 26) + (char) ('a' + number / 26 % 26) + (char) ('a' + number / 676);
    }

    private Set<String> values(String name, String tag) {
        return registry.find(name).meters().stream()
                .map(Meter::getId)
                .map(id -> id.getTag(tag))
                .collect(Collectors.toSet());
    }

    @Test
    void webSocketsAreCountedByTheirModeAndOtherUpgradesAreNot() {
        GatewayMetrics metrics = new GatewayMetrics(registry);
        for (RelayMode mode : RelayMode.values()) {
            ExchangeObserver exchange = metrics.onExchange(request("demo", "/ws", true));
            exchange.onAnswered(101, Duration.ofMillis(1));
            exchange.onUpgraded(mode);
            exchange.onRelayed(Direction.TO_AGENT, 100);
            exchange.onRelayed(Direction.FROM_AGENT, 7);
            exchange.onChunkTaken(Direction.FROM_AGENT, 1_000_000);
            exchange.onMessage(new RelayedMessage(Direction.FROM_AGENT, RelayedMessage.Kind.TEXT, 7, 0, Payload.EMPTY));
            assertThat(active()).isEqualTo(1);
            exchange.onEnded(end(101, ExchangeEnd.CLIENT_GONE));
        }
        ExchangeObserver other = metrics.onExchange(request("demo", "/spdy", false));
        other.onUpgraded(RelayMode.ZERO_COPY);
        other.onRelayed(Direction.TO_AGENT, 100);
        other.onChunkTaken(Direction.TO_AGENT, 1_000_000);
        assertThat(active()).isZero();
        other.onEnded(end(101, ExchangeEnd.COMPLETE));

        for (String mode : Set.of("zero_copy", "websocket_aware", "channel")) {
            assertThat(registry.get("websocket_mode")
                            .tag("mode", mode)
                            .counter()
                            .count())
                    .isEqualTo(1);
        }
        assertThat(registry.get("websocket_messages")
                        .tags("direction", "from_agent", "kind", "text")
                        .counter()
                        .count())
                .isEqualTo(3);
        assertThat(bytes("to_agent")).isEqualTo(300);
        assertThat(bytes("from_agent")).isEqualTo(21);
        assertThat(registry.get("websocket_stream_latency").timer().count()).isEqualTo(3);
        assertThat(registry.get("websocket_connection_duration").timer().count())
                .isEqualTo(3);
        assertThat(active()).isZero();
        assertThat(registry.get("tunnelmux_requests_active").gauge().value()).isZero();
    }

    @Test
    void circuitsAreCountedWheneverTheyOpen() {
        GatewayMetrics metrics = new GatewayMetrics(registry);
        metrics.onCircuit(Route.to("demo"), true);
        metrics.onCircuit(Route.to("demo"), true);
        metrics.onCircuit(Route.to("demo"), false);

        assertThat(registry.get("tunnelmux_circuits_opened")
                        .tag("agent_id", "demo")
                        .counter()
                        .count())
                .isEqualTo(2);
    }

    private double active() {
        return registry.get("websocket_connections_active").gauge().value();
    }

    private double bytes(String direction) {
        return registry.get("websocket_stream_bytes")
                .tag("direction", direction)
                .counter()
                .count();
    }

    @Test
    void anAgentCountsErrorsOfUpstreamsByTheirCodeAndNothingElseAsSuch() {
        AgentMetrics metrics = new AgentMetrics(registry);
        for (String outcome : new String[] {"complete", "upstream_reset", "upstream_reset", "timeout", "cancelled"}) {
            metrics.onExchange(request("demo", "/", false)).onEnded(end(502, outcome));
        }

        assertThat(values("tunnelmux_upstream_errors", "code"))
                .containsExactlyInAnyOrder("upstream_unreachable", "upstream_reset", "upstream_invalid", "timeout");
        assertThat(errors("upstream_reset")).isEqualTo(2);
        assertThat(errors("timeout")).isEqualTo(1);
        assertThat(errors("upstream_invalid")).isZero();
        assertThat(registry.get("tunnelmux_request_outcomes")
                        .tag("outcome", "cancelled")
                        .counter()
                        .count())
                .isEqualTo(1);
    }

    private double errors(String code) {
        return registry.get("tunnelmux_upstream_errors")
                .tag("code", code)
                .counter()
                .count();
    }

    @Test
    void aRequestWithoutAnAnswerHasNoStatus() {
        GatewayMetrics metrics = new GatewayMetrics(registry);
        metrics.onExchange(request("demo", "/", false)).onEnded(end(0, ExchangeEnd.CLIENT_GONE));

        assertThat(registry.get("tunnelmux_requests")
                        .tag("status", "none")
                        .counter()
                        .count())
                .isEqualTo(1);
        assertThat(registry.find("agent_proxy_latency_by_path").summary()).isNull();
    }

    @Test
    void tellsOfTheProcess() {
        try (ProcessMetrics process = new ProcessMetrics()) {
            process.bindTo(registry);

            assertThat(registry.get("jvm.memory.used").gauges()).isNotEmpty();
            assertThat(registry.get("jvm.threads.live").gauge().value()).isPositive();
            assertThat(registry.get("tunnelmux_netty_buffers_bytes")
                            .tag("area", "direct")
                            .gauge()
                            .value())
                    .isNotNegative();
        }
    }
}
