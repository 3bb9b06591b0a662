package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.tunnelmux.core.MessageExchange;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.protocol.Message;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Messages of the application's own, through a gateway and an agent, in both directions. */
class EndToEndMessagesTest {

    private static final int PATIENCE_SECONDS = 10;
    private static final String TOKEN = "a-token-for-this-test";
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private final MessageExchange ofGateway = answering("the gateway");
    private final MessageExchange ofAgent = answering("the agent");

    private static MessageExchange answering(String name) {
        return MessageExchange.builder()
                .on(
                        "command",
                        command -> command.answer(
                                name + " did " + command.message().payload()))
                .build();
    }

    private static @Nullable Object ask(MessageExchange exchange, Tunnel tunnel) throws Exception {
        return exchange.request(
                        tunnel, new Message.Application("command", "this"), Duration.ofSeconds(PATIENCE_SECONDS))
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .payload();
    }

    private static List<Tunnel> awaitTwo(Supplier<List<Tunnel>> tunnels) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (tunnels.get().size() < 2 && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(tunnels.get()).hasSize(2);
        return tunnels.get();
    }

    @Test
    @SuppressWarnings("NullAway") // the mistake
    void aTunnelHandlerThatIsNoneIsToldAtTheStart() {
        GatewayConfig gateway = GatewayConfig.builder()
                .httpAddress(ANY_PORT)
                .tunnelAddress(ANY_PORT)
                .authenticator(TokenAuthenticator.of(TOKEN))
                .router(AgentRouter.toAgent("demo"))
                .tunnelHandler(own -> null)
                .build();
        AgentConfig agent = AgentConfig.builder()
                .gateways(List.of(URI.create("ws://127.0.0.1:9/tunnel")))
                .agentId("demo")
                .tunnelHandler(own -> null)
                .build();

        assertThatNullPointerException()
                .isThrownBy(() -> Gateway.start(gateway))
                .withMessageContaining("tunnelHandler");
        assertThatNullPointerException().isThrownBy(() -> Agent.start(agent)).withMessageContaining("tunnelHandler");
    }

    @Test
    void requestsAreAnsweredOnBothSides() throws Exception {
        Gateway gateway = Gateway.start(GatewayConfig.builder()
                        .httpAddress(ANY_PORT)
                        .tunnelAddress(ANY_PORT)
                        .authenticator(TokenAuthenticator.of(TOKEN))
                        .router(AgentRouter.toAgent("demo"))
                        .tunnelHandler(ofGateway::before)
                        .build())
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        try (Agent agent = Agent.start(AgentConfig.builder()
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                .agentId("demo")
                .token(() -> TOKEN)
                .upstream(Upstream.of(URI.create("http://127.0.0.1:9")))
                .connections(2)
                .tunnelHandler(ofAgent::before)
                .build())) {
            for (Tunnel tunnel : awaitTwo(agent::tunnels)) {
                assertThat(ask(ofAgent, tunnel)).isEqualTo("the gateway did this");
            }
            for (Tunnel tunnel : awaitTwo(() -> gateway.tunnels("demo"))) {
                assertThat(ask(ofGateway, tunnel)).isEqualTo("the agent did this");
            }
        } finally {
            gateway.close(Duration.ofMillis(200)).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
    }
}
