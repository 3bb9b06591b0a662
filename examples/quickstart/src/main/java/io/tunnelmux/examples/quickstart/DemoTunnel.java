package io.tunnelmux.examples.quickstart;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A gateway, and an agent that has dialled it: all it takes to embed the two. */
final class DemoTunnel implements AutoCloseable {

    private static final String AGENT_ID = "demo";
    private static final Duration PATIENCE = Duration.ofSeconds(2);
    private static final long START_SECONDS = 10;

    private final Gateway gateway;
    private final Agent agent;

    /** Returns when requests to {@link #address()} reach {@code upstream}. */
    DemoTunnel(InetSocketAddress upstream)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        byte[] secret = new byte[16];
        new SecureRandom().nextBytes(secret);
        String token = HexFormat.of().formatHex(secret);

        gateway = Gateway.start(GatewayConfig.builder()
                        .authenticator(TokenAuthenticator.of(token))
                        .router(AgentRouter.toAgent(AGENT_ID))
                        .maxRequestsPerConnection(Integer.MAX_VALUE)
                        .build())
                .toCompletableFuture()
                .get(START_SECONDS, TimeUnit.SECONDS);

        CompletableFuture<Void> connected = new CompletableFuture<>();
        URI tunnel = URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel");
        agent = Agent.start(AgentConfig.builder()
                .gateways(List.of(tunnel))
                .agentId(AGENT_ID)
                .token(() -> token)
                .upstream(new Upstream(upstream.getAddress().getHostAddress(), upstream.getPort(), false))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.complete(null);
                    }
                })
                .build());
        connected.get(START_SECONDS, TimeUnit.SECONDS);
    }

    /** Where clients come in. */
    InetSocketAddress address() {
        return gateway.httpAddress();
    }

    @Override
    public void close() {
        agent.close(PATIENCE);
        gateway.close(PATIENCE).toCompletableFuture().join();
    }
}
