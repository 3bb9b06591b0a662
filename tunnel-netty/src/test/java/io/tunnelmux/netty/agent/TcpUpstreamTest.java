package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an agent answers to {@code tcp_tunnel_start}, and what becomes of the bytes. */
class TcpUpstreamTest {

    private static final Duration CONNECT_TIMEOUT = Duration.ofMillis(300);

    private static InetSocketAddress at(int port) {
        return InetSocketAddress.createUnresolved("127.0.0.1", port);
    }

    private static Message.TcpTunnelStart start(@Nullable String target) {
        return start(target, null, 0, 0);
    }

    private static Message.TcpTunnelStart start(
            @Nullable String target, @Nullable String host, int port, long timeoutMillis) {
        return new Message.TcpTunnelStart(
                "t1", new Message.Destination(target, null, null, 0), host, port, "192.0.2.1:1234", timeoutMillis);
    }

    private static Payload bytes(String text) {
        return Payload.of(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    @Test
    void bytesMayComeBeforeTheConnectionStands() throws Exception {
        CompletableFuture<String> heard = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    heard.complete(new String(connection.input().readAllBytes(), StandardCharsets.ISO_8859_1));
                    connection.write("and the answer");
                });
                AgentHarness harness = new AgentHarness(
                        // A name, which is looked up first, so that all the rest is there before.
                        config -> config.tcpTarget(
                                "db", InetSocketAddress.createUnresolved("localhost", server.port())))) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(start("db"), false, probe);
            StringBuilder sent = new StringBuilder();
            for (int i = 0; i < 5_000; i++) {
                String word = i + " ";
                sent.append(word);
                stream.write(bytes(word));
            }
            stream.end();

            assertThat(heard.get(10, TimeUnit.SECONDS)).isEqualTo(sent.toString());
            assertThat(probe.outcome().is(ErrorCode.NO_ERROR)).isTrue();
            assertThat(probe.message(Message.TcpTunnelConnected.class).requestId())
                    .isEqualTo("t1");
            assertThat(probe.text()).isEqualTo("and the answer");
        }
    }

    @Test
    void aStreamThatHasEndedWithItsRequestIsHeardToItsEnd() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    assertThat(connection.hasMore()).isFalse();
                    connection.write("daytime");
                });
                AgentHarness harness = new AgentHarness(config -> config.tcpTarget("time", at(server.port())))) {
            Probe probe = new Probe(true);
            harness.open(start(null), true, probe);

            assertThat(probe.outcome().is(ErrorCode.NO_ERROR)).isTrue();
            assertThat(probe.text()).isEqualTo("daytime");
        }
    }

    @Test
    void aConnectionThatBreaksEndsTheStreamBehindItsBytes() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.write("half");
                    connection.read(2);
                    connection.reset();
                });
                AgentHarness harness = new AgentHarness(config -> config.tcpTarget("db", at(server.port())))) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(start("db"), false, probe);
            probe.awaitBytes(4);
            stream.write(bytes("ok"));

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(probe.text()).isEqualTo("half");
        }
    }

    @Test
    void aStreamThatIsCancelledResetsItsConnection() throws Exception {
        CompletableFuture<String> end = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.write("hello");
                    try {
                        end.complete("clean after " + connection.input().readAllBytes().length);
                    } catch (IOException e) {
                        end.complete("reset");
                    }
                });
                AgentHarness harness = new AgentHarness(config -> config.tcpTarget("db", at(server.port())))) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(start("db"), false, probe);
            probe.awaitBytes(5);
            stream.cancel(ErrorCode.CANCELLED, "not wanted any more");

            assertThat(end.get(10, TimeUnit.SECONDS)).isEqualTo("reset");
        }
    }

    private static void assertRefused(Probe probe, ErrorCode code, String... causes) {
        Outcome outcome = probe.outcome();
        assertThat(outcome.is(code)).as("%s", outcome).isTrue();
        Message.ProxyError error = probe.message(Message.ProxyError.class);
        assertThat(error.code()).isEqualTo(code.wireName());
        assertThat(error.requestId()).isEqualTo("t1");
        assertThat(error.agentId()).isEqualTo("tested");
        assertThat(error.message() + ": " + error.cause()).contains(causes);
    }

    @ParameterizedTest
    @CsvSource({
        "no-such-target,,no such target: no-such-target",
        ",10.9.9.9,not allowed: 10.9.9.9 port 3",
        ",,'no target was named, and there are 2'"
    })
    void whatIsNotConfiguredIsForbidden(@Nullable String target, @Nullable String host, String why) {
        try (AgentHarness harness = new AgentHarness(
                config -> config.tcpTarget("a", at(1)).tcpTarget("b", at(2)).allow(at(3)))) {
            Probe probe = new Probe(true);
            harness.open(start(target, host, host == null ? 0 : 3, 0), false, probe)
                    .write(bytes("too early"));

            assertRefused(probe, ErrorCode.FORBIDDEN, why);
            assertThat(probe.message(Message.ProxyError.class).retryable()).isFalse();
        }
    }

    @Test
    void anAgentWithoutTargetsDoesNotOfferTcp() {
        try (AgentHarness harness = new AgentHarness(config -> config.upstream(new Upstream("127.0.0.1", 1, false)))) {
            Probe probe = new Probe(true);
            harness.open(start("db"), false, probe);

            assertThat(probe.outcome().is(ErrorCode.UNSUPPORTED)).isTrue();
            assertThat(harness.tunnel().peer().capabilities()).doesNotContain("tcp", "udp");
        }
    }

    @Test
    void nobodyListeningIsUnreachable() throws Exception {
        int port;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = closed.getLocalPort();
        }
        try (AgentHarness harness = new AgentHarness(config -> config.tcpTarget("db", at(port)))) {
            Probe probe = new Probe(true);
            harness.open(start("db"), false, probe).write(bytes("too early"));

            assertRefused(probe, ErrorCode.UPSTREAM_UNREACHABLE, "cannot connect to 127.0.0.1:" + port, "refused");
            assertThat(probe.message(Message.ProxyError.class).retryable()).isTrue();
        }
    }

    @Test
    void aNameThatNobodyKnowsIsUnreachable() {
        try (AgentHarness harness = new AgentHarness(
                config -> config.tcpTarget("db", InetSocketAddress.createUnresolved("no-such-host.invalid", 5432)))) {
            Probe probe = new Probe(true);
            harness.open(start("db"), false, probe);

            assertRefused(probe, ErrorCode.UPSTREAM_UNREACHABLE, "no address is known for no-such-host.invalid");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 100, 60_000})
    void aConnectionThatDoesNotComeAboutIsTooLate(long askedMillis) throws Exception {
        try (ServerSocket deaf = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Crowd crowd = new Crowd(deaf);
                AgentHarness harness = new AgentHarness(config ->
                        config.tcpTarget("db", at(deaf.getLocalPort())).connectTimeout(CONNECT_TIMEOUT))) {
            Probe probe = new Probe(true);
            harness.open(start("db", null, 0, askedMillis), false, probe);

            long limitMillis = askedMillis == 100 ? 100 : CONNECT_TIMEOUT.toMillis();
            assertRefused(probe, ErrorCode.TIMEOUT, "within " + limitMillis + " ms");
            assertThat(crowd.isFull()).isTrue();
        }
    }

    /** Connections that nobody accepts, as many as a server lets wait: the next one gets no answer. */
    private static final class Crowd implements AutoCloseable {
        private final List<Socket> sockets = new ArrayList<>();
        private boolean isFull;

        Crowd(ServerSocket server) throws IOException {
            while (!isFull && sockets.size() < 64) {
                Socket socket = new Socket();
                sockets.add(socket);
                try {
                    socket.connect(server.getLocalSocketAddress(), 200);
                } catch (java.net.SocketTimeoutException e) {
                    isFull = true;
                }
            }
        }

        boolean isFull() {
            return isFull;
        }

        @Override
        public void close() throws IOException {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void aStreamThatIsCancelledMeanwhileHearsNothingOfItsConnection() throws Exception {
        try (ServerSocket deaf = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Crowd crowd = new Crowd(deaf);
                AgentHarness harness = new AgentHarness(config -> config.tcpTarget("db", at(deaf.getLocalPort())))) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(start("db"), false, probe);
            stream.write(bytes("never heard"));
            harness.tunnel().ping().toCompletableFuture().get(10, TimeUnit.SECONDS);
            stream.cancel(ErrorCode.CANCELLED, "not wanted any more");

            assertThat(probe.outcome().is(ErrorCode.CANCELLED)).isTrue();
            harness.tunnel().ping().toCompletableFuture().get(10, TimeUnit.SECONDS);
            assertThat(probe.messages()).isEmpty();
            assertThat(crowd.isFull()).isTrue();
        }
    }
}
