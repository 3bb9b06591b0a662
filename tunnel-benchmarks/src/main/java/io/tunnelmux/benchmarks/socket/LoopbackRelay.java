package io.tunnelmux.benchmarks.socket;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TcpForward;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.gateway.WebSocketConfig;
import io.tunnelmux.netty.gateway.WebSocketMode;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.protocol.Message;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A gateway and an agent in this JVM on 127.0.0.1, each with one loop, joined by one tunnel: {@code ws://}, so that the agent masks what it sends. Connections to
 * {@link #tcpAddress} are forwarded, requests to {@link #httpAddress} go to one upstream, whose WebSockets are relayed as bytes.
 */
final class LoopbackRelay implements AutoCloseable {
    private static final String AGENT = "loopback";
    private static final String TOKEN = "a-token-for-a-benchmark";
    private static final long PATIENCE_SECONDS = 30;
    private static final Duration CLOSING_PATIENCE = Duration.ofMillis(100);
    private static final InetSocketAddress FREE_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private final Gateway gateway;
    private final Agent agent;
    private final Tunnel gatewayTunnel;
    private final Tunnel agentTunnel;

    private LoopbackRelay(Gateway gateway, Agent agent, Tunnel gatewayTunnel, Tunnel agentTunnel) {
        this.gateway = gateway;
        this.agent = agent;
        this.gatewayTunnel = gatewayTunnel;
        this.agentTunnel = agentTunnel;
    }

    /**
     * Returns once the tunnel is up.
     *
     * @param httpUpstream where requests go
     * @param tcpTargets each gets a forward, in this order
     */
    static LoopbackRelay start(IoMode ioMode, InetSocketAddress httpUpstream, List<InetSocketAddress> tcpTargets)
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        CompletableFuture<Tunnel> gatewayTunnel = new CompletableFuture<>();
        CompletableFuture<Tunnel> agentTunnel = new CompletableFuture<>();
        GatewayConfig.Builder gatewayConfig = GatewayConfig.builder()
                .httpAddress(FREE_PORT)
                .tunnelAddress(FREE_PORT)
                .authenticator(TokenAuthenticator.of(TOKEN))
                .router(AgentRouter.toAgent(AGENT))
                .webSockets(
                        WebSocketConfig.builder().mode(WebSocketMode.ZERO_COPY).build())
                .tunnelHandler(handler -> new Announcing(handler, gatewayTunnel))
                .ioMode(ioMode)
                .loops(1);
        AgentConfig.Builder agentConfig = AgentConfig.builder()
                .agentId(AGENT)
                .token(() -> TOKEN)
                .tunnelHandler(handler -> new Announcing(handler, agentTunnel))
                .ioMode(ioMode)
                .upstream(Upstream.of(URI.create("http://127.0.0.1:" + httpUpstream.getPort())));
        for (InetSocketAddress target : tcpTargets) {
            String name = "port-" + target.getPort();
            gatewayConfig.tcpForward(TcpForward.of(FREE_PORT, AGENT).withTarget(name));
            agentConfig.tcpTarget(name, target);
        }
        Gateway gateway =
                Gateway.start(gatewayConfig.build()).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        Agent agent = Agent.start(agentConfig
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                .build());
        return new LoopbackRelay(
                gateway,
                agent,
                gatewayTunnel.get(PATIENCE_SECONDS, TimeUnit.SECONDS),
                agentTunnel.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    }

    /** Where the forward to the target with this index listens. */
    InetSocketAddress tcpAddress(int target) {
        return gateway.tcpAddresses().get(target);
    }

    InetSocketAddress httpAddress() {
        return gateway.httpAddress();
    }

    /** The tunnel, as the gateway sees it. */
    Tunnel gatewayTunnel() {
        return gatewayTunnel;
    }

    /** The tunnel, as the agent sees it. */
    Tunnel agentTunnel() {
        return agentTunnel;
    }

    /** Ends both. The connections that are still relayed are cut. */
    @Override
    public void close() {
        agent.close(CLOSING_PATIENCE);
        gateway.close(CLOSING_PATIENCE).toCompletableFuture().join();
    }

    /** Tells of the tunnel once its handler has heard of it, from when on streams go through it. */
    private record Announcing(TunnelHandler handler, CompletableFuture<Tunnel> announced) implements TunnelHandler {

        @Override
        public void onOpened(Tunnel tunnel) {
            handler.onOpened(tunnel);
            announced.complete(tunnel);
        }

        @Override
        public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            return handler.onStream(stream, request, isEnd);
        }

        @Override
        public void onClosed(Tunnel tunnel, Outcome outcome) {
            handler.onClosed(tunnel, outcome);
        }
    }
}
