package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.TcpForward;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.testing.WebSocketPeer;
import io.tunnelmux.netty.transport.IoMode;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What clients get through a tunnel of bare frames over TCP, everything on real sockets. */
class EndToEndFramesTest {

    private static final int PATIENCE_SECONDS = ForwardRig.PATIENCE_SECONDS;

    private final List<AutoCloseable> closeables = new ArrayList<>();

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable closeable : closeables) {
            closeable.close();
        }
    }

    private ForwardRig start(ScriptedServer.Script script) throws Exception {
        ScriptedServer server = new ScriptedServer(script);
        ForwardRig rig = new ForwardRig(
                IoMode.AUTO,
                "tcp",
                gateway -> gateway.router(AgentRouter.toAgent(ForwardRig.AGENT))
                        .httpAddress(ForwardRig.FREE_PORT)
                        .tcpForward(TcpForward.of(ForwardRig.FREE_PORT, ForwardRig.AGENT)),
                agent -> agent.upstream(new Upstream("127.0.0.1", server.port(), false))
                        .tcpTarget("only", InetSocketAddress.createUnresolved("127.0.0.1", server.port())));
        closeables.add(rig);
        closeables.add(server);
        return rig;
    }

    @Test
    void requestsAndResponsesPassWhole() throws Exception {
        byte[] body = new byte[3 * 1024 * 1024];
        new Random(7).nextBytes(body);
        ForwardRig rig = start(connection -> {
            connection.readHead();
            byte[] received = connection.input().readNBytes(body.length);
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + received.length + "\r\n\r\n");
            connection.write(received);
        });
        HttpURLConnection request = (HttpURLConnection)
                URI.create("http://127.0.0.1:" + rig.gateway().httpAddress().getPort() + "/echo")
                        .toURL()
                        .openConnection();
        request.setReadTimeout(1_000 * PATIENCE_SECONDS);
        request.setDoOutput(true);
        request.setFixedLengthStreamingMode(body.length);
        request.getOutputStream().write(body);

        assertThat(request.getResponseCode()).isEqualTo(200);
        assertThat(request.getInputStream().readAllBytes()).isEqualTo(body);
    }

    @Test
    void webSocketsPass() throws Exception {
        CompletableFuture<String> heard = new CompletableFuture<>();
        ForwardRig rig = start(connection -> {
            try (WebSocketPeer server = connection.webSocket()) {
                server.text("welcome");
                heard.complete(server.next());
            }
        });
        InetSocketAddress front =
                new InetSocketAddress("127.0.0.1", rig.gateway().httpAddress().getPort());
        try (WebSocketPeer client = WebSocketPeer.connect(front, "/chat")) {
            assertThat(client.next()).contains("welcome");
            client.text("hello");

            assertThat(heard.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).contains("hello");
        }
    }

    @Test
    void forwardedConnectionsPassBothWaysAndEndAsTheyWereEnded() throws Exception {
        ForwardRig rig = start(connection -> {
            InputStream input = connection.input();
            byte[] all = input.readAllBytes();
            connection.write(all);
        });
        byte[] sent = new byte[500_000];
        new Random(8).nextBytes(sent);
        try (Socket client = rig.connect(0)) {
            client.getOutputStream().write(sent);
            client.shutdownOutput();

            assertThat(client.getInputStream().readAllBytes()).isEqualTo(sent);
        }
    }

    @Test
    void aWrongTokenIsRefusedByName() throws Exception {
        ForwardRig rig = start(connection -> {});
        CompletableFuture<String> refused = new CompletableFuture<>();
        Agent stranger = Agent.start(AgentConfig.builder()
                .gateways(List.of(URI.create(
                        "tcp://127.0.0.1:" + rig.gateway().tunnelAddress().getPort())))
                .agentId("stranger")
                .token(() -> "wrong")
                .upstream(new Upstream("127.0.0.1", 1, false))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.WAITING) {
                        refused.complete(detail);
                    }
                })
                .build());
        closeables.add(0, () -> stranger.close(Duration.ofMillis(100)));

        assertThat(refused.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).contains("UNAUTHORIZED");
        assertThat(rig.gateway().agents()).hasSize(1);
    }
}
