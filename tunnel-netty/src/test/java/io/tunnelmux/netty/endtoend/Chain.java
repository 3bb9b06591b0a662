package io.tunnelmux.netty.endtoend;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Client, gateway, agent, upstream: a real gateway and a real agent between two ends that a test holds. */
final class Chain implements AutoCloseable {

    static final String TOKEN = "a-token-of-the-chain";

    private final RawUpstream upstream;
    private final Gateway gateway;
    private final Agent agent;
    private final List<RawSocket> clients = new ArrayList<>();
    private final Map<RawSocket, Integer> told = new HashMap<>();
    private int markers;

    private Chain(
            RawUpstream upstream,
            UnaryOperator<GatewayConfig.Builder> gatewaySettings,
            UnaryOperator<AgentConfig.Builder> agentSettings)
            throws Exception {
        this.upstream = upstream;
        gateway = Gateway.start(gatewaySettings
                        .apply(GatewayConfig.builder()
                                .authenticator(TokenAuthenticator.of(TOKEN))
                                .router(AgentRouter.toAgent("demo"))
                                .loops(2))
                        .build())
                .toCompletableFuture()
                .get(RawSocket.PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
        CountDownLatch connected = new CountDownLatch(1);
        agent = Agent.start(agentSettings
                .apply(AgentConfig.builder()
                        .gateways(List.of(URI.create(
                                "ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                        .agentId("demo")
                        .token(() -> TOKEN)
                        .upstream(new Upstream("127.0.0.1", upstream.port(), false))
                        .listener((connection, state, detail) -> {
                            if (state == TunnelClient.State.CONNECTED) {
                                connected.countDown();
                            }
                        }))
                .build());
        if (!connected.await(RawSocket.PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
            throw new AssertionError("the agent does not connect");
        }
    }

    static Chain start() throws Exception {
        return start(config -> config);
    }

    static Chain start(UnaryOperator<GatewayConfig.Builder> gatewaySettings) throws Exception {
        return start(gatewaySettings, config -> config);
    }

    static Chain start(
            UnaryOperator<GatewayConfig.Builder> gatewaySettings, UnaryOperator<AgentConfig.Builder> agentSettings)
            throws Exception {
        return start(new RawUpstream(), gatewaySettings, agentSettings);
    }

    /** Closes {@code upstream} with the rest. */
    static Chain start(
            RawUpstream upstream,
            UnaryOperator<GatewayConfig.Builder> gatewaySettings,
            UnaryOperator<AgentConfig.Builder> agentSettings)
            throws Exception {
        return new Chain(upstream, gatewaySettings, agentSettings);
    }

    RawUpstream upstream() {
        return upstream;
    }

    Gateway gateway() {
        return gateway;
    }

    Agent agent() {
        return agent;
    }

    /** A new connection to the gateway; closed with this, if not before. */
    RawSocket client() throws IOException {
        RawSocket client = RawSocket.to(gateway.httpAddress());
        clients.add(client);
        return client;
    }

    /**
     * Sends to the gateway on a connection of its own, reads nothing, and stops where for a second there is no room for more.
     *
     * @param isHeard what {@code first} brings about; the rest is sent after that
     *
     * @return how many bytes were taken; at least {@code most} if there was no end
     */
    long taken(String first, CountDownLatch isHeard, String repeated, long most)
            throws IOException, InterruptedException {
        ByteBuffer begin = ByteBuffer.wrap(first.getBytes(StandardCharsets.US_ASCII));
        ByteBuffer more =
                ByteBuffer.wrap(repeated.repeat(1 + 100_000 / repeated.length()).getBytes(StandardCharsets.US_ASCII));
        try (SocketChannel client = SocketChannel.open(gateway.httpAddress());
                Selector selector = Selector.open()) {
            while (begin.hasRemaining()) {
                client.write(begin);
            }
            if (!isHeard.await(RawSocket.PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
                throw new AssertionError("nobody has heard: " + first);
            }
            client.configureBlocking(false);
            client.register(selector, SelectionKey.OP_WRITE);
            long taken = 0;
            while (taken < most && selector.select(1_000) > 0) {
                selector.selectedKeys().clear();
                taken += client.write(more.hasRemaining() ? more : more.rewind());
            }
            return taken;
        }
    }

    /** The fields that the gateway adds to a request for {@code host}, as the upstream gets them. */
    static String added(String host) {
        return "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: " + host + "\r\n";
    }

    /**
     * What the upstream has heard since this was asked last, {@link #withoutTraces}: the bytes of all connections one behind the other. A request of its own goes
     * through first, and is left out: whatever was sent before it through the one tunnel has arrived by then.
     */
    String heard() throws IOException {
        upstream.answers(RawUpstream::ok);
        String target = "/marker-" + ++markers;
        try (RawSocket client = RawSocket.to(gateway.httpAddress())) {
            client.send("GET " + target + " HTTP/1.1\r\nHost: marker\r\n\r\n");
            client.message();
        }
        StringBuilder all = new StringBuilder();
        for (RawSocket connection : upstream.connections()) {
            String heard = connection.heard();
            all.append(heard, told.getOrDefault(connection, 0), heard.length());
            told.put(connection, heard.length());
        }
        Matcher marker = Pattern.compile("GET " + target + " HTTP/1\\.1\r\n(?:[^\r\n]+\r\n)*\r\n")
                .matcher(all);
        if (!marker.find()) {
            throw new AssertionError("the upstream has not heard the marker: " + all);
        }
        return withoutTraces(all.delete(marker.start(), marker.end()).toString());
    }

    /** The same without the one field that chance makes, new in each request. */
    static String withoutTraces(String heard) {
        return heard.replaceAll("traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\n", "");
    }

    /** Bytes as a name of a case in a table. */
    static String shown(String bytes) {
        StringBuilder shown = new StringBuilder();
        for (int i = 0; i < bytes.length() && shown.length() < 150; i++) {
            char c = bytes.charAt(i);
            shown.append(
                    switch (c) {
                        case '\r' -> "\\r";
                        case '\n' -> "\\n";
                        case '\t' -> "\\t";
                        default -> c < ' ' || c > '~' ? String.format("\\x%02x", (int) c) : String.valueOf(c);
                    });
        }
        return shown.length() < 150 ? shown.toString() : shown + "... " + bytes.length() + " bytes";
    }

    @Override
    public void close() throws Exception {
        for (RawSocket client : clients) {
            client.close();
        }
        agent.close(Duration.ofMillis(500));
        gateway.close(Duration.ofMillis(500))
                .toCompletableFuture()
                .get(RawSocket.PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
        upstream.close();
    }
}
