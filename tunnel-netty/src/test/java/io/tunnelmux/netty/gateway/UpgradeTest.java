package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections that become something else than HTTP. */
class UpgradeTest {

    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    private GatewayRig rig;
    private FakeAgent agent;
    private RawClient client;

    @BeforeEach
    void start() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .upgradeTimeout(Duration.ofMillis(600))
                .router(AgentRouter.builder()
                        .route(Route.of("kube", "/", GatewayRig.AGENT)
                                .withUpgrade("SPDY/3.1")
                                .withOrigin("friend.example"))
                        .defaultAgent(GatewayRig.AGENT)
                        .build()));
        agent = rig.agent();
        client = rig.client();
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    @Test
    void aWebSocketBecomesBytesInBothDirections() throws Exception {
        FakeAgent.Call call = upgraded("");
        Message.ProxyRequest request = call.request();
        assertThat(request.upgrade().isWebSocket()).isTrue();
        assertThat(request.upgrade().useZeroCopy()).isTrue();
        assertThat(request.upgrade().headData().length()).isZero();
        assertThat(request.head().headers().all("upgrade")).containsExactly("websocket");
        assertThat(request.head().headers().contains("connection")).isFalse();
        assertThat(request.head().headers().first("sec-websocket-protocol")).isEqualTo("chat");

        client.sends("\0\1GET / HTTP/1.1\r\n\r\n\377");
        assertThat(call.received(21)).isEqualTo("\0\1GET / HTTP/1.1\r\n\r\n\377");
        call.sends("\0\376HTTP/1.1");
        assertThat(client.read(10)).isEqualTo("\0\376HTTP/1.1");
    }

    @Test
    void theAnswerToAnUpgradeIsWrittenAnew() throws Exception {
        client.sends(request("", ""));
        agent.next()
                .answers(
                        101,
                        "Upgrade",
                        "websocket",
                        "Sec-WebSocket-Accept",
                        ACCEPT,
                        "Sec-WebSocket-Protocol",
                        "chat",
                        "Connection",
                        "X-Secret",
                        "X-Secret",
                        "1",
                        "Transfer-Encoding",
                        "chunked");

        assertThat(client.head())
                .startsWith("HTTP/1.1 101 Switching Protocols\r\n")
                .contains("connection: upgrade\r\n", "Upgrade: websocket\r\n", "Sec-WebSocket-Protocol: chat\r\n")
                .doesNotContain("X-Secret")
                .doesNotContainIgnoringCase("transfer-encoding");
    }

    @Test
    void bytesBehindTheHeadTravelWithIt() throws Exception {
        client.sends(request("", "early birds"));
        FakeAgent.Call call = agent.next();
        assertThat(new String(call.request().upgrade().headData().toByteArray(), StandardCharsets.US_ASCII))
                .isEqualTo("early birds");
        client.sends(" and more");

        call.answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", ACCEPT);
        client.head();
        assertThat(call.received(9)).isEqualTo(" and more");
        assertThat(call.receivedBytes()).isEqualTo(9);
    }

    @Test
    void muchThatComesBeforeTheAnswerWaitsAndIsNotLost() throws Exception {
        client.sends(request("", ""));
        FakeAgent.Call call = agent.next();
        byte[] part = "0123456789".repeat(1_000).getBytes(StandardCharsets.US_ASCII);
        Thread sender = new Thread(() -> {
            try {
                for (int i = 0; i < 500; i++) {
                    client.sends(part);
                }
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        sender.start();
        call.answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", ACCEPT);
        client.head();
        int early = call.request().upgrade().headData().length();
        assertThat(call.received(5_000_000 - early)).hasSize(5_000_000 - early);
        sender.join();
    }

    @Test
    void singleBytesThatComeBeforeTheAnswerKeepTheirOrder() throws Exception {
        client.sends(request("", ""));
        FakeAgent.Call call = agent.next();
        String bytes = "0123456789".repeat(300);
        for (int i = 0; i < bytes.length(); i++) {
            client.sends(bytes.substring(i, i + 1));
        }
        call.answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", ACCEPT);
        client.head();
        String early = new String(call.request().upgrade().headData().toByteArray(), StandardCharsets.US_ASCII);

        assertThat(early + call.received(bytes.length() - early.length())).isEqualTo(bytes);
    }

    @Test
    void eachDirectionEndsOnItsOwn() throws Exception {
        FakeAgent.Call call = upgraded("");
        client.sends("last words").endsOutput();
        assertThat(call.body()).isEqualTo("last words");

        call.sends("not mine").ends();
        assertThat(client.rest()).isEqualTo("not mine");
        assertThat(call.closed().isClean()).isTrue();
    }

    @Test
    void theUpstreamsEndLeavesTheClientsDirectionOpen() throws Exception {
        FakeAgent.Call call = upgraded("");
        call.sends("bye").ends();
        assertThat(client.rest()).isEqualTo("bye");

        client.sends("still here").endsOutput();
        assertThat(call.body()).isEqualTo("still here");
        assertThat(call.closed().isClean()).isTrue();
    }

    @Test
    void anOrderlyCloseLetsTheClientHaveEverything() throws Exception {
        FakeAgent.Call call = upgraded("");
        call.sends("x".repeat(300_000)).closes(ErrorCode.NO_ERROR, "");
        client.sends("in the way");

        assertThat(client.rest()).hasSize(300_000);
    }

    @Test
    void anyOtherEndIsNotACleanOne() throws Exception {
        FakeAgent.Call call = upgraded("");
        call.closes(ErrorCode.UPSTREAM_RESET, "died");

        assertThat(client.isReset()).isTrue();
    }

    @Test
    void aClientThatIsResetCancels() throws Exception {
        FakeAgent.Call call = upgraded("");
        client.resets();

        assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
    }

    @Test
    void aSlowAgentSlowsTheClient() throws Exception {
        agent.takesNothing();
        FakeAgent.Call call = upgraded("");
        client.socket().setSendBufferSize(32 * 1024);
        client.socket().setSoTimeout(200);
        byte[] part = new byte[32 * 1024];
        Thread sender = new Thread(() -> {
            try {
                for (int i = 0; i < 1_000; i++) {
                    client.sends(part);
                }
            } catch (java.io.IOException e) {
                // The test is over.
            }
        });
        sender.start();
        call.received(131_072);
        sender.join(500);

        assertThat(sender.isAlive()).isTrue();
        assertThat(call.receivedBytes()).isEqualTo(131_072);
    }

    @ParameterizedTest
    @CsvSource({"403, no", "200, fine", "426, later"})
    void anotherAnswerIsAnOrdinaryOne(int status, String body) throws Exception {
        client.sends(request("", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"));
        FakeAgent.Call call = agent.next();
        call.answers(status, "Content-Length", String.valueOf(body.length()))
                .sends(body)
                .ends();

        assertThat(client.rest())
                .startsWith("HTTP/1.1 " + status)
                .contains("connection: close")
                .endsWith("\r\n\r\n" + body);
        assertThat(call.body()).isEmpty();
        assertThat(agent.hasCall()).isFalse();
    }

    @Test
    void aSwitchToSomethingElseIsABadGateway() throws Exception {
        client.sends(request("", ""));
        FakeAgent.Call call = agent.next().answers(101, "Upgrade", "h2c", "Sec-WebSocket-Accept", ACCEPT);
        assertThat(client.rest()).startsWith("HTTP/1.1 502 ").contains("upstream_invalid");
        assertThat(call.closed().is(ErrorCode.PROTOCOL_ERROR)).isTrue();

        RawClient other = rig.client().sends(request("", ""));
        agent.next().answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", "wrong");
        assertThat(other.rest()).startsWith("HTTP/1.1 502 ");
    }

    @Test
    void anUpgradeThatNobodyAnswersTimesOut() throws Exception {
        client.sends(request("", ""));
        FakeAgent.Call call = agent.next();

        assertThat(client.rest()).startsWith("HTTP/1.1 504 ").contains("\"code\":\"timeout\"");
        assertThat(call.closed().is(ErrorCode.TIMEOUT)).isTrue();
    }

    @Test
    void otherProtocolsGoWhereTheRouteAllowsThem() throws Exception {
        client.sends(
                "POST /exec HTTP/1.1\r\nHost: kube\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
        FakeAgent.Call call = agent.next();
        assertThat(call.request().upgrade().isWebSocket()).isFalse();
        assertThat(call.request().upgrade().useZeroCopy()).isTrue();
        assertThat(call.isEnded()).isFalse();
        call.answers(101, "Upgrade", "SPDY/3.1").sends("raw");

        assertThat(client.head()).startsWith("HTTP/1.1 101 ");
        assertThat(client.read(3)).isEqualTo("raw");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n",
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
                "Upgrade: websocket\r\n"
            })
    void whatIsNotAllowedIsAnOrdinaryRequest(String fields) throws Exception {
        client.sends("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
        FakeAgent.Call call = agent.next();
        assertThat(call.request().upgrade()).isEqualTo(Message.Upgrade.NONE);
        assertThat(call.request().head().headers().contains("upgrade")).isFalse();
        assertThat(call.request().head().headers().contains("http2-settings")).isFalse();
        call.answersWithoutBody(200);

        assertThat(client.response()).startsWith("HTTP/1.1 200 ");
    }

    @ParameterizedTest
    @CsvSource({
        "GET, 1.1, '', 400",
        "GET, 1.1, Sec-WebSocket-Version: 13, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: short, 400",
        "GET, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: not base64 at all!!, 400",
        "GET, 1.1, Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, 426",
        "GET, 1.1, Sec-WebSocket-Version: 8|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, 426",
        "POST, 1.1, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, 400",
        "GET, 1.0, Sec-WebSocket-Version: 13|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, 400"
    })
    void aWrongHandshakeGoesNoFurther(String method, String version, String fields, int status) throws Exception {
        client.sends(method + " / HTTP/" + version + "\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + (fields.isEmpty() ? "" : fields.replace("|", "\r\n") + "\r\n") + "\r\n");

        String answer = client.rest();
        assertThat(answer).startsWith("HTTP/1.1 " + status);
        assertThat(answer.contains("sec-websocket-version: 13")).isEqualTo(status == 426);
        assertThat(agent.hasCall()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "a, http://a, 101",
        "a, http://A, 101",
        "a:8080, http://a:8080, 101",
        "a, https://a:443, 101",
        "kube, https://friend.example, 101",
        "a, http://b, 403",
        "a, null, 403",
        "a, http://a.evil, 403",
        "a, http://evil-a, 403",
        "a, http://a:81, 403",
        "kube, https://friend.example.evil, 403"
    })
    void pagesOfOtherHostsOpenNoWebSockets(String host, String origin, int status) throws Exception {
        client.sends(request("Origin: " + origin + "\r\n", "").replace("Host: a", "Host: " + host));
        if (status == 101) {
            agent.next().answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", ACCEPT);
        }

        assertThat(client.head()).startsWith("HTTP/1.1 " + status);
    }

    private FakeAgent.Call upgraded(String early) throws Exception {
        client.sends(request("Sec-WebSocket-Protocol: chat\r\n", early));
        FakeAgent.Call call = agent.next().answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", ACCEPT);
        assertThat(client.head()).startsWith("HTTP/1.1 101 ");
        return call;
    }

    private static String request(String fields, String early) {
        return "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: " + KEY + "\r\n" + fields + "\r\n" + early;
    }
}
