package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WebSocketUpstreamTest {

    /** Key and answer of RFC 6455 1.3. */
    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";

    private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    private static final String SWITCHING =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: " + ACCEPT + "\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    private static final Headers ASKED =
            AgentHarness.headers("Host", "app.example", "Upgrade", "websocket", "Sec-WebSocket-Key", KEY, "X-A", "1");

    @Test
    void movesRawBytesAfterThe101() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.readHead());
                    connection.write(SWITCHING + "first");
                    assertThat(connection.read(9)).isEqualTo("earlylate");
                    connection.write(" and second");
                    connection.endOutput();
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(upgrade(harness, ASKED, true, "early"), false, probe);
            assertThat(probe.response().status()).isEqualTo(101);
            assertThat(probe.response().headers().first("upgrade")).isEqualTo("websocket");
            assertThat(probe.response().headers().first("sec-websocket-protocol"))
                    .isEqualTo("chat");
            assertThat(probe.response().headers().contains("connection")).isFalse();
            stream.write(payload("late"));
            probe.awaitEnded();
            stream.end();

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.text()).isEqualTo("first and second");
            assertThat(seen.get())
                    .startsWith("GET /chat HTTP/1.1\r\n")
                    .containsIgnoringCase("\r\nconnection: upgrade\r\n")
                    .contains("\r\nUpgrade: websocket\r\n", "\r\nSec-WebSocket-Key: " + KEY + "\r\n", "\r\nX-A: 1\r\n");
        }
    }

    @Test
    void carriesMuchBothWaysAtOnce() throws Exception {
        long seed = System.nanoTime();
        System.out.println("carriesMuchBothWaysAtOnce: seed " + seed);
        byte[] bytes = new byte[4 * 1024 * 1024];
        new Random(seed).nextBytes(bytes);
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(SWITCHING);
                    for (int left = bytes.length; left > 0; left -= 32 * 1024) {
                        connection.write(connection.read(32 * 1024));
                    }
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(upgrade(harness, ASKED, true, ""), false, probe);
            probe.response();
            for (int at = 0; at < bytes.length; at += 16 * 1024) {
                stream.write(Payload.of(Arrays.copyOfRange(bytes, at, at + 16 * 1024)));
            }
            stream.end();

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.bytes()).isEqualTo(bytes);
        }
    }

    @Test
    void switchesToOtherProtocolsToo() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    assertThat(connection.readHead()).contains("\r\nUpgrade: SPDY/3.1\r\n");
                    connection.write(
                            "HTTP/1.1 101 Ok\r\nConnection: keep-alive, Upgrade\r\nUpgrade: spdy/3.1\r\n\r\nhi");
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(upgrade(harness, AgentHarness.headers("Upgrade", "SPDY/3.1"), false, ""), false, probe);

            probe.awaitBytes(2);
            assertThat(probe.response().status()).isEqualTo(101);
            assertThat(probe.text()).isEqualTo("hi");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
                "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + ACCEPT + "\r\n\r\n",
                "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + ACCEPT + "\r\n\r\n",
                "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + ACCEPT + "\r\n\r\n"
            })
    void refusesA101ThatDoesNotAnswerWhatWasAsked(String answer) throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(answer);
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(upgrade(harness, ASKED, true, "GET /hidden HTTP/1.1\r\n\r\n"), false, probe);

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_INVALID)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(502);
            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void passesARefusalOnAsAnyAnswerAndDropsWhatTheClientSentEarly() throws Exception {
        CompletableFuture<String> behindHead = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nnot ");
                    connection.write("so");
                    behindHead.complete(connection.hasMore() ? "something" : "nothing");
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(upgrade(harness, ASKED, true, "GET /hidden HTTP/1.1\r\n\r\n"), false, probe);

            assertThat(probe.response().status()).isEqualTo(403);
            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.text()).isEqualTo("not so");
            assertThat(probe.isEnded()).isTrue();
            assertThat(behindHead.get(10, TimeUnit.SECONDS)).isEqualTo("nothing");
        }
    }

    @Test
    void aRefusalThatIsCutShortIsNoCleanEnd() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nnot");
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(upgrade(harness, ASKED, true, ""), false, probe);

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(probe.text()).isEqualTo("not");
            assertThat(probe.isEnded()).isFalse();
        }
    }

    @Test
    void anUpstreamThatClosesInsteadOfAnsweringIsReported() throws Exception {
        try (ScriptedServer server = new ScriptedServer(ScriptedServer.Connection::readHead);
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(upgrade(harness, ASKED, true, ""), false, probe);

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(502);
        }
    }

    @Test
    void givesUpOnAnUpstreamThatNeverAnswers() throws Exception {
        try (ScriptedServer server = new ScriptedServer(ScriptedServer.Connection::awaitEnd);
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            Message.Upgrade upgrade = new Message.Upgrade(true, true, Payload.EMPTY);
            harness.open(harness.request("GET", "/chat", ASKED, upgrade, 50, null), false, probe);

            assertThat(probe.outcome().is(ErrorCode.TIMEOUT)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(504);
        }
    }

    @Test
    void bytesBeforeThe101AreABreach() throws Exception {
        CompletableFuture<Void> asked = new CompletableFuture<>();
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    asked.complete(null);
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(upgrade(harness, ASKED, true, ""), false, probe);
            asked.get(10, TimeUnit.SECONDS);
            stream.write(payload("too early"));

            assertThat(probe.outcome().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aClientThatGoesAwayEndsTheConnectionToTheUpstream() throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(SWITCHING);
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(upgrade(harness, ASKED, true, ""), false, probe);
            probe.response();
            stream.cancel(ErrorCode.CANCELLED, "the client went away");

            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void whatAnUpstreamSaidBeforeItDiedArrives() throws Exception {
        int window = Settings.DEFAULTS.streamWindowBytes();
        CompletableFuture<Void> isReset = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(SWITCHING);
                    connection.write("x".repeat(window));
                    connection.read(4);
                    connection.write("last words");
                    connection.read(3);
                    connection.reset();
                    isReset.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(false);
            TunnelStream stream = harness.open(upgrade(harness, ASKED, true, ""), false, probe);
            probe.awaitBytes(window);
            stream.write(payload("say!"));
            stream.write(payload("die"));
            isReset.get(10, TimeUnit.SECONDS);
            stream.consumed(probe.takeUngranted());

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(probe.text()).endsWith("xlast words");
            assertThat(probe.isEnded()).isFalse();
        }
    }

    @Test
    void anUpstreamThatDiesIsNoCleanEnd() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(SWITCHING);
                    connection.read(3);
                    connection.reset();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(upgrade(harness, ASKED, true, ""), false, probe);
            probe.response();
            stream.write(payload("die"));

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(probe.isEnded()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"no key", "two keys", "no upgrade", "POST"})
    void refusesWhatIsNoWebSocketHandshake(String fault) throws Exception {
        Headers headers = switch (fault) {
            case "no key" -> AgentHarness.headers("Upgrade", "websocket");
            case "two keys" ->
                AgentHarness.headers("Upgrade", "websocket", "Sec-WebSocket-Key", KEY, "Sec-WebSocket-Key", KEY);
            case "no upgrade" -> AgentHarness.headers("Sec-WebSocket-Key", KEY);
            default -> ASKED;
        };
        try (ScriptedServer server = new ScriptedServer(ScriptedServer.Connection::awaitEnd);
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            String method = fault.equals("POST") ? "POST" : "GET";
            Message.Upgrade upgrade = new Message.Upgrade(true, true, Payload.EMPTY);
            harness.open(harness.request(method, "/", headers, upgrade, 0, null), false, probe);

            assertThat(probe.outcome().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(400);
            assertThat(server.accepted()).isZero();
        }
    }

    private static Message upgrade(AgentHarness harness, Headers headers, boolean isWebSocket, String headData) {
        Message.Upgrade upgrade = new Message.Upgrade(isWebSocket, true, payload(headData));
        return harness.request("GET", "/chat", headers, upgrade, 0, null);
    }

    private static Payload payload(String text) {
        return Payload.of(text.getBytes(StandardCharsets.ISO_8859_1));
    }
}
