package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.websocket.RawFrames;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.zip.Deflater;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** WebSockets that the agent opens itself: for a client's request, and for the gateway's own wish. */
class MessageUpstreamTest {

    private static final String CLIENTS_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

    /** What a gateway carries, and what one carries that leaves in what belongs to the client's connection. */
    private static final Headers ASKED =
            AgentHarness.headers("Host", "app.example", "Sec-WebSocket-Protocol", "chat.v1, chat.v2", "Cookie", "a=1");

    private static final Headers ALL_THE_CLIENT_SAID = AgentHarness.headers(
            "Host",
            "app.example",
            "Upgrade",
            "websocket",
            "Sec-WebSocket-Key",
            CLIENTS_KEY,
            "Sec-WebSocket-Version",
            "13",
            "Sec-WebSocket-Extensions",
            "permessage-deflate; client_max_window_bits");

    private static Message.ProxyRequest aware(AgentHarness harness, Headers headers) {
        return harness.request(
                "GET", "/chat?room=1", headers, new Message.Upgrade(true, false, Payload.EMPTY), 0, null);
    }

    private static Message.ProxyWebSocketStart start(@Nullable String protocol, @Nullable String target) {
        return new Message.ProxyWebSocketStart(
                "s1", "/exec", null, "command=sh", protocol, AgentHarness.headers("X-A", "1"), target);
    }

    private static Payload payload(String text) {
        return Payload.of(text.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void itOpensAWebSocketWithAKeyOfItsOwnAndCarriesMessages() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.acceptWebSocket(
                            "Sec-WebSocket-Protocol: chat.v2\r\n", "Set-Cookie: b=2\r\n", "X-B: 2\r\n"));
                    connection.write(new ScriptedServer.Frame(0x81, text("welcome")));
                    assertThat(connection.readFrame().payload()).isEqualTo(text("hello"));
                    ScriptedServer.Frame second = connection.readFrame();
                    assertThat(second.first()).isEqualTo(0x82);
                    connection.write(second);
                    assertThat(connection.readFrame().first())
                            .as("a close frame")
                            .isEqualTo(0x88);
                    connection.write(new ScriptedServer.Frame(0x88, new byte[] {0x0f, (byte) 0xa0, 'x'}));
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(aware(harness, ASKED), false, probe);

            Message.ProxyResponse answer = probe.response();
            assertThat(answer.status()).isEqualTo(101);
            assertThat(answer.headers().first("sec-websocket-protocol")).isEqualTo("chat.v2");
            assertThat(answer.headers().first("set-cookie")).isEqualTo("b=2");
            for (String name : new String[] {"upgrade", "connection", "sec-websocket-accept"}) {
                assertThat(answer.headers().contains(name)).as(name).isFalse();
            }
            stream.writeUnit(payload("hello"), true, false);
            stream.writeUnit(payload("\0\1"), false, false);
            assertThat(probe.units(2)).containsExactly("text welcome", "binary \0\1");
            stream.send(new Message.ProxyWebSocketClose(4_000, "x"), true);
            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.message(Message.ProxyWebSocketClose.class))
                    .isEqualTo(new Message.ProxyWebSocketClose(4_000, "x"));
        }
        assertThat(seen.get(10, TimeUnit.SECONDS))
                .startsWith("GET /chat?room=1 HTTP/1.1\r\n")
                .containsIgnoringCase("\r\nupgrade: websocket\r\n")
                .containsIgnoringCase("\r\nsec-websocket-version: 13\r\n")
                .contains("\r\nHost: app.example\r\n", "\r\nCookie: a=1\r\n", "Protocol: chat.v1, chat.v2\r\n")
                .doesNotContainIgnoringCase("sec-websocket-extensions");
    }

    @Test
    void whatBelongsToTheClientsConnectionGoesNoFurther() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> seen.complete(connection.acceptWebSocket()));
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(aware(harness, ALL_THE_CLIENT_SAID), false, probe);
            probe.response();

            String head = seen.get(10, TimeUnit.SECONDS);
            assertThat(head).doesNotContain(CLIENTS_KEY).doesNotContainIgnoringCase("extensions");
            for (String name : new String[] {"upgrade", "sec-websocket-key", "sec-websocket-version"}) {
                assertThat(head.toLowerCase(java.util.Locale.ROOT).split("\r\n" + name + ":", -1))
                        .as(name)
                        .hasSize(2);
            }
        }
    }

    @Test
    void messagesAreCompressedWhereTheUpstreamAgrees() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        String message = "compress me ".repeat(1_000);
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.acceptWebSocket(
                            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"));
                    byte[] payload = deflate(text(message));
                    connection.write(RawFrames.unmasked()
                            .frame(0xc1, payload, payload.length)
                            .toByteArray());
                    // As many fragments as there are pieces in which it came through the tunnel.
                    int first = 0;
                    while ((first & 0x80) == 0) {
                        ScriptedServer.Frame part = connection.readFrame();
                        assertThat(part.first() & 0x7f).isEqualTo(first == 0 ? 0x41 : 0);
                        first = part.first() | 1;
                        connection.write(part);
                    }
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(
                        config -> config.upstream(AgentHarness.upstream(server)).webSocketDeflate(true))) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(aware(harness, ASKED), false, probe);
            probe.response();
            stream.writeUnit(payload(message), true, false);

            assertThat(probe.units(2)).containsExactly("text " + message, "text " + message);
            assertThat(seen.get(10, TimeUnit.SECONDS))
                    .containsIgnoringCase(
                            "\r\nSec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover;"
                                    + " server_no_context_takeover\r\n");
        }
    }

    private static byte[] deflate(byte[] plain) {
        Deflater deflater = new Deflater(6, true);
        deflater.setInput(plain);
        byte[] bytes = new byte[plain.length];
        int length = deflater.deflate(bytes, 0, bytes.length, Deflater.SYNC_FLUSH);
        deflater.end();
        return Arrays.copyOf(bytes, length - 4);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Sec-WebSocket-Accept: wrong\r\n",
                "Sec-WebSocket-Protocol: chat.v3\r\n",
                "Sec-WebSocket-Protocol: chat.v1\r\nSec-WebSocket-Protocol: chat.v2\r\n",
                "Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n",
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n",
                "Sec-WebSocket-Extensions: x\r\n",
                "Upgrade: h2c\r\n"
            })
    void aWrong101IsNone(String field) throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.acceptWebSocket(field);
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(aware(harness, ASKED), false, probe);

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_INVALID)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(502);
            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aRefusalOfAClientsRequestGoesThroughAsAnyAnswer() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno");
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(aware(harness, ASKED), false, probe);
            assertThat(probe.response().status()).isEqualTo(403);
            assertThat(probe.response().headers().first("x-why")).isEqualTo("because");
            stream.end();
            probe.awaitEnded();

            assertThat(probe.text()).isEqualTo("no");
        }
    }

    @Test
    void anUpstreamThatDiesWithinAMessageIsNoEndOfIt() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.acceptWebSocket();
                    connection.write(
                            RawFrames.unmasked().fragment(1, text("half")).toByteArray());
                    assertThat(connection.readFrame().payload()).isEqualTo(text("die"));
                    connection.reset();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(aware(harness, ASKED), false, probe);
            probe.awaitBytes(4);
            stream.writeUnit(payload("die"), true, false);

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
        }
    }

    @Test
    void theLimitOfAMessageIsTheConfigurations() throws Exception {
        CompletableFuture<ScriptedServer.Frame> told = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.acceptWebSocket();
                    connection.write(new ScriptedServer.Frame(0x82, new byte[1_001]));
                    told.complete(connection.readFrame());
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(
                        config -> config.upstream(AgentHarness.upstream(server)).maxWebSocketMessageBytes(1_000))) {
            Probe probe = new Probe(true);
            harness.open(aware(harness, ASKED), false, probe);

            assertThat(probe.outcome().is(ErrorCode.FRAME_TOO_LARGE)).isTrue();
            assertThat(told.get(10, TimeUnit.SECONDS).payload()).startsWith(1_009 >> 8, 1_009 & 0xff);
        }
    }

    @Test
    void nothingMayComeBeforeThe101() throws Exception {
        try (ScriptedServer server = new ScriptedServer(ScriptedServer.Connection::awaitEnd);
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(aware(harness, ASKED), false, probe).writeUnit(payload("early"), true, false);

            assertThat(probe.outcome().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
        }
    }

    @Test
    void theAgentSaysThatItCan() throws Exception {
        try (ScriptedServer server = new ScriptedServer(ScriptedServer.Connection::awaitEnd);
                AgentHarness harness = new AgentHarness(server)) {
            assertThat(harness.tunnel().peer().capabilities()).contains("websocket_aware");
        }
    }

    // ---- proxy_websocket_start ----

    @ParameterizedTest
    @CsvSource({"v4.channel.k8s.io", "v5.channel.k8s.io"})
    void theGatewayMayAskForAWebSocketItself(String chosen) throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(
                            connection.acceptWebSocket("Sec-WebSocket-Protocol: " + chosen + "\r\n", "X-B: 2\r\n"));
                    connection.write(new ScriptedServer.Frame(0x82, new byte[0]));
                    ScriptedServer.Frame frame = connection.readFrame();
                    assertThat(frame.payload()).containsExactly(0xff, 0);
                    connection.write(new ScriptedServer.Frame(0x82, text("\3{}")));
                    connection.write(new ScriptedServer.Frame(0x88, new byte[] {3, (byte) 0xe8}));
                    connection.awaitEnd();
                });
                AgentHarness harness =
                        new AgentHarness(config -> config.target("api", AgentHarness.upstream(server)))) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(start("v5.channel.k8s.io,v4.channel.k8s.io", "api"), false, probe);

            Message.ProxyWebSocketOpen open = probe.message(Message.ProxyWebSocketOpen.class);
            assertThat(open.requestId()).isEqualTo("s1");
            assertThat(open.protocol()).isEqualTo(chosen);
            assertThat(open.headers().first("x-b")).isEqualTo("2");
            assertThat(open.headers().contains("sec-websocket-protocol")).isFalse();
            stream.writeUnit(Payload.of(new byte[] {(byte) 0xff, 0}), false, false);
            assertThat(probe.units(2)).containsExactly("binary ", "binary \3{}");
            assertThat(probe.message(Message.ProxyWebSocketClose.class).code()).isEqualTo(1_000);
            stream.send(new Message.ProxyWebSocketClose(1_000, ""), true);
            assertThat(probe.outcome().isClean()).isTrue();
        }
        assertThat(seen.get(10, TimeUnit.SECONDS))
                .startsWith("GET /exec?command=sh HTTP/1.1\r\n")
                .contains("\r\nX-A: 1\r\n")
                .containsIgnoringCase("\r\nsec-websocket-protocol: v5.channel.k8s.io,v4.channel.k8s.io\r\n");
    }

    @ParameterizedTest
    @CsvSource({
        "403,forbidden,FORBIDDEN,403",
        "401,unauthorized,UNAUTHORIZED,401",
        "500,upstream_invalid,UPSTREAM_INVALID,500",
        "200,upstream_invalid,UPSTREAM_INVALID,502"
    })
    void aRefusalOfIsAnErrorThatSaysWhatTheUpstreamSaid(int status, String code, ErrorCode outcome, int told)
            throws Exception {
        String said = "{\"kind\":\"Status\",\"message\":\"pods is forbidden\"}";
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 " + status + " No\r\nTransfer-Encoding: chunked\r\n\r\n" + "10\r\n"
                            + said.substring(0, 16)
                            + "\r\n" + Integer.toHexString(said.length() - 16) + "\r\n" + said.substring(16)
                            + "\r\n0\r\n\r\n");
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(start("v5.channel.k8s.io", null), false, probe);

            assertThat(probe.outcome().is(outcome)).isTrue();
            Message.ProxyError error = probe.message(Message.ProxyError.class);
            assertThat(error.code()).isEqualTo(code);
            assertThat(error.status()).isEqualTo(told);
            assertThat(error.message()).isEqualTo("the upstream answered " + status + " No");
            assertThat(error.cause()).isEqualTo(said);
            assertThat(probe.messages()).hasSize(1);
        }
    }

    @Test
    void ofALongRefusalTheBeginningIsTold() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n" + "x".repeat(10_000));
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(start(null, null), false, probe);

            assertThat(probe.message(Message.ProxyError.class).cause()).isEqualTo("x".repeat(4_096));
        }
    }

    @Test
    void whatTheConfigurationDoesNotNameIsNotReached() throws Exception {
        ByteArrayOutputStream none = new ByteArrayOutputStream();
        try (ScriptedServer server = new ScriptedServer(
                        connection -> none.write(connection.readHead().length()));
                AgentHarness harness =
                        new AgentHarness(config -> config.target("api", AgentHarness.upstream(server)))) {
            Probe probe = new Probe(true);
            harness.open(start(null, "another"), false, probe);

            assertThat(probe.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(403);
            assertThat(none.size()).isZero();
        }
    }

    @Test
    void anUpstreamThatCannotBeReachedIsAnError() throws Exception {
        ScriptedServer closed = new ScriptedServer(ScriptedServer.Connection::awaitEnd);
        closed.close();
        try (AgentHarness harness = new AgentHarness(closed)) {
            Probe probe = new Probe(true);
            harness.open(start(null, null), false, probe);

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_UNREACHABLE)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).retryable()).isTrue();
        }
    }
}
