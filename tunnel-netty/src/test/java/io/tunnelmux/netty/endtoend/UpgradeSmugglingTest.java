package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Route;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Only a switch that the client asked for, the route allows and the upstream proves makes a tunnel of a connection. */
class UpgradeSmugglingTest {

    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    private static final String HIDDEN = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    private static final String WEBSOCKET =
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + "\r\n";
    private static final String ASKED = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n" + WEBSOCKET + "\r\n";
    private static final String SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Accept: " + ACCEPT + "\r\n\r\n";

    private static Chain chain;

    @BeforeAll
    static void start() throws Exception {
        chain = Chain.start(config -> config.upgradeTimeout(Duration.ofSeconds(2))
                .router(AgentRouter.builder()
                        .route(Route.of("spdy", "/", "demo").withUpgrade("SPDY/3.1"))
                        .route(Route.of("open", "/", "demo").withOrigin("friend.example"))
                        .defaultAgent("demo")
                        .build()));
    }

    @AfterAll
    static void stop() throws Exception {
        chain.close();
    }

    @BeforeEach
    void forgetWhatWasHeard() throws Exception {
        chain.heard();
    }

    /** The upstream's answer, and the status that the client gets. */
    static Stream<Arguments> answers() {
        return Stream.of(
                row("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
                row("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403),
                row(
                        "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
                        426),
                row("HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n", 302),
                row(SWITCHED.replace("Upgrade: websocket\r\n", ""), 502),
                row(SWITCHED.replace("Connection: Upgrade\r\n", ""), 502),
                row(SWITCHED.replace("Connection: Upgrade", "Connection: close"), 502),
                row(SWITCHED.replace("Upgrade: websocket", "Upgrade: h2c"), 502),
                row(SWITCHED.replace("Upgrade: websocket", "Upgrade: websocket, h2c"), 502),
                row(SWITCHED.replace("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket"), 502),
                row(SWITCHED.replace("Sec-WebSocket-Accept: " + ACCEPT + "\r\n", ""), 502),
                row(SWITCHED.replace(ACCEPT, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="), 502),
                row(SWITCHED.replace(ACCEPT, KEY), 502),
                row(SWITCHED.replace(ACCEPT, ACCEPT + "\r\nSec-WebSocket-Accept: " + ACCEPT), 502));
    }

    private static Arguments row(String answer, int status) {
        return Arguments.of(Named.of(Chain.shown(answer), answer), status);
    }

    @ParameterizedTest
    @MethodSource("answers")
    void withoutAProvenSwitchNothingBehindTheRequestIsPassedOn(String answer, int status) throws Exception {
        chain.upstream().answers(server -> {
            server.head();
            server.send(answer);
            server.end();
        });
        try (RawSocket client = chain.client()) {
            client.send(ASKED + HIDDEN);
            RawSocket.Message told = client.message();
            assertThat(told.status()).isEqualTo(status);
            assertThat(told.head()).contains("\r\nconnection: close\r\n").doesNotContain("pgrade: ");
            client.end();
        }

        String expected =
                "GET /chat HTTP/1.1\r\nHost: a\r\n" + WEBSOCKET + Chain.added("a") + "connection: upgrade\r\n\r\n";
        assertThat(chain.heard()).isEqualTo(expected);
        // And what came since came on another connection.
        RawSocket used = chain.upstream().ended("/chat");
        assertThat(Chain.withoutTraces(used.heard())).isEqualTo(expected);
    }

    @Test
    void whatComesBeforeTheSwitchWaitsForItAndArrivesOnce() throws Exception {
        byte[] early = new byte[1_000_000];
        new Random(1).nextBytes(early);
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        String expected = Base64.getEncoder().encodeToString(digest.digest(early));
        chain.upstream().answers(server -> {
            server.head();
            // Nothing may come before the switch; what does would be a part of the next head.
            server.send(SWITCHED);
            server.send(Base64.getEncoder().encodeToString(digest.digest(server.bytes(early.length))));
            server.end();
        });
        try (RawSocket client = chain.client()) {
            client.send(ASKED).send(early);

            assertThat(client.head()).startsWith("HTTP/1.1 101 ");
            assertThat(client.read(expected.length())).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
                "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n",
                "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
                "Connection: Upgrade\r\nUpgrade: unknown\r\n",
                "Connection: Upgrade\r\nUpgrade:\r\n",
                "Connection: Upgrade\r\n",
                "Upgrade: websocket\r\n",
                "Connection: X-Upgrade\r\nUpgrade: websocket\r\n"
            })
    void whatIsNotAllowedIsAPlainRequest(String fields) throws Exception {
        try (RawSocket client = chain.client()) {
            client.send("GET /plain HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
            assertThat(client.message().body()).isEqualTo("ok");
            assertThat(client.send(HIDDEN).message().body()).isEqualTo("ok");
        }
        assertThat(chain.heard())
                .startsWith("GET /plain HTTP/1.1\r\nHost: a\r\n" + Chain.added("a") + "\r\nGET /hidden ");
    }

    @Test
    void anotherProtocolPassesWhereItsRouteAllowsIt() throws Exception {
        chain.upstream().answers(server -> {
            String head = server.head();
            server.send(head.contains("SPDY/3.1\r\n") ? SWITCHED.replace("websocket", "SPDY/3.1") : RawUpstream.OK);
            server.send(server.read(3));
            server.end();
        });
        try (RawSocket client = chain.client()) {
            client.send("POST /exec HTTP/1.1\r\nHost: spdy\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                    + "Content-Length: 0\r\n\r\nraw");

            assertThat(client.head()).startsWith("HTTP/1.1 101 ");
            assertThat(client.read(3)).isEqualTo("raw");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "GET, 1.1, '', 400",
        "GET, 1.1, Sec-WebSocket-Version: 13, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key:, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: c2hvcnQ=, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: not base64 at all!!!!!!!, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY|Sec-WebSocket-Key: KEY, 400",
        "GET, 1.1, Sec-WebSocket-Key: KEY, 426",
        "GET, 1.1, Sec-WebSocket-Version: 8|Sec-WebSocket-Key: KEY, 426",
        "GET, 1.1, Sec-WebSocket-Version: 013|Sec-WebSocket-Key: KEY, 426",
        "GET, 1.1, 'Sec-WebSocket-Version: 13, 8|Sec-WebSocket-Key: KEY', 426",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY, 426",
        "POST, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY, 400",
        "HEAD, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY, 400",
        "get, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY, 400",
        "GET, 1.0, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY|Content-Length: 3, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY|Transfer-Encoding: chunked, 400"
    })
    void aWrongHandshakeGoesNoFurther(String method, String version, String fields, int status) throws Exception {
        String lines = fields.isEmpty() ? "" : fields.replace("KEY", KEY).replace("|", "\r\n") + "\r\n";
        try (RawSocket client = chain.client()) {
            client.send(method + " /chat HTTP/" + version
                    + "\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + lines + "\r\n" + HIDDEN);
            client.end();

            assertThat(client.heard()).startsWith("HTTP/1.1 " + status + " ");
            assertThat(client.heard().contains("sec-websocket-version: 13\r\n")).isEqualTo(status == 426);
        }
        assertThat(chain.heard()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "a, http://a, 101",
        "a, HTTP://A, 101",
        "a:8080, http://a:8080, 101",
        "a, https://a:443, 101",
        "open, https://friend.example, 101",
        "a, https://friend.example, 403",
        "a, http://b, 403",
        "a, null, 403",
        "a, '', 403",
        "a, http://a.evil, 403",
        "a, http://evil-a, 403",
        "a, http://evil.a, 403",
        "a, http://a@evil, 403",
        "a, http://evil/a, 403",
        "a, http://a:81, 403",
        "a:8080, http://a, 403",
        "open, https://friend.example.evil, 403",
        "open, https://evil-friend.example, 403",
        "open, https://x.friend.example, 403",
        "a, 'http://a|Origin: http://b', 403",
        "a, 'http://a http://b', 403"
    })
    void aPageOfAnotherHostOpensNoWebSocket(String host, String origin, int status) throws Exception {
        chain.upstream().answers(server -> {
            server.head();
            server.send(SWITCHED);
            server.end();
        });
        try (RawSocket client = chain.client()) {
            client.send("GET /chat HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\n" + WEBSOCKET + "Origin: "
                    + origin.replace("|", "\r\n") + "\r\n\r\n");

            assertThat(client.head()).startsWith("HTTP/1.1 " + status + " ");
        }
        assertThat(chain.heard().isEmpty()).isEqualTo(status == 403);
    }

    @Test
    void aSwitchThatNeverComesIsATimeoutAndTheUpstreamIsTold() throws Exception {
        chain.upstream().answers(RawSocket::end);
        try (RawSocket client = chain.client()) {
            String answer = client.send(ASKED).rest();

            assertThat(answer).startsWith("HTTP/1.1 504 ").contains("\"code\":\"timeout\"");
        }
        chain.upstream().ended("GET /chat ");
    }
}
