package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.netty.testing.H2Client;
import io.tunnelmux.netty.testing.H2Stream;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** WebSockets that are streams of an HTTP/2 connection (RFC 8441). */
class Http2WebSocketTest {

    private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private GatewayRig rig;
    private FakeAgent agent;
    private List<H2Client> clients;

    @BeforeEach
    void start() throws Exception {
        start(GatewayConfig.DEFAULT_UPGRADE_TIMEOUT);
    }

    private void start(Duration upgradeTimeout) throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .h2c(true)
                .upgradeTimeout(upgradeTimeout)
                .router(AgentRouter.builder()
                        .route(Route.of("friends", "/", GatewayRig.AGENT).withOrigin("friend.example"))
                        .defaultAgent(GatewayRig.AGENT)
                        .build()));
        agent = rig.agent();
        clients = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            H2Client client = rig.closed(H2Client.connect(rig.gateway().httpAddress()));
            client.serverSettings();
            clients.add(client);
        }
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    private static Http2Headers request(String... fields) {
        return H2Client.fields(
                        ":method",
                        "CONNECT",
                        ":protocol",
                        "websocket",
                        ":scheme",
                        "http",
                        ":authority",
                        "a",
                        ":path",
                        "/ws?q",
                        "sec-websocket-version",
                        "13")
                .add(H2Client.fields(fields));
    }

    private static String accept(FakeAgent.Call seen) throws Exception {
        String key = seen.request().head().headers().first("sec-websocket-key");
        byte[] digest = MessageDigest.getInstance("SHA-1").digest((key + GUID).getBytes(StandardCharsets.US_ASCII));
        return Base64.getEncoder().encodeToString(digest);
    }

    private static void accepts(FakeAgent.Call seen) throws Exception {
        seen.answers(
                101, "Upgrade", "websocket", "Sec-WebSocket-Accept", accept(seen), "Sec-WebSocket-Protocol", "chat");
    }

    @Test
    void theSettingsSayThatItCanBeDone() throws Exception {
        assertThat(clients.get(0).serverSettings().connectProtocolEnabled()).isTrue();
    }

    @Test
    void aWebSocketBecomesBytesInBothDirections() throws Exception {
        for (H2Client client : clients) {
            H2Stream call = client.sends(request("sec-websocket-protocol", "chat, other"), false);
            FakeAgent.Call seen = agent.next();
            Message.ProxyRequest request = seen.request();
            assertThat(request.upgrade().isWebSocket()).isTrue();
            assertThat(request.upgrade().useZeroCopy()).isTrue();
            assertThat(request.head().method()).isEqualTo("GET");
            assertThat(request.head().path()).isEqualTo("/ws");
            assertThat(request.head().headers().all("upgrade")).containsExactly("websocket");
            assertThat(request.head().headers().first("sec-websocket-protocol")).isEqualTo("chat, other");
            accepts(seen);

            Http2Headers head = call.head();
            assertThat(head.status()).hasToString("200");
            assertThat(head.get("sec-websocket-protocol")).hasToString("chat");
            assertThat(head.contains("upgrade")).isFalse();
            assertThat(head.contains("sec-websocket-accept")).isFalse();
            call.sends("\0\1to\377");
            assertThat(seen.received(5)).isEqualTo("\0\1to\377");
            seen.sends("\0\376from");
            assertThat(call.received(6)).isEqualTo("\0\376from");
        }
    }

    @Test
    void manyBytesPassExactlyAndEachSideMayEndFirst() throws Exception {
        byte[] bytes = new byte[2_000_000];
        new Random(1).nextBytes(bytes);
        for (H2Client client : clients) {
            H2Stream call = client.sends(request(), false);
            FakeAgent.Call seen = agent.next();
            accepts(seen);
            call.head();
            seen.sends(bytes).ends();
            call.trailers();
            assertThat(call.received()).isEqualTo(bytes);
            call.sends(bytes, true);
            assertThat(seen.body().getBytes(StandardCharsets.ISO_8859_1)).isEqualTo(bytes);
            assertThat(seen.closed().isClean()).isTrue();
        }
        for (H2Client client : clients) {
            H2Stream call = client.sends(request(), false);
            FakeAgent.Call seen = agent.next();
            accepts(seen);
            call.head();
            call.sends(bytes, true);
            assertThat(seen.body()).hasSize(bytes.length);
            seen.sends(bytes).ends();
            call.trailers();
            assertThat(call.received()).isEqualTo(bytes);
            assertThat(seen.closed().isClean()).isTrue();
        }
    }

    @Test
    void whatIsCutOnOneSideIsCutOnTheOther() throws Exception {
        for (H2Client client : clients) {
            H2Stream reset = client.sends(request(), false);
            FakeAgent.Call seen = agent.next();
            accepts(seen);
            reset.head();
            reset.cancels();
            assertThat(seen.closed().is(ErrorCode.CANCELLED)).isTrue();

            H2Stream cut = client.sends(request(), false);
            FakeAgent.Call cutSeen = agent.next();
            accepts(cutSeen);
            cut.head();
            cutSeen.sends("part").closes(ErrorCode.UPSTREAM_RESET, "died");
            assertThat(cut.reset()).isNotEqualTo(Http2Error.NO_ERROR);
            assertThat(cut.isEnded()).isFalse();
        }
    }

    @Test
    void aRefusalIsPassedOn() throws Exception {
        H2Stream call = clients.get(0).sends(request(), false);
        FakeAgent.Call seen = agent.next();
        seen.answers(403, "Content-Length", "2").sends("no").ends();

        assertThat(call.status()).isEqualTo("403");
        assertThat(call.received(2)).isEqualTo("no");
        assertThat(seen.closed()).extracting(Outcome::isClean).isEqualTo(true);
    }

    /** It would be taken for the consent that was asked for. */
    @Test
    void anAnswerInPlaceOfTheSwitchIsABadGateway() throws Exception {
        H2Stream call = clients.get(0).sends(request(), false);
        agent.next().answers(200).sends("page").ends();

        assertThat(call.status()).isEqualTo("502");
    }

    @Test
    void aWrongAcceptIsABadGateway() throws Exception {
        H2Stream call = clients.get(0).sends(request(), false);
        agent.next().answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", "wrong");

        assertThat(call.status()).isEqualTo("502");
    }

    @Test
    void anUpgradeWithoutAnswerEnds() throws Exception {
        stop();
        start(Duration.ofMillis(600));
        H2Stream call = clients.get(0).sends(request(), false).sends("early");
        FakeAgent.Call seen = agent.next();

        assertThat(call.status()).isEqualTo("504");
        assertThat(seen.closed().is(ErrorCode.TIMEOUT)).isTrue();
        assertThat(seen.receivedBytes()).isZero();
    }

    @Test
    void bytesBeforeTheSwitchArriveBehindIt() throws Exception {
        for (H2Client client : clients) {
            H2Stream call = client.sends(request(), false).sends("early,");
            FakeAgent.Call seen = agent.next();
            call.sends("bird");
            accepts(seen);

            assertThat(call.status()).isEqualTo("200");
            assertThat(seen.received(10)).isEqualTo("early,bird");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "a, http://a, 200",
        "a, http://elsewhere, 403",
        "a, null, 403",
        "friends, https://friend.example, 200",
        "friends, https://friend.example.evil, 403",
    })
    void pagesOfOthersMayNotOpenOne(String host, String origin, String status) throws Exception {
        Http2Headers request = request("origin", origin);
        request.authority(host);
        H2Stream call = clients.get(0).sends(request, false);
        if (status.equals("200")) {
            accepts(agent.next());
        }

        assertThat(call.status()).isEqualTo(status);
        assertThat(agent.hasCall()).isFalse();
    }

    @Test
    void otherProtocolsAndVersionsAreRefused() throws Exception {
        Http2Headers other = request();
        other.set(":protocol", "connect-udp");
        assertThat(clients.get(0).sends(other, false).status()).isEqualTo("501");

        Http2Headers old = request();
        old.set("sec-websocket-version", "8");
        Http2Headers answer = clients.get(0).sends(old, false).head();
        assertThat(answer.status()).hasToString("426");
        assertThat(answer.get("sec-websocket-version")).hasToString("13");
        assertThat(agent.hasCall()).isFalse();
    }
}
