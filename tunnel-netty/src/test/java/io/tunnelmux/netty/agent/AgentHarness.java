package io.tunnelmux.netty.agent;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelServer;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A running agent, and the gateway's end of its tunnel in the hands of a test. */
final class AgentHarness implements AutoCloseable {

    private final NettyLoops gatewayLoops = NettyLoops.create(1, IoMode.AUTO);
    private final BlockingQueue<Tunnel> opened = new LinkedBlockingQueue<>();
    private final CompletableFuture<Void> draining = new CompletableFuture<>();
    private @Nullable Tunnel tunnel;
    private final NettyAcceptor acceptor;
    private final Agent agent;
    private int requests;

    private static final Set<String> CAPABILITIES =
            Set.of(Capabilities.JSON, Capabilities.TCP, Capabilities.UDP, Capabilities.WEBSOCKET_AWARE);

    static Upstream upstream(ScriptedServer server) {
        return new Upstream("127.0.0.1", server.port(), false);
    }

    static Upstream secureUpstream(ScriptedServer server) {
        return new Upstream("localhost", server.port(), true);
    }

    AgentHarness(ScriptedServer server) {
        this(upstream(server));
    }

    AgentHarness(Upstream upstream) {
        this(config -> config.upstream(upstream));
    }

    AgentHarness(UnaryOperator<AgentConfig.Builder> configure) {
        this(configure, CAPABILITIES);
    }

    /** @param capabilities what the gateway names */
    AgentHarness(UnaryOperator<AgentConfig.Builder> configure, Set<String> capabilities) {
        TunnelConfig config = TunnelConfig.builder().capabilities(capabilities).build();
        TunnelServer server = new TunnelServer(config, (hello, token) -> null, new GatewayEnd());
        acceptor = NettyAcceptor.builder(gatewayLoops, server)
                .address(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .admission((token, from) -> null)
                .build();
        try {
            InetSocketAddress address = acceptor.start().toCompletableFuture().get(10, TimeUnit.SECONDS);
            agent = Agent.start(configure
                    .apply(AgentConfig.builder()
                            .gateways(List.of(URI.create("ws://127.0.0.1:" + address.getPort() + "/tunnel")))
                            .agentId("tested"))
                    .build());
        } catch (Exception e) {
            throw new AssertionError("no agent", e);
        }
    }

    Agent agent() {
        return agent;
    }

    /** The first tunnel. */
    Tunnel tunnel() {
        if (tunnel == null) {
            tunnel = nextTunnel();
        }
        return tunnel;
    }

    /** Waits for one more tunnel. */
    Tunnel nextTunnel() {
        try {
            return Objects.requireNonNull(opened.poll(10, TimeUnit.SECONDS), "no tunnel");
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits until the agent has said that it takes no more streams. */
    void awaitDraining() throws Exception {
        draining.get(10, TimeUnit.SECONDS);
    }

    static Headers headers(String... namesAndValues) {
        Headers.Builder headers = Headers.builder();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            headers.add(namesAndValues[i], namesAndValues[i + 1]);
        }
        return headers.build();
    }

    Message.ProxyRequest request(String method, String path, Headers headers) {
        return request(method, path, headers, Message.Upgrade.NONE, 0, null);
    }

    Message.ProxyRequest request(
            String method,
            String path,
            Headers headers,
            Message.Upgrade upgrade,
            long timeoutMillis,
            @Nullable String target) {
        int question = path.indexOf('?');
        return new Message.ProxyRequest(
                "r" + ++requests,
                new Message.HttpHead(
                        method,
                        question < 0 ? path : path.substring(0, question),
                        question < 0 ? null : path.substring(question + 1),
                        "http",
                        "app.example",
                        headers),
                upgrade,
                new Message.Destination(target, null, null, 0),
                timeoutMillis,
                null,
                null);
    }

    /** Sends a request without a body. */
    Probe get(String path, String... headers) {
        Probe probe = new Probe(true);
        open(request("GET", path, headers(headers)), true, probe);
        return probe;
    }

    TunnelStream open(Message request, boolean isEnd, Probe probe) {
        return tunnel().open(request, isEnd, probe);
    }

    @Override
    public void close() {
        agent.close(Duration.ofSeconds(2));
        acceptor.close();
        gatewayLoops.close();
    }

    private final class GatewayEnd implements TunnelHandler {
        @Override
        public void onOpened(Tunnel tunnel) {
            opened.add(tunnel);
        }

        @Override
        public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            return null;
        }

        @Override
        public void onDraining(Tunnel tunnel) {
            draining.complete(null);
        }

        @Override
        public void onClosed(Tunnel tunnel, Outcome outcome) {
            // A test that cares asks its streams.
        }
    }
}
