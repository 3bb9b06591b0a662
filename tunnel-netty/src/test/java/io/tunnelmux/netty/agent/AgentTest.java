package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AgentTest {

    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private static final Upstream NOWHERE = new Upstream("nothing.invalid", 80, false);

    @Test
    void keepsUpAsManyTunnelsAsAskedForAsOneInstance() {
        try (AgentHarness harness =
                new AgentHarness(config -> config.upstream(NOWHERE).connections(3))) {
            List<Tunnel> tunnels = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                tunnels.add(harness.nextTunnel());
            }

            assertThat(tunnels).extracting(tunnel -> tunnel.peer().agentId()).containsOnly("tested");
            assertThat(tunnels).extracting(tunnel -> tunnel.peer().instanceId()).doesNotContainNull();
            assertThat(tunnels.stream()
                            .map(tunnel -> tunnel.peer().instanceId())
                            .distinct())
                    .hasSize(1);
        }
    }

    @Test
    void withItsOwnStreamsAloneItNeedsNoUpstreamAndRefusesRequests() {
        try (AgentHarness harness = new AgentHarness(config -> config.tunnelHandler(own -> own))) {
            Message.ProxyError error = harness.get("/").message(Message.ProxyError.class);

            assertThat(error.status()).isEqualTo(404);
            assertThat(error.message()).isEqualTo("this agent has no upstream for this path");
        }
    }

    @Test
    void connectsAgainWhenATunnelIsLost() {
        try (AgentHarness harness = new AgentHarness(
                config -> config.upstream(NOWHERE).backoff(Duration.ofMillis(1), Duration.ofMillis(20)))) {
            harness.nextTunnel().close(ErrorCode.INTERNAL_ERROR, "the test wants it");

            assertThat(harness.nextTunnel().takesStreams()).isTrue();
        }
    }

    @Test
    void letsRequestsUnderWayEndWhenItCloses() throws Exception {
        CompletableFuture<Void> asked = new CompletableFuture<>();
        CompletableFuture<Void> go = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    asked.complete(null);
                    go.get(10, TimeUnit.SECONDS);
                    connection.write(OK);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe running = harness.get("/");
            asked.get(10, TimeUnit.SECONDS);

            CompletableFuture<Void> closed =
                    CompletableFuture.runAsync(() -> harness.agent().close(Duration.ofSeconds(10)));
            harness.awaitDraining();
            Probe late = new Probe(true);
            harness.open(harness.request("GET", "/late", Headers.EMPTY), true, late);
            assertThat(late.outcome().isRetryable()).isTrue();
            assertThat(closed).isNotDone();

            go.complete(null);
            assertThat(running.outcome().isClean()).isTrue();
            assertThat(running.text()).isEqualTo("ok");
            closed.get(10, TimeUnit.SECONDS);
            assertThat(harness.agent().connected()).isZero();
        }
    }

    @Test
    void cutsWhatHasNotEndedWhenPatienceIsOver() throws Exception {
        CompletableFuture<Void> asked = new CompletableFuture<>();
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    asked.complete(null);
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe running = harness.get("/");
            asked.get(10, TimeUnit.SECONDS);

            harness.agent().close(Duration.ofMillis(10));
            assertThat(running.outcome().is(ErrorCode.TRANSPORT_LOST)).isTrue();
            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void tellsHowItsTunnelsAre() throws Exception {
        BlockingQueue<String> states = new LinkedBlockingQueue<>();
        try (AgentHarness harness = new AgentHarness(config -> config.upstream(NOWHERE)
                .token(() -> "secret-token")
                .listener((connection, state, detail) -> states.add(connection + " " + state + " " + detail)))) {
            harness.tunnel();
            assertThat(states.poll(10, TimeUnit.SECONDS)).startsWith("0 " + TunnelClient.State.CONNECTING);
            assertThat(states.poll(10, TimeUnit.SECONDS)).startsWith("0 " + TunnelClient.State.CONNECTED);
            harness.agent().close(Duration.ofSeconds(1));
            assertThat(states.poll(10, TimeUnit.SECONDS)).startsWith("0 " + TunnelClient.State.CLOSED);
            assertThat(states).noneMatch(state -> state.contains("secret-token"));
        }
    }
}
