package io.tunnelmux.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.GatewayObserver;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.gateway.WebSocketConfig;
import io.tunnelmux.netty.gateway.WebSocketMode;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayedMessage;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.testing.WebSocketPeer;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The sample of {@code docs/websocket.md}, and that it is the same there. */
class WatchingWebSocketsTest {

    private static final String TOKEN = "a-long-secret-token";

    private final BlockingQueue<String> audit = new LinkedBlockingQueue<>();

    // sample
    private GatewayConfig.Builder watched(GatewayConfig.Builder config) {
        return config.webSockets(WebSocketConfig.builder()
                        .chooser((request, route) -> request.path().startsWith("/admin") ? WebSocketMode.AWARE : null)
                        .build())
                .observer(new GatewayObserver() {
                    @Override
                    public ExchangeObserver onExchange(ExchangeInfo exchange) {
                        return exchange.isWebSocket() ? new Watch(exchange) : ExchangeObserver.NONE;
                    }
                });
    }

    private final class Watch implements ExchangeObserver {
        private final ExchangeInfo exchange;

        Watch(ExchangeInfo exchange) {
            this.exchange = exchange;
        }

        @Override
        public void onMessage(RelayedMessage message) { // on an event loop: must not block
            audit.add(exchange.path() + " " + message.direction().label() + " "
                    + message.kind().label() + " " + message.bytes());
        }
    }
    // end of sample

    @Test
    void eachMessageIsWatchedWhereItIsAskedFor() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
            WebSocketPeer peer = connection.webSocket();
            peer.next();
            peer.text("hello");
            connection.awaitEnd();
        })) {
            Gateway gateway = Gateway.start(watched(GatewayConfig.builder()
                                    .authenticator(TokenAuthenticator.of(TOKEN))
                                    .router(AgentRouter.toAgent("demo")))
                            .build())
                    .toCompletableFuture()
                    .join();
            CompletableFuture<Void> connected = new CompletableFuture<>();
            Agent agent = Agent.start(AgentConfig.builder()
                    .gateways(List.of(URI.create(
                            "ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                    .agentId("demo")
                    .token(() -> TOKEN)
                    .upstream(new Upstream("127.0.0.1", server.port(), false))
                    .listener((connection, state, detail) -> connected.complete(null))
                    .build());
            try {
                connected.get(10, TimeUnit.SECONDS);
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
                while (agent.connected() == 0 && System.nanoTime() < deadline) {
                    Thread.onSpinWait();
                }
                for (String path : List.of("/chat", "/admin/chat")) {
                    try (WebSocketPeer client = WebSocketPeer.connect(gateway.httpAddress(), path)) {
                        client.text("hi");
                        assertThat(client.next()).isEqualTo("text hello");
                    }
                }

                assertThat(audit.poll(10, TimeUnit.SECONDS)).isEqualTo("/admin/chat to_agent text 2");
                assertThat(audit.poll(10, TimeUnit.SECONDS)).isEqualTo("/admin/chat from_agent text 5");
            } finally {
                agent.close(Duration.ofMillis(500));
                gateway.close(Duration.ofMillis(500)).toCompletableFuture().get(20, TimeUnit.SECONDS);
            }
        }
    }

    @Test
    void theGuideShowsTheSampleAsItIsHere() throws Exception {
        String own = text(
                Path.of("src/test/java", WatchingWebSocketsTest.class.getName().replace('.', '/') + ".java"));
        String sample = own.substring(own.indexOf("// sample\n") + 10, own.indexOf("// end of sample\n"));

        assertThat(text(Path.of("..", "docs", "websocket.md"))).contains(sample);
    }

    private static String text(Path file) throws Exception {
        return Files.readAllLines(file).stream().map(String::strip).collect(Collectors.joining("\n", "", "\n"));
    }
}
