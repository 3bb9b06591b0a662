package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.testing.LeakGuard;
import io.tunnelmux.netty.testing.ScriptedServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What operators see of a gateway and an agent that run, over real sockets. */
@ExtendWith(LeakGuard.class)
class EndToEndStatusTest {

    private static final String TOKEN = "a-token-that-nobody-sees";
    private static final long PATIENCE_SECONDS = 30;
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final CountDownLatch released = new CountDownLatch(1);
    private final ScriptedServer upstream = new ScriptedServer(connection -> {
        String head = connection.readHead();
        if (head.startsWith("GET /big")) {
            writeUntilNobodyIsThere(connection);
        } else if (head.startsWith("POST /attach")) {
            connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
            await(released);
        } else {
            await(released);
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    private @Nullable Gateway gateway;
    private @Nullable Agent agent;

    @BeforeEach
    void start() throws Exception {
        Gateway started = Gateway.start(GatewayConfig.builder()
                        .authenticator(TokenAuthenticator.of(TOKEN))
                        .router(AgentRouter.toAgent("demo"))
                        .upgrades(Set.of("spdy/3.1"))
                        .metricsAddress(ANY_PORT)
                        .build())
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        gateway = started;
    }

    @AfterEach
    void stop() throws Exception {
        released.countDown();
        if (agent != null) {
            agent.close(Duration.ofMillis(200));
        }
        gateway().close(Duration.ofMillis(200)).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        upstream.close();
    }

    @Test
    void aDownloadThatNobodyReadsWaitsForItsConsumerAtTheGatewayAndForCreditAtTheAgent() throws Exception {
        startAgent();
        try (Socket client = clientAsking("/big?secret=hidden")) {
            JsonNode atGateway = awaitStatus(gatewayStatus(), "/status", status -> stalled(agentTunnel(status)) == 1);
            JsonNode atAgent = awaitStatus(agentStatus(), "/status", status -> stalled(tunnel(status)) == 1);

            String clientName = client.getLocalAddress().getHostAddress() + ":" + client.getLocalPort();
            JsonNode download = agentTunnel(atGateway).get("streams").get(0);
            assertThat(download.get("what").asText())
                    .startsWith("GET /big for ")
                    .contains(clientName);
            assertThat(download.get("opened_by").asText()).isEqualTo("local");
            assertThat(download.at("/receiving/waits_for").asText()).isEqualTo("CONSUMER");
            assertThat(download.at("/receiving/waited_ms").asDouble()).isGreaterThanOrEqualTo(1_000);
            assertThat(download.at("/receiving/held_bytes").asInt()).isPositive();
            assertThat(download.at("/sending/waits_for").asText()).isEqualTo("NOTHING");

            JsonNode upload = tunnel(atAgent).get("streams").get(0);
            assertThat(upload.get("id")).isEqualTo(download.get("id"));
            assertThat(upload.get("what").asText()).startsWith("GET /big at http://127.0.0.1:" + upstream.port());
            assertThat(upload.get("opened_by").asText()).isEqualTo("remote");
            assertThat(upload.at("/sending/waits_for").asText()).isEqualTo("PEER_CREDIT");
            assertThat(upload.at("/sending/held_bytes").asInt()).isPositive();
            assertThat(atAgent.at("/memory/used_bytes").asLong()).isPositive();
            assertThat(atAgent.at("/memory/limit_bytes").asLong())
                    .isEqualTo(Runtime.getRuntime().maxMemory() / 4);
            assertThat(tunnel(atAgent).get("held_bytes").asLong())
                    .isEqualTo(upload.at("/sending/held_bytes").asLong());
            assertThat(atGateway + " " + atAgent).doesNotContain("hidden", TOKEN);
        }
    }

    @Test
    void tellsOfAgentsAndTheirTunnelsAndListsWhatIsNotStalledOnDemand() throws Exception {
        assertThat(status(gatewayStatus(), "/status").get("agents")).isEmpty();
        startAgent();
        try (Socket client = clientAsking("/slow")) {
            JsonNode before = awaitStatus(
                    gatewayStatus(),
                    "/status",
                    status -> agentTunnel(status).get("open_streams").asInt() == 1);
            JsonNode all = status(gatewayStatus(), "/status?streams=all");

            assertThat(client.isConnected()).isTrue();
            JsonNode known = before.get("agents").get(0);
            assertThat(known.get("agent_id").asText()).isEqualTo("demo");
            JsonNode tunnel = agentTunnel(before);
            assertThat(tunnel.get("remote_address").asText()).startsWith("127.0.0.1:");
            assertThat(tunnel.get("session_age_ms").asDouble()).isPositive();
            assertThat(tunnel.get("round_trip_ms").isNull()).isTrue();
            assertThat(tunnel.get("held_bytes").asInt()).isZero();
            assertThat(known.get("waiting_requests").asInt()).isZero();
            assertThat(tunnel.get("instance_id").asText()).hasSize(32);
            assertThat(Instant.parse(tunnel.get("connected_since").asText())).isBefore(Instant.now());
            assertThat(tunnel.get("opened_streams").asInt()).isEqualTo(1);
            assertThat(tunnel.get("sent_bytes").asInt()).isZero();
            assertThat(tunnel.get("received_bytes").asInt()).isZero();
            assertThat(tunnel.get("streams")).isEmpty();
            assertThat(tunnel.get("streams_not_listed").asInt()).isEqualTo(1);
            assertThat(agentTunnel(all).get("streams")).hasSize(1);
            assertThat(agentTunnel(all).get("streams_not_listed").asInt()).isZero();

            gateway().tunnels("demo").get(0).ping().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(agentTunnel(status(gatewayStatus(), "/status"))
                            .get("round_trip_ms")
                            .asDouble())
                    .isPositive();
            assertThat(status(agentStatus(), "/status")
                            .at("/connections/0/state")
                            .asText())
                    .isEqualTo("CONNECTED");
        }
    }

    @Test
    void aConnectionThatWasUpgradedStillSaysWhatWasAsked() throws Exception {
        startAgent();
        try (Socket client = clientSending("POST /attach?secret=hidden HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                + "Upgrade: SPDY/3.1\r\n\r\n")) {
            byte[] switched = client.getInputStream().readNBytes("HTTP/1.1 101 ".length());
            JsonNode all = status(gatewayStatus(), "/status?streams=all");

            assertThat(new String(switched, StandardCharsets.ISO_8859_1)).isEqualTo("HTTP/1.1 101 ");
            String clientName = client.getLocalAddress().getHostAddress() + ":" + client.getLocalPort();
            assertThat(agentTunnel(all).get("streams").get(0).get("what").asText())
                    .isEqualTo("POST /attach for " + clientName);
        }
    }

    @Test
    void figuresAreShownWhereThereIsSomebodyWhoHasThem() throws Exception {
        assertThat(ask(gatewayStatus(), get("/metrics"))).startsWith("HTTP/1.1 404 ");
        agent = Agent.start(agentConfig()
                .metricsAddress(ANY_PORT)
                .metrics(() -> "figures{of=\"caf\u00e9\"} 1\n")
                .build());

        assertThat(ask(agentStatus(), get("/metrics")))
                .startsWith("HTTP/1.1 200 ")
                .containsIgnoringCase("content-type: text/plain; version=0.0.4; charset=utf-8\r\n")
                .endsWith("\r\n\r\nfigures{of=\"caf\u00c3\u00a9\"} 1\n");
        agent.close(Duration.ZERO);
        agent = Agent.start(agentConfig()
                .metricsAddress(ANY_PORT)
                .metrics(() -> {
                    throw new IllegalStateException("on purpose");
                })
                .build());
        assertThat(ask(agentStatus(), get("/metrics"))).startsWith("HTTP/1.1 500 ");
        assertThat(ask(agentStatus(), get("/healthz"))).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void aGatewayThatDrainsIsHealthyAndNotReady() throws Exception {
        assertThat(ask(gatewayStatus(), get("/healthz")))
                .startsWith("HTTP/1.1 200 ")
                .endsWith("\r\n\r\nok\n");
        assertThat(ask(gatewayStatus(), get("/readyz")))
                .startsWith("HTTP/1.1 200 ")
                .endsWith("\r\n\r\nready\n");
        startAgent();
        // Its listener is told of a tunnel just before those who use it.
        awaitStatus(agentStatus(), "/status", status -> status.get("ready").asBoolean());
        assertThat(ask(agentStatus(), get("/readyz"))).startsWith("HTTP/1.1 200 ");
        try (Socket client = clientAsking("/slow")) {
            awaitStatus(
                    gatewayStatus(),
                    "/status",
                    status -> agentTunnel(status).get("open_streams").asInt() == 1);

            CompletableFuture<?> closed =
                    gateway().close(Duration.ofSeconds(PATIENCE_SECONDS)).toCompletableFuture();

            assertThat(ask(gatewayStatus(), get("/readyz"))).startsWith("HTTP/1.1 503 ");
            assertThat(ask(gatewayStatus(), get("/healthz"))).startsWith("HTTP/1.1 200 ");
            awaitStatus(
                    gatewayStatus(),
                    "/status",
                    status -> !agentTunnel(status).get("takes_streams").asBoolean());
            released.countDown();
            assertThat(new String(client.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
                    .startsWith("HTTP/1.1 200 ");
            closed.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
        assertThatThrownBy(() -> ask(gatewayStatus(), get("/readyz"))).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "404|GET / HTTP/1.1~Host: a~~",
                "404|GET /metrics HTTP/1.1~Host: a~~",
                "404|GET /status/ HTTP/1.1~Host: a~~",
                "400|GET /status?streams=some HTTP/1.1~Host: a~~",
                "400|GET /healthz?streams=all HTTP/1.1~Host: a~~",
                "405|POST /status HTTP/1.1~Host: a~Content-Length: 0~~",
                "405|DELETE /status HTTP/1.1~Host: a~~",
                "400|GET /healthz HTTP/1.1~Host: a~Content-Length: 3~~abc",
                "400|GET /healthz HTTP/1.1~Host: a~Transfer-Encoding: chunked~~0~~",
                "400|GET /healthz HTTP/1.1~~",
                "400|GET /healthz HTTP/1.1~Host: a~Host: b~~",
                "400|GET /healthz HTTP/1.1~Host : a~~",
                "400|GET  /healthz HTTP/1.1~Host: a~~",
                "505|GET /healthz HTTP/3.0~Host: a~~",
                "200|GET /healthz HTTP/1.0~~",
                "200|GET /healthz HTTP/1.1~Host: a~~GET /readyz HTTP/1.1~Host: a~~",
            })
    void answersOneWellFormedQuestionAndNoOther(int status, String request) throws Exception {
        String answer = ask(gatewayStatus(), request.replace("~", "\r\n"));

        assertThat(answer).startsWith("HTTP/1.1 " + status + " ").containsOnlyOnce("\r\n\r\n");
        assertThat(answer).containsIgnoringCase("\r\nconnection: close\r\n");
    }

    @Test
    void bareLineFeedsAndEndlessHeadsAreRefused() throws Exception {
        assertThat(ask(gatewayStatus(), "GET /healthz HTTP/1.1\nHost: a\n\n")).startsWith("HTTP/1.1 400 ");
        assertThat(ask(gatewayStatus(), "GET /" + "x".repeat(2_000) + " HTTP/1.1\r\nHost: a\r\n\r\n"))
                .startsWith("HTTP/1.1 400 ");
        assertThat(ask(gatewayStatus(), "GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(9_000) + "\r\n\r\n"))
                .startsWith("HTTP/1.1 400 ");
    }

    @Test
    void headHasTheLengthAndNotTheBody() throws Exception {
        String answer = ask(gatewayStatus(), "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n");

        assertThat(answer)
                .startsWith("HTTP/1.1 200 ")
                .containsIgnoringCase("content-length: 3")
                .endsWith("\r\n\r\n");
    }

    @Test
    void theListenerForClientsKnowsNothingOfIt() throws Exception {
        assertThat(ask(gateway().httpAddress(), get("/status")))
                .startsWith("HTTP/1.1 503 ")
                .contains("\"agent_offline\"");
    }

    @Test
    void anAddressInUseIsToldInOneLine() {
        GatewayConfig twice =
                GatewayConfig.builder().metricsAddress(gatewayStatus()).build();

        assertThatThrownBy(() -> Gateway.start(twice).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .hasRootCauseInstanceOf(IOException.class)
                .cause()
                .hasMessageStartingWith(
                        "cannot listen on 127.0.0.1:" + gatewayStatus().getPort());
        AgentConfig agentTwice = agentConfig().metricsAddress(gatewayStatus()).build();
        assertThatThrownBy(() -> Agent.start(agentTwice))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(
                        "cannot listen on 127.0.0.1:" + gatewayStatus().getPort());
    }

    private AgentConfig.Builder agentConfig() {
        return AgentConfig.builder()
                .agentId("demo")
                .token(() -> TOKEN)
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway().tunnelAddress().getPort() + "/tunnel")))
                .upstream(new Upstream("127.0.0.1", upstream.port(), false));
    }

    private void startAgent() throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        agent = Agent.start(agentConfig()
                .metricsAddress(ANY_PORT)
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.countDown();
                    }
                })
                .build());
        await(connected);
    }

    private Gateway gateway() {
        return Objects.requireNonNull(gateway);
    }

    private InetSocketAddress gatewayStatus() {
        return Objects.requireNonNull(gateway().metricsAddress());
    }

    private InetSocketAddress agentStatus() {
        return Objects.requireNonNull(Objects.requireNonNull(agent).metricsAddress());
    }

    private Socket clientAsking(String target) throws IOException {
        return clientSending("GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }

    private Socket clientSending(String request) throws IOException {
        Socket client = new Socket();
        client.setReceiveBufferSize(16 * 1024);
        client.setSoTimeout((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
        client.connect(gateway().httpAddress());
        client.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
        return client;
    }

    private static JsonNode agentTunnel(JsonNode status) {
        return status.at("/agents/0/tunnels/0");
    }

    private static JsonNode tunnel(JsonNode status) {
        return status.at("/tunnels/0");
    }

    private static int stalled(JsonNode tunnel) {
        return tunnel.path("stalled_streams").asInt();
    }

    /** Asks until the answer is what it should become. */
    private static JsonNode awaitStatus(InetSocketAddress address, String target, Predicate<JsonNode> expected)
            throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        JsonNode status = status(address, target);
        while (!expected.test(status)) {
            assertThat(System.nanoTime()).as("%s", status).isLessThan(deadline);
            status = status(address, target);
        }
        return status;
    }

    private static JsonNode status(InetSocketAddress address, String target) throws Exception {
        String answer = ask(address, get(target));
        assertThat(answer).startsWith("HTTP/1.1 200 ").containsIgnoringCase("content-type: application/json");
        return JSON.readTree(answer.substring(answer.indexOf("\r\n\r\n")));
    }

    private static String get(String target) {
        return "GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    }

    private static String ask(InetSocketAddress address, String request) throws IOException {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    private static void writeUntilNobodyIsThere(ScriptedServer.Connection connection) {
        try {
            connection.write("HTTP/1.1 200 OK\r\n\r\n");
            while (true) {
                connection.write(new byte[16 * 1024]);
            }
        } catch (IOException e) {
            // Nobody is there.
        }
    }

    private static void await(CountDownLatch latch) throws IOException {
        try {
            assertThat(latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }
}
