package io.tunnelmux.netty;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.gateway.WebSocketConfig;
import io.tunnelmux.netty.gateway.WebSocketMode;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.testing.WebSocketPeer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** A gateway and an agent on real sockets before a scripted upstream, with WebSockets carried as messages unless a test says otherwise. */
final class WebSocketRig implements AutoCloseable {

    private static final String TOKEN = "a-token-for-web-sockets";

    private final ScriptedServer server;
    private final Gateway gateway;
    private final Agent agent;

    WebSocketRig(ScriptedServer.Script script) throws Exception {
        this(script, gateway -> gateway, agent -> agent);
    }

    WebSocketRig(
            ScriptedServer.Script script,
            UnaryOperator<GatewayConfig.Builder> gatewayOptions,
            UnaryOperator<AgentConfig.Builder> agentOptions)
            throws Exception {
        server = new ScriptedServer(script);
        gateway = Gateway.start(gatewayOptions
                        .apply(GatewayConfig.builder()
                                .authenticator(TokenAuthenticator.of(TOKEN))
                                .router(AgentRouter.toAgent("demo"))
                                .webSockets(aware().build()))
                        .build())
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS);
        CompletableFuture<Void> connected = new CompletableFuture<>();
        agent = Agent.start(agentOptions
                .apply(AgentConfig.builder()
                        .gateways(List.of(URI.create(
                                "ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                        .agentId("demo")
                        .token(() -> TOKEN)
                        .upstream(new Upstream("127.0.0.1", server.port(), false)))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.complete(null);
                    }
                })
                .build());
        connected.get(10, TimeUnit.SECONDS);
    }

    static WebSocketConfig.Builder aware() {
        return WebSocketConfig.builder().mode(WebSocketMode.AWARE);
    }

    Gateway gateway() {
        return gateway;
    }

    Agent agent() {
        return agent;
    }

    InetSocketAddress address() {
        return new InetSocketAddress("127.0.0.1", gateway.httpAddress().getPort());
    }

    WebSocketPeer connect(String target, String... fields) throws IOException {
        return WebSocketPeer.connect(address(), target, fields);
    }

    @Override
    public void close() throws Exception {
        agent.close(Duration.ofMillis(500));
        gateway.close(Duration.ofMillis(500)).toCompletableFuture().get(20, TimeUnit.SECONDS);
        server.close();
    }
}
