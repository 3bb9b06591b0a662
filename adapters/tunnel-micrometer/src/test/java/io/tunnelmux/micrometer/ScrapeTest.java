package io.tunnelmux.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What Prometheus sees of a gateway and an agent that have had something to do, over real sockets. */
class ScrapeTest {

    private static final String TOKEN = "a-token-that-nobody-sees";
    private static final long PATIENCE_SECONDS = 60;
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private final PrometheusMeterRegistry atGateway = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final PrometheusMeterRegistry atAgent = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final MemoryBudget gatewayMemory = MemoryBudget.ofBytes(50_000_000);
    private final MemoryBudget agentMemory = MemoryBudget.ofBytes(60_000_000);
    private EchoUpstream upstream;
    private Gateway gateway;
    private Agent agent;

    @BeforeEach
    void start() throws Exception {
        upstream = new EchoUpstream();
        gateway = Gateway.start(GatewayConfig.builder()
                        .authenticator(TokenAuthenticator.of(TOKEN))
                        .router(AgentRouter.builder()
                                .route(Route.of("app", "/", "demo"))
                                .build())
                        .metricsAddress(ANY_PORT)
                        .metrics(atGateway::scrape)
                        .observer(new GatewayMetrics(atGateway))
                        .tunnel(config(gatewayMemory, new TunnelMetrics(atGateway, gatewayMemory)))
                        .build())
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        CountDownLatch connected = new CountDownLatch(1);
        agent = Agent.start(AgentConfig.builder()
                .agentId("demo")
                .token(() -> TOKEN)
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                .upstream(new Upstream("127.0.0.1", upstream.port(), false))
                .metricsAddress(ANY_PORT)
                .metrics(atAgent::scrape)
                .observer(new AgentMetrics(atAgent))
                .tunnel(config(agentMemory, new TunnelMetrics(atAgent, agentMemory)))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.countDown();
                    }
                })
                .build());
        assertThat(connected.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    }

    private static TunnelConfig config(MemoryBudget budget, TunnelMetrics metrics) {
        return TunnelConfig.builder().memoryBudget(budget).observer(metrics).build();
    }

    @AfterEach
    void stop() throws Exception {
        agent.close(Duration.ZERO);
        gateway.close(Duration.ZERO).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        upstream.close();
    }

    @Test
    void figuresAreWhatHappenedAndGaugesReturnToZero() throws Exception {
        for (int id = 17; id < 20; id++) {
            assertThat(request("POST /users/" + id + "?token=" + TOKEN, "app", "four"))
                    .startsWith("HTTP/1.1 200 ");
        }
        assertThat(request("GET /missing", "app", "")).startsWith("HTTP/1.1 404 ");
        assertThat(request("GET /", "unknown", "")).startsWith("HTTP/1.1 404 ");
        try (Socket webSocket = upgraded()) {
            for (int i = 0; i < 10; i++) {
                EchoUpstream.write(webSocket.getOutputStream(), "ping");
                assertThat(webSocket.getInputStream().readNBytes(4)).hasSize(4);
            }
            Map<String, Double> during = await(
                    gateway.metricsAddress(),
                    figures -> figures.get("websocket_stream_bytes_total{direction=\"from_agent\"}") == 40
                            && figures.get("tunnelmux_requests_active") == 1);
            assertThat(during)
                    .containsEntry("websocket_connections_active", 1.0)
                    .containsEntry("websocket_mode_total{mode=\"zero_copy\"}", 1.0)
                    .containsEntry("websocket_mode_total{mode=\"websocket_aware\"}", 0.0)
                    .containsEntry("websocket_mode_total{mode=\"channel\"}", 0.0)
                    .containsEntry("websocket_stream_bytes_total{direction=\"to_agent\"}", 40.0)
                    .containsEntry("tunnelmux_streams_active", 1.0)
                    .containsEntry("tunnelmux_tunnels_active{agent_id=\"demo\"}", 1.0)
                    .containsEntry("tunnelmux_buffer_limit_bytes", 5e7);
        }

        for (InetSocketAddress address : List.of(gateway.metricsAddress(), agent.metricsAddress())) {
            Map<String, Double> after = await(
                    address,
                    figures -> figures.get("websocket_connections_active") == 0
                            && figures.get("tunnelmux_streams_active") == 0
                            && figures.get("tunnelmux_requests_active") == 0);
            assertThat(after)
                    .containsEntry("agent_proxy_latency_by_path_count{path_pattern=\"/users/{id}\"}", 3.0)
                    .containsEntry("agent_proxy_latency_by_path_bucket{path_pattern=\"/users/{id}\",le=\"+Inf\"}", 3.0)
                    .containsEntry("agent_proxy_latency_by_path_count{path_pattern=\"other\"}", 1.0)
                    .containsEntry("agent_proxy_latency_by_path_count{path_pattern=\"/chat\"}", 1.0)
                    .containsEntry("tunnelmux_requests_total{agent_id=\"demo\",status=\"2xx\"}", 3.0)
                    .containsEntry("tunnelmux_requests_total{agent_id=\"demo\",status=\"4xx\"}", 1.0)
                    .containsEntry("tunnelmux_requests_total{agent_id=\"demo\",status=\"1xx\"}", 1.0)
                    .containsEntry("tunnelmux_request_outcomes_total{outcome=\"complete\"}", 5.0)
                    .containsEntry("tunnelmux_request_bytes_total{direction=\"received\"}", 3 * 4 + 40.0)
                    .containsEntry("tunnelmux_request_bytes_total{direction=\"sent\"}", 3 * 5 + 40.0)
                    .containsEntry("websocket_stream_bytes_total{direction=\"to_agent\"}", 40.0)
                    .containsEntry("websocket_stream_bytes_total{direction=\"from_agent\"}", 40.0)
                    .containsEntry("websocket_connection_duration_seconds_count", 1.0)
                    .containsEntry("tunnelmux_tunnels_opened_total", 1.0)
                    .containsEntry("tunnelmux_streams_closed_total{outcome=\"no_error\"}", 5.0)
                    .containsEntry("tunnelmux_stream_duration_seconds_count", 5.0)
                    .containsEntry("tunnelmux_stalled_streams{reason=\"peer_credit\"}", 0.0)
                    .containsEntry("tunnelmux_stalls_total{reason=\"consumer\"}", 0.0);
            assertThat(after.get("websocket_stream_latency_seconds_count")).isBetween(2.0, 20.0);
        }
        Map<String, Double> gatewayFigures = scrape(gateway.metricsAddress());
        assertThat(gatewayFigures)
                .containsEntry("tunnelmux_refused_total{cause=\"unknown_host\"}", 1.0)
                .containsEntry("tunnelmux_streams_opened_total{opened_by=\"local\"}", 5.0)
                .containsEntry("tunnelmux_stream_bytes_total{direction=\"sent\"}", 3 * 4 + 40.0)
                .containsEntry("tunnelmux_stream_bytes_total{direction=\"received\"}", 3 * 5 + 40.0);
        assertThat(scrape(agent.metricsAddress()))
                .containsEntry("tunnelmux_streams_opened_total{opened_by=\"remote\"}", 5.0)
                .containsEntry("tunnelmux_connect_attempts_total", 1.0)
                .containsEntry("tunnelmux_reconnects_total", 0.0)
                .containsEntry("tunnelmux_connections{state=\"connected\"}", 1.0)
                .containsEntry("tunnelmux_upstream_errors_total{code=\"upstream_reset\"}", 0.0);

        agent.close(Duration.ofSeconds(5));
        Map<String, Double> last = await(
                gateway.metricsAddress(), figures -> figures.get("tunnelmux_tunnels_active{agent_id=\"demo\"}") == 0);
        assertThat(last).containsEntry("tunnelmux_tunnel_duration_seconds_count", 1.0);
        assertThat(nonZero(last)).isEmpty();
        assertThat(nonZero(parse(atAgent.scrape()))).isEmpty();
    }

    @Test
    void scrapesComeInPrometheusOwnFormat() throws Exception {
        String answer = ask(gateway.metricsAddress(), "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");

        assertThat(answer)
                .startsWith("HTTP/1.1 200 ")
                .containsIgnoringCase("content-type: text/plain; version=0.0.4; charset=utf-8\r\n")
                .contains(
                        "\n# TYPE websocket_connections_active gauge\n",
                        "\n# TYPE websocket_mode_total counter\n",
                        "\n# TYPE websocket_stream_bytes_total counter\n",
                        "\n# TYPE websocket_stream_latency_seconds histogram\n")
                .doesNotContain(TOKEN);
    }

    /** Gauges that are not what they were before anything happened, but what says how slow the slowest was, or what is a limit. */
    private static Map<String, Double> nonZero(Map<String, Double> figures) {
        Map<String, Double> gauges = new HashMap<>(figures);
        gauges.values().removeIf(value -> value == 0);
        gauges.keySet()
                .removeIf(name -> name.matches(".*_(total|count|sum|bucket|max)(\\{.*)?")
                        || name.equals("tunnelmux_buffer_limit_bytes"));
        return gauges;
    }

    private String request(String line, String host, String body) throws IOException {
        String length = body.isEmpty() ? "" : "Content-Length: " + body.length() + "\r\n";
        return ask(
                gateway.httpAddress(),
                line + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + length + "\r\n" + body);
    }

    private Socket upgraded() throws IOException {
        Socket socket = connect(gateway.httpAddress());
        EchoUpstream.write(
                socket.getOutputStream(),
                "GET /chat HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        assertThat(EchoUpstream.head(socket.getInputStream())).startsWith("HTTP/1.1 101 ");
        return socket;
    }

    private static Socket connect(InetSocketAddress address) throws IOException {
        Socket socket = new Socket(address.getAddress(), address.getPort());
        socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
        return socket;
    }

    private static String ask(InetSocketAddress address, String request) throws IOException {
        try (Socket socket = connect(address)) {
            EchoUpstream.write(socket.getOutputStream(), request);
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Scrapes until the figures are what they should become. */
    private static Map<String, Double> await(InetSocketAddress address, Predicate<Map<String, Double>> expected)
            throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        Map<String, Double> figures = scrape(address);
        while (!expected.test(figures)) {
            assertThat(System.nanoTime()).as("%s", figures).isLessThan(deadline);
            figures = scrape(address);
        }
        return figures;
    }

    private static Map<String, Double> scrape(InetSocketAddress address) throws IOException {
        String answer = ask(Objects.requireNonNull(address), "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        assertThat(answer).startsWith("HTTP/1.1 200 ");
        return parse(answer.substring(answer.indexOf("\r\n\r\n") + 4));
    }

    private static Map<String, Double> parse(String text) {
        Map<String, Double> figures = new HashMap<>();
        for (String line : text.split("\n")) {
            if (!line.startsWith("#")) {
                int blank = line.lastIndexOf(' ');
                figures.put(line.substring(0, blank), Double.parseDouble(line.substring(blank + 1)));
            }
        }
        return figures;
    }
}
