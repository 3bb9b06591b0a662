package io.tunnelmux.netty;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.transport.IoMode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** A gateway and an agent {@code demo} that forward what a test configures, each with two loops or one that are never those of a client. */
final class ForwardRig implements AutoCloseable {

    static final String AGENT = "demo";
    static final int PATIENCE_SECONDS = 30;
    static final InetSocketAddress FREE_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private static final String TOKEN = "a-token-for-forwards";

    private final Gateway gateway;
    private final Agent agent;

    ForwardRig(
            IoMode mode,
            UnaryOperator<GatewayConfig.Builder> gatewayConfig,
            UnaryOperator<AgentConfig.Builder> agentConfig)
            throws Exception {
        this(mode, "ws", gatewayConfig, agentConfig);
    }

    /** @param scheme of the URI at which the agent dials: {@code ws} or {@code tcp} */
    ForwardRig(
            IoMode mode,
            String scheme,
            UnaryOperator<GatewayConfig.Builder> gatewayConfig,
            UnaryOperator<AgentConfig.Builder> agentConfig)
            throws Exception {
        gateway = Gateway.start(gatewayConfig
                        .apply(GatewayConfig.builder()
                                .authenticator(TokenAuthenticator.of(TOKEN))
                                .ioMode(mode)
                                .loops(2))
                        .build())
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        CompletableFuture<Void> connected = new CompletableFuture<>();
        agent = Agent.start(agentConfig
                .apply(AgentConfig.builder()
                        .gateways(List.of(URI.create(scheme + "://127.0.0.1:"
                                + gateway.tunnelAddress().getPort() + (scheme.equals("ws") ? "/tunnel" : ""))))
                        .agentId(AGENT)
                        .token(() -> TOKEN)
                        .ioMode(mode)
                        .listener((connection, state, detail) -> {
                            if (state == TunnelClient.State.CONNECTED) {
                                connected.complete(null);
                            }
                        }))
                .build());
        connected.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    Gateway gateway() {
        return gateway;
    }

    Agent agent() {
        return agent;
    }

    /** A connection to the forward that was configured at this place. */
    Socket connect(int forward) throws IOException {
        return connect(forward, 0);
    }

    /** @param receiveBufferBytes 0 for as many as usual */
    Socket connect(int forward, int receiveBufferBytes) throws IOException {
        Socket socket = new Socket();
        if (receiveBufferBytes > 0) {
            socket.setReceiveBufferSize(receiveBufferBytes);
        }
        socket.setSoTimeout(1_000 * PATIENCE_SECONDS);
        socket.setTcpNoDelay(true);
        socket.connect(gateway.tcpAddresses().get(forward));
        return socket;
    }

    /** Waits until a condition holds that nobody tells of. */
    static void await(String what, java.util.function.BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("not in time: " + what);
            }
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() throws Exception {
        agent.close(Duration.ofMillis(100));
        gateway.close(Duration.ofMillis(100)).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
}
