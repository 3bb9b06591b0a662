package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.DefaultHttp2PingFrame;
import io.netty.handler.codec.http2.DefaultHttp2WindowUpdateFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.tunnelmux.netty.testing.H2Client;
import io.tunnelmux.netty.testing.H2Stream;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a client that speaks HTTP/2 gets, and what an agent gets of it, over real sockets. */
class Http2FrontTest {

    private static final int LOOPS = 2;

    private GatewayRig rig;
    private FakeAgent agent;
    private H2Client client;

    @BeforeEach
    void start() throws Exception {
        start(config());
    }

    private static GatewayConfig.Builder config() {
        return GatewayRig.config()
                .h2c(true)
                .loops(LOOPS)
                .router(AgentRouter.builder()
                        .route(Route.of("a", "/", GatewayRig.AGENT))
                        .route(Route.of("a", "/impatient", GatewayRig.AGENT).withTimeout(Duration.ofMillis(300)))
                        .route(Route.of("nobody", "/", "absent"))
                        .build());
    }

    private void start(GatewayConfig.Builder config) throws Exception {
        rig = GatewayRig.start(config);
        agent = rig.agent();
        client = connect();
    }

    private void restart(GatewayConfig.Builder config) throws Exception {
        stop();
        start(config);
    }

    private H2Client connect() throws Exception {
        return rig.closed(H2Client.connect(rig.gateway().httpAddress()));
    }

    /** One connection on each loop, so that some share the tunnel's and some do not. */
    private List<H2Client> clients() throws Exception {
        List<H2Client> clients = new ArrayList<>(List.of(client));
        while (clients.size() < LOOPS) {
            clients.add(connect());
        }
        return clients;
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    private static byte[] random(int seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    @Test
    void aRequestGoesToTheAgentAsItCame() throws Exception {
        for (H2Client each : clients()) {
            H2Stream call = each.gets("/p%2F?q=1&r", "x", "1", "x", "2", "cookie", "a=1", "cookie", "b=2");
            FakeAgent.Call seen = agent.next();

            Message.HttpHead head = seen.request().head();
            assertThat(head.method()).isEqualTo("GET");
            assertThat(head.path()).isEqualTo("/p%2F");
            assertThat(head.query()).isEqualTo("q=1&r");
            assertThat(head.scheme()).isEqualTo("http");
            assertThat(head.authority()).isEqualTo("a");
            assertThat(head.headers().all("host")).containsExactly("a");
            assertThat(head.headers().all("x")).containsExactly("1", "2");
            assertThat(head.headers().all("cookie")).containsExactly("a=1; b=2");
            assertThat(seen.request().clientAddr()).startsWith("127.0.0.1:");
            assertThat(seen.isEnded()).isTrue();
            seen.answersWithoutBody(200, "Connection", "close", "Set-Cookie", "c", "Set-Cookie", "d");
            Http2Headers answer = call.head();
            assertThat(answer.status()).hasToString("200");
            assertThat(answer.getAll("set-cookie")).extracting(Object::toString).containsExactly("c", "d");
            assertThat(answer.get("content-length")).hasToString("0");
            assertThat(answer.contains("connection")).isFalse();
            assertThat(call.body()).isEmpty();
        }
    }

    @Test
    void onlyTheGatewaySaysWhoTheClientIs() throws Exception {
        client.gets("/", "x-forwarded-for", "6.6.6.6", "forwarded", "for=6.6.6.6", "x-real-ip", "1", "x_real_ip", "1");

        var headers = agent.next().answersWithoutBody(204).request().head().headers();

        assertThat(headers.all("x-forwarded-for")).containsExactly("127.0.0.1");
        assertThat(headers.names())
                .contains("host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "traceparent")
                .doesNotContain("forwarded", "x-real-ip", "x_real_ip");
    }

    @Test
    void bodiesAndTrailersGoBothWays() throws Exception {
        for (H2Client each : clients()) {
            H2Stream call = each.sends(H2Client.request("POST", "/", "te", "trailers"), false);
            FakeAgent.Call seen = agent.next();
            assertThat(seen.request().head().headers().all("te")).containsExactly("trailers");
            assertThat(seen.request().head().headers().contains("transfer-encoding"))
                    .isFalse();
            call.sends("hello ").sends("world").ends("checksum", "1", "host", "evil");
            assertThat(seen.body()).isEqualTo("hello world");
            assertThat(seen.trailers().all("checksum")).containsExactly("1");
            assertThat(seen.trailers().contains("host")).isFalse();

            seen.answers(200, "content-type", "application/grpc")
                    .sends("answer")
                    .endsWith("grpc-status", "0", "content-length", "7");
            assertThat(call.status()).isEqualTo("200");
            assertThat(call.body()).isEqualTo("answer");
            assertThat(call.trailers().get("grpc-status")).hasToString("0");
            assertThat(call.trailers().contains("content-length")).isFalse();
        }
    }

    @Test
    void informationalAnswersComeBeforeTheFinalOne() throws Exception {
        H2Stream call =
                client.sends(H2Client.request("PUT", "/", "expect", "100-continue", "content-length", "4"), false);
        FakeAgent.Call seen = agent.next();
        seen.answers(103, "Link", "</style.css>").answers(100);
        assertThat(call.head().get("link")).hasToString("</style.css>");
        assertThat(call.status()).isEqualTo("100");
        call.sends("body".getBytes(StandardCharsets.US_ASCII), true);
        assertThat(seen.body()).isEqualTo("body");
        seen.answersWithoutBody(201);
        assertThat(call.status()).isEqualTo("201");
    }

    @ParameterizedTest
    @CsvSource({"HEAD, 200", "GET, 204", "GET, 304"})
    void someAnswersHaveNoBodyWhateverTheyAnnounce(String method, int status) throws Exception {
        H2Stream call = client.sends(H2Client.request(method, "/"), true);
        agent.next().answersWithoutBody(status, "Content-Length", "1234");

        Http2Headers head = call.head();
        assertThat(head.status()).hasToString(Integer.toString(status));
        assertThat(head.contains("content-length", "1234")).isEqualTo(status != 204);
        assertThat(call.body()).isEmpty();
    }

    @Test
    void aHundredRequestsAtOnceAreExact() throws Exception {
        for (H2Client each : clients()) {
            List<H2Stream> calls = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                calls.add(each.sends(H2Client.request("PUT", "/" + i), false)
                        .sends(random(i, 10_000), false)
                        .sends(random(-i, 20_000), true));
            }
            for (int i = 0; i < 100; i++) {
                FakeAgent.Call seen = agent.next();
                byte[] body = seen.body().getBytes(StandardCharsets.ISO_8859_1);
                seen.answers(200, "seen", seen.request().head().path())
                        .sends(body)
                        .sends(body)
                        .ends();
            }
            for (int i = 0; i < 100; i++) {
                H2Stream call = calls.get(i);
                assertThat(call.head().get("seen")).hasToString("/" + i);
                call.trailers();
                byte[] body = call.received();
                assertThat(body).hasSize(60_000).startsWith(random(i, 10_000)).endsWith(random(-i, 20_000));
            }
        }
    }

    @Test
    void bigBodiesArriveWhole() throws Exception {
        byte[] body = random(1, 5_000_000);
        for (H2Client each : clients()) {
            H2Stream call = each.sends(H2Client.request("PUT", "/"), false).sends(body, true);
            FakeAgent.Call seen = agent.next();
            assertThat(seen.body().getBytes(StandardCharsets.ISO_8859_1)).isEqualTo(body);
            seen.answers(200).sends(body).ends();
            call.trailers();
            assertThat(call.received()).isEqualTo(body);
        }
    }

    @Test
    void aSlowReaderSlowsItsOwnStreamAndLosesNothing() throws Exception {
        byte[] body = random(2, 3_000_000);
        for (H2Client each : clients()) {
            H2Stream slow = each.gets("/slow").reads(false);
            FakeAgent.Call seen = agent.next().answers(200).sends(body).ends();
            H2Stream quick = each.gets("/quick");
            agent.next().answers(200).sends("x".repeat(500_000)).ends();
            assertThat(quick.body()).hasSize(500_000);
            assertThat(seen.stream().isWritable()).isFalse();

            slow.reads(true);
            slow.trailers();
            assertThat(slow.received()).isEqualTo(body);
        }
    }

    @Test
    void anUploadThatNobodyTakesStopsItsOwnStreamAlone() throws Exception {
        int window = 128 * 1024;
        for (H2Client each : clients()) {
            agent.takesNothing();
            H2Stream stalled = each.sends(H2Client.request("PUT", "/stalled"), false);
            FakeAgent.Call seen = agent.next();
            stalled.sends(random(3, 3_000_000), false);
            seen.received(window);
            agent.takesAll();
            H2Stream other =
                    each.sends(H2Client.request("PUT", "/other"), false).sends(random(4, 500_000), true);
            FakeAgent.Call otherSeen = agent.next();
            assertThat(otherSeen.body()).hasSize(500_000);
            otherSeen.answersWithoutBody(200);
            assertThat(other.status()).isEqualTo("200");
            assertThat(seen.receivedBytes()).isEqualTo(window);
            stalled.cancels();
            assertThat(seen.closed().is(ErrorCode.CANCELLED)).isTrue();
        }
    }

    /** Of some of these lengths the last byte is the one that fills the stream, so that the end comes alone, and while nothing is read. */
    @Test
    void anUploadEndsWhereverItsStreamWasFull() throws Exception {
        int window = 128 * 1024;
        int piece = 16 * 1024;
        for (H2Client each : clients()) {
            for (int length = window; length <= 2 * window; length += piece) {
                agent.takesNothing();
                H2Stream call = each.sends(H2Client.request("PUT", "/"), false);
                FakeAgent.Call seen = agent.next();
                call.sends(random(length, length), false);
                seen.received(window);
                call.ends();
                H2Stream behind = each.gets("/behind");
                agent.next().answersWithoutBody(204);
                assertThat(behind.status()).isEqualTo("204"); // so the end has come, too
                agent.takesAll();
                seen.stream().consumed(window);
                assertThat(seen.body()).hasSize(length);
                seen.answersWithoutBody(200);
                assertThat(call.status()).isEqualTo("200");
            }
        }
    }

    @Test
    void anEarlyAnswerToAnEndlessUploadArrivesAndEndsTheRequest() throws Exception {
        H2Stream call = client.sends(H2Client.request("PUT", "/"), false).sends("first");
        FakeAgent.Call seen = agent.next();
        seen.received(5);
        seen.answers(413).sends("too much").ends().closes(ErrorCode.NO_ERROR, "");

        assertThat(call.status()).isEqualTo("413");
        assertThat(call.received(8)).isEqualTo("too much");
        assertThat(call.reset()).isEqualTo(Http2Error.NO_ERROR);
        assertThat(client.isOpen()).isTrue();
    }

    @Test
    void anUploadThatGoesOnBehindItsAnswerIsDelivered() throws Exception {
        for (H2Client each : clients()) {
            H2Stream call = each.sends(H2Client.request("PUT", "/"), false).sends("first,");
            FakeAgent.Call seen = agent.next();
            seen.received(6);
            seen.answers(200).sends("answer").ends();
            assertThat(call.body()).isEqualTo("answer");
            call.sends("second".getBytes(StandardCharsets.US_ASCII), true);
            assertThat(seen.body()).isEqualTo("first,second");
        }
    }

    @Test
    void aTwoWayStreamMayRest() throws Exception {
        restart(config().readTimeout(Duration.ofMillis(200)));
        H2Stream call = client.sends(H2Client.request("POST", "/"), false).sends("1");
        FakeAgent.Call seen = agent.next();
        seen.received(1);
        seen.answers(200).sends("1");
        call.received(1);
        // Longer than a body may rest that has no answer yet.
        H2Stream late = client.sends(H2Client.request("POST", "/late"), false).sends("1");
        assertThat(late.status()).isEqualTo("408");

        call.sends("2").ends();
        assertThat(seen.body()).isEqualTo("12");
        seen.sends("2").ends();
        assertThat(call.body()).isEqualTo("12");
    }

    @Test
    void aBodyThatIsCutIsReset() throws Exception {
        for (H2Client each : clients()) {
            H2Stream call = each.gets("/");
            agent.next().answers(200).sends("part").closes(ErrorCode.UPSTREAM_RESET, "died");

            assertThat(call.status()).isEqualTo("200");
            assertThat(call.reset()).isEqualTo(Http2Error.INTERNAL_ERROR);
            assertThat(call.isEnded()).isFalse();
            H2Stream next = each.gets("/");
            agent.next().answersWithoutBody(204);
            assertThat(next.status()).isEqualTo("204");
        }
    }

    /** The end comes in one turn of the loop with what it is the end of. */
    @Test
    void whatCameOfABodyBeforeItWasCutArrives() throws Exception {
        for (H2Client each : clients()) {
            for (int i = 0; i < 20; i++) {
                H2Stream call = each.gets("/");
                agent.next().answers(200).sends("begun").closes(ErrorCode.UPSTREAM_RESET, "gone");

                assertThat(call.status()).isEqualTo("200");
                assertThat(call.reset()).isEqualTo(Http2Error.INTERNAL_ERROR);
                assertThat(call.received()).asString().isEqualTo("begun");
            }
        }
    }

    @Test
    void aBodyThatBreaksItsWordIsReset() throws Exception {
        H2Stream longer = client.gets("/");
        agent.next().answers(200, "Content-Length", "4").sends("12345");
        assertThat(longer.reset()).isEqualTo(Http2Error.INTERNAL_ERROR);

        H2Stream shorter = client.gets("/");
        agent.next().answers(200, "Content-Length", "4").sends("123").ends();
        assertThat(shorter.reset()).isEqualTo(Http2Error.INTERNAL_ERROR);
    }

    @Test
    void aClientThatResetsCancels() throws Exception {
        for (H2Client each : clients()) {
            H2Stream call = each.gets("/");
            FakeAgent.Call seen = agent.next();
            call.cancels();
            assertThat(seen.closed().is(ErrorCode.CANCELLED)).isTrue();

            H2Stream upload = each.sends(H2Client.request("PUT", "/"), false).sends("x");
            FakeAgent.Call uploadSeen = agent.next();
            uploadSeen.received(1);
            upload.cancels();
            assertThat(uploadSeen.closed().is(ErrorCode.CANCELLED)).isTrue();
        }
    }

    @Test
    void aConnectionThatIsLostCancelsAllItsRequests() throws Exception {
        List<FakeAgent.Call> seen = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            client.sends(H2Client.request("PUT", "/"), i % 2 == 0);
            seen.add(agent.next());
        }
        client.close();

        for (FakeAgent.Call call : seen) {
            assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
        }
    }

    @Test
    void unknownHostsAndAbsentAgentsAreToldApart() throws Exception {
        H2Stream unknown = client.sends(
                H2Client.fields(":method", "GET", ":scheme", "http", ":path", "/x", ":authority", "elsewhere"), true);
        assertThat(unknown.status()).isEqualTo("404");
        assertThat(unknown.body()).contains("\"unknown_host\"");

        H2Stream absent = client.sends(
                H2Client.fields(":method", "POST", ":scheme", "http", ":path", "/x", ":authority", "nobody"), false);
        Http2Headers head = absent.head();
        assertThat(head.status()).hasToString("503");
        assertThat(head.get("retry-after")).hasToString("5");
        assertThat(absent.received(10)).startsWith("{\"code\":");
        assertThat(absent.reset()).isEqualTo(Http2Error.NO_ERROR);
    }

    @ParameterizedTest
    @CsvSource({"UPSTREAM_RESET, 502", "TIMEOUT, 504", "OVERLOADED, 503"})
    void aStreamThatEndsBeforeItsAnswerSaysWhy(ErrorCode code, int status) throws Exception {
        H2Stream call = client.gets("/");
        agent.next().closes(code, "a reason");

        assertThat(call.status()).isEqualTo(Integer.toString(status));
        assertThat(call.body()).contains("\"cause\":\"a reason\"");
    }

    @Test
    void anAnswerThatTakesTooLongIsCancelled() throws Exception {
        H2Stream call = client.gets("/impatient");
        FakeAgent.Call seen = agent.next();

        assertThat(call.status()).isEqualTo("504");
        assertThat(seen.closed().is(ErrorCode.TIMEOUT)).isTrue();
    }

    @Test
    void aClientThatTakesNothingLosesItsStreamAndNotItsConnection() throws Exception {
        restart(config().writeTimeout(Duration.ofMillis(300)));
        H2Stream stalled = client.gets("/stalled").reads(false);
        FakeAgent.Call seen = agent.next();
        seen.answers(200).sends(random(5, 1_000_000));

        assertThat(seen.closed().is(ErrorCode.CANCELLED)).isTrue();
        assertThat(stalled.reset()).isEqualTo(Http2Error.INTERNAL_ERROR);
        H2Stream other = client.gets("/");
        agent.next().answersWithoutBody(200);
        assertThat(other.status()).isEqualTo("200");
    }

    @Test
    void whatHasNoBodyHasNoLength() throws Exception {
        H2Stream call = client.gets("/");
        agent.next()
                .answers(103, "Content-Length", "5")
                .answers(204, "Content-Length", "0")
                .ends();

        for (String status : List.of("103", "204")) {
            Http2Headers head = call.head();
            assertThat(head.status()).hasToString(status);
            assertThat(head.contains("content-length")).isFalse();
        }
    }

    /** Its windows have room for all of it, so that nothing waits but the socket. */
    @Test
    void aClientThatReadsNothingLosesItsConnection() throws Exception {
        restart(config().writeTimeout(Duration.ofMillis(300)));
        H2Client mean = rig.closed(H2Client.connect(
                rig.gateway().httpAddress(), null, H2Client.settings().initialWindowSize(1 << 30)));
        mean.serverSettings();
        mean.channel().writeAndFlush(new DefaultHttp2WindowUpdateFrame(1 << 30)).sync();
        List<FakeAgent.Call> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            mean.gets("/" + i);
            calls.add(agent.next());
        }
        mean.channel().config().setAutoRead(false);
        for (FakeAgent.Call call : calls) {
            call.answers(200).sends(random(5, 1_000_000));
        }
        for (FakeAgent.Call call : calls) {
            assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
        }

        for (int i = 0; i < 10 && !mean.channel().closeFuture().await(500, TimeUnit.MILLISECONDS); i++) {
            // Writing shows what reading would: the other end has gone.
            mean.channel().writeAndFlush(new DefaultHttp2PingFrame(0));
        }
        assertThat(mean.channel().isOpen()).isFalse();
    }

    /** A complete answer that the client's window holds back has no upstream any more that could miss it. */
    @Test
    void anAnswerThatNobodyTakesDoesNotStayForEver() throws Exception {
        restart(config().writeTimeout(Duration.ofMillis(300)));
        H2Client mean = rig.closed(H2Client.connect(
                rig.gateway().httpAddress(), null, H2Client.settings().initialWindowSize(0)));
        mean.serverSettings();
        H2Stream call = mean.gets("/");
        agent.next().answers(200, "Content-Length", "5").sends("hello").ends();

        assertThat(call.status()).isEqualTo("200");
        assertThat(call.reset()).isEqualTo(Http2Error.INTERNAL_ERROR);
    }

    @Test
    void aBurstOfResetsLeavesNothingBehind() throws Exception {
        int cancelled = 0;
        try {
            for (; cancelled < 2_000; cancelled++) {
                client.gets("/").cancels();
            }
        } catch (ExecutionException e) {
            assertThat(e).hasCauseInstanceOf(ClosedChannelException.class);
        }

        client.awaitClosed();
        assertThat(cancelled).isGreaterThan(200);
        H2Stream good = connect().gets("/good");
        for (FakeAgent.Call seen = agent.next(); !seen.request().head().path().equals("/good"); seen = agent.next()) {
            assertThat(seen.closed().is(ErrorCode.CANCELLED)).isTrue();
        }
        assertThat(good.isEnded()).isFalse();
        assertThat(agent.tunnel().openStreams()).isEqualTo(1);
    }

    @Test
    void pingsWithoutEndLoseTheConnection() throws Exception {
        client.serverSettings();
        for (int i = 0; i < 400_000 && client.channel().isOpen(); i++) {
            client.channel().write(new DefaultHttp2PingFrame(i));
            if (i % 500 == 0) {
                client.channel().flush();
            }
        }
        client.channel().flush();

        client.awaitClosed();
    }

    @Test
    void moreRequestsThanAllowedWait() throws Exception {
        restart(config().maxConcurrentStreams(2));
        assertThat(client.serverSettings().maxConcurrentStreams()).isEqualTo(2);
        List<H2Stream> calls = List.of(client.gets("/1"), client.gets("/2"), client.gets("/3"));
        List<FakeAgent.Call> seen = List.of(agent.next(), agent.next());
        assertThat(agent.hasCall()).isFalse();

        seen.get(0).answersWithoutBody(204);
        assertThat(calls.get(0).status()).isEqualTo("204");
        assertThat(agent.next().request().head().path()).isEqualTo("/3");
    }

    @Test
    void aConnectionThatRestsIsClosedWithAWord() throws Exception {
        restart(config().keepAliveTimeout(Duration.ofMillis(300)));
        H2Stream call = client.gets("/");
        agent.next().answersWithoutBody(204);
        assertThat(call.status()).isEqualTo("204");

        assertThat(client.goAway()).isEqualTo(Http2Error.NO_ERROR.code());
        client.awaitClosed();
    }

    @Test
    void aConnectionEndsBehindItsLastRequest() throws Exception {
        restart(config().maxRequestsPerConnection(2));
        H2Stream first = client.gets("/1");
        FakeAgent.Call firstSeen = agent.next();
        H2Stream second = client.gets("/2");
        FakeAgent.Call secondSeen = agent.next();
        assertThat(client.goAway()).isEqualTo(Http2Error.NO_ERROR.code());

        firstSeen.answers(200).sends("one").ends();
        secondSeen.answers(200).sends("two").ends();
        assertThat(first.body()).isEqualTo("one");
        assertThat(second.body()).isEqualTo("two");
        client.awaitClosed();
    }

    @Test
    void aGatewayThatGoesDownLetsRequestsEnd() throws Exception {
        H2Stream call = client.gets("/");
        FakeAgent.Call seen = agent.next();
        CompletableFuture<Void> closing =
                rig.gateway().close(Duration.ofSeconds(10)).toCompletableFuture();
        assertThat(client.goAway()).isEqualTo(Http2Error.NO_ERROR.code());

        seen.answers(200).sends("late").ends();
        assertThat(call.status()).isEqualTo("200");
        assertThat(call.body()).isEqualTo("late");
        client.awaitClosed();
        closing.get(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    @Test
    void aConnectionThatSaysNothingIsClosed() throws Exception {
        restart(config().headTimeout(Duration.ofMillis(300)));
        try (RawClient silent = rig.client();
                RawClient stopped = rig.client().sends("PRI * HT");
                RawClient late = rig.client().sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0")) {
            assertThat(silent.rest()).isEmpty();
            assertThat(stopped.rest()).isEmpty();
            late.isReset();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "P", "PRI", "PUT"})
    void http11IsServedOnTheSamePort(String start) throws Exception {
        RawClient old = rig.client().sends(start.substring(0, 1));
        old.sends(start.substring(1) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
        agent.next().answersWithoutBody(204);
        assertThat(old.head()).startsWith("HTTP/1.1 204");
    }

    /** Read byte by byte, the first words are those of either protocol for a while. */
    @Test
    void thePrefaceMayComeInPieces() throws Exception {
        RawClient slow = rig.client();
        for (char c : "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".toCharArray()) {
            slow.sends(String.valueOf(c));
        }
        slow.sends(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0});
        // The server's SETTINGS, whatever they say.
        assertThat(slow.read(9).charAt(3)).isEqualTo('\4');
    }
}
