package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a client gets, and what an agent gets, over real sockets. */
class HttpFrontTest {

    private GatewayRig rig;
    private FakeAgent agent;
    private RawClient client;

    @BeforeEach
    void start() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .readTimeout(Duration.ofMillis(700))
                .admission(
                        AdmissionConfig.builder().reconnectWait(Duration.ZERO).build())
                .router(AgentRouter.builder()
                        .route(Route.of("a", "/targeted", GatewayRig.AGENT).withTarget("kubernetes"))
                        .route(Route.of("a", "/", GatewayRig.AGENT))
                        .route(Route.of("a", "/impatient", GatewayRig.AGENT).withTimeout(Duration.ofMillis(300)))
                        .route(Route.of("nobody", "/", "absent"))
                        .build()));
        agent = rig.agent();
        client = rig.client();
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    @Test
    void aRequestGoesToTheAgentAsItCame() throws Exception {
        client.sends("GET /p%2F?q=1&r HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\nConnection: keep-alive, y\r\nY: 3\r\n"
                + "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n");
        FakeAgent.Call call = agent.next();

        Message.HttpHead head = call.request().head();
        assertThat(head.method()).isEqualTo("GET");
        assertThat(head.path()).isEqualTo("/p%2F");
        assertThat(head.query()).isEqualTo("q=1&r");
        assertThat(head.scheme()).isEqualTo("http");
        assertThat(head.authority()).isEqualTo("a");
        assertThat(head.headers().all("x")).containsExactly("1", "2");
        assertThat(head.headers().contains("y")).isFalse();
        assertThat(head.headers().contains("connection")).isFalse();
        assertThat(call.request().traceparent()).startsWith("00-4bf92f");
        assertThat(call.request().clientAddr()).startsWith("127.0.0.1:");
        assertThat(call.request().timeoutMillis()).isEqualTo(120_000);
        assertThat(call.isEnded()).isTrue();
        call.answersWithoutBody(200);
        assertThat(client.response()).startsWith("HTTP/1.1 200 OK\r\n").contains("content-length: 0\r\n");
    }

    @Test
    void aRouteMayNameATarget() throws Exception {
        client.gets("/targeted");
        assertThat(agent.next().answersWithoutBody(204).request().destination().target())
                .isEqualTo("kubernetes");

        client.gets("/");
        assertThat(agent.next().answersWithoutBody(204).request().destination()).isEqualTo(Message.Destination.ANY);
    }

    @Test
    void onlyTheGatewaySaysWhoTheClientIs() throws Exception {
        client.sends(
                "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-user: root\r\nForwarded: for=6.6.6.6\r\n"
                        + "X-Real-IP: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nConnection: X-Forwarded-For\r\n\r\n");

        var headers = agent.next().answersWithoutBody(204).request().head().headers();

        assertThat(headers.all("x-forwarded-for")).containsExactly("127.0.0.1");
        assertThat(headers.all("x-forwarded-proto")).containsExactly("http");
        assertThat(headers.all("x-forwarded-host")).containsExactly("a");
        assertThat(headers.names())
                .containsExactlyInAnyOrder(
                        "Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "traceparent");
    }

    @Test
    void anAnswerOfKnownLengthKeepsIt() throws Exception {
        client.gets("/");
        agent.next()
                .answers(200, "Content-Length", "5", "Set-Cookie", "a", "Set-Cookie", "b", "Connection", "close")
                .sends("hello")
                .ends();

        assertThat(client.response())
                .startsWith("HTTP/1.1 200 OK\r\n")
                .contains("Set-Cookie: a\r\nSet-Cookie: b\r\n")
                .doesNotContainIgnoringCase("transfer-encoding")
                .doesNotContainIgnoringCase("connection:")
                .endsWith("\r\n\r\nhello");
        client.gets("/again");
        assertThat(agent.next().answersWithoutBody(200).request().head().path()).isEqualTo("/again");
    }

    @Test
    void anAnswerOfUnknownLengthIsChunkedAndComesAtOnce() throws Exception {
        client.gets("/");
        FakeAgent.Call call = agent.next().answers(200, "Content-Type", "text/event-stream");
        assertThat(client.head()).contains("transfer-encoding: chunked\r\n");

        call.sends("one");
        assertThat(client.read(8)).isEqualTo("3\r\none\r\n");
        call.sends("twenty chars in here");
        assertThat(client.read(26)).isEqualTo("14\r\ntwenty chars in here\r\n");
        call.ends();
        assertThat(client.read(5)).isEqualTo("0\r\n\r\n");
    }

    @Test
    void anAnswerOfUnknownLengthToHttp10EndsWithTheConnection() throws Exception {
        client.sends("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        agent.next().answers(200).sends("hello").ends();

        assertThat(client.rest())
                .contains("connection: close\r\n")
                .doesNotContainIgnoringCase("transfer-encoding")
                .endsWith("\r\n\r\nhello");
    }

    @Test
    void aConnectionOfHttp10GoesOnIfItAsksForIt() throws Exception {
        client.sends("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        agent.next().answers(200, "Content-Length", "2").sends("ok").ends();
        assertThat(client.response()).contains("connection: keep-alive\r\n").endsWith("ok");

        client.sends("GET /2 HTTP/1.0\r\nHost: a\r\n\r\n");
        agent.next().answers(200, "Content-Length", "2").sends("ok").ends();
        assertThat(client.rest()).contains("connection: close\r\n").endsWith("ok");
    }

    @Test
    void trailersGoBothWays() throws Exception {
        client.sends(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
        FakeAgent.Call call = agent.next();
        assertThat(call.request().head().headers().contains("transfer-encoding"))
                .isFalse();
        assertThat(call.body()).isEqualTo("abc");
        assertThat(call.trailers().first("x-sum")).isEqualTo("1");

        call.answers(200, "Trailer", "X-Ok").sends("d").endsWith("X-Ok", "2");
        assertThat(client.head()).contains("transfer-encoding: chunked");
        assertThat(client.read(20)).isEqualTo("1\r\nd\r\n0\r\nX-Ok: 2\r\n\r\n");
    }

    @Test
    void informationalAnswersComeBeforeTheFinalOne() throws Exception {
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        FakeAgent.Call call = agent.next();
        assertThat(call.request().head().headers().first("expect")).isEqualTo("100-continue");
        call.answers(100);
        assertThat(client.head()).isEqualTo("HTTP/1.1 100 Continue\r\n\r\n");
        client.sends("abc");
        assertThat(call.body()).isEqualTo("abc");
        call.answers(103, "Link", "</a.css>");
        assertThat(client.head()).isEqualTo("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
        call.answersWithoutBody(200);
        assertThat(client.response()).startsWith("HTTP/1.1 200 OK\r\n").doesNotContain("close");
    }

    @Test
    void aRefusalInPlaceOfContinueEndsTheConnection() throws Exception {
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        agent.next().answersWithoutBody(417).closes(ErrorCode.NO_ERROR, "");

        assertThat(client.rest()).startsWith("HTTP/1.1 417 ").contains("connection: close\r\n");
    }

    @ParameterizedTest
    @CsvSource({"HEAD, 200", "GET, 204", "GET, 304", "HEAD, 404"})
    void someAnswersHaveNoBodyWhateverTheyAnnounce(String method, int status) throws Exception {
        client.sends(method + " / HTTP/1.1\r\nHost: a\r\n\r\n");
        agent.next().answersWithoutBody(status, "Content-Length", "5");
        String head = client.head();
        assertThat(head).startsWith("HTTP/1.1 " + status);
        assertThat(head.contains("Content-Length: 5")).isEqualTo(status != 204);

        client.gets("/next");
        agent.next().answersWithoutBody(200, "X", "next");
        assertThat(client.head()).contains("X: next\r\n");
    }

    @Test
    void pipelinedRequestsAreAnsweredOneByOne() throws Exception {
        StringBuilder requests = new StringBuilder();
        for (int i = 0; i < 50; i++) {
            requests.append(
                    i % 3 == 0
                            ? "POST /" + i + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy"
                            : "GET /" + i + " HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        client.sends(requests.toString());
        for (int i = 0; i < 50; i++) {
            FakeAgent.Call call = agent.next();
            assertThat(call.request().head().path()).isEqualTo("/" + i);
            assertThat(call.body()).isEqualTo(i % 3 == 0 ? "xy" : "");
            assertThat(agent.hasCall()).isFalse();
            call.answers(200, "Content-Length", "3")
                    .sends(String.format("%03d", i))
                    .ends();
            assertThat(client.response()).endsWith(String.format("\r\n\r\n%03d", i));
        }
    }

    @Test
    void aBodyThatIsCutLooksCut() throws Exception {
        client.gets("/chunked");
        FakeAgent.Call call = agent.next().answers(200).sends("part");
        assertThat(client.head()).contains("chunked");
        assertThat(client.read(9)).isEqualTo("4\r\npart\r\n");
        call.closes(ErrorCode.UPSTREAM_RESET, "died");
        assertThat(client.isReset()).isTrue();

        RawClient known = rig.client().gets("/known");
        call = agent.next().answers(200, "Content-Length", "1000").sends("part");
        known.head();
        assertThat(known.read(4)).isEqualTo("part");
        call.ends();
        assertThat(known.isReset()).isTrue();

        RawClient old = rig.client().sends("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        call = agent.next().answers(200).sends("part");
        old.head();
        assertThat(old.read(4)).isEqualTo("part");
        call.closes(ErrorCode.NO_ERROR, "closed before its end");
        assertThat(old.isReset()).isTrue();
    }

    @Test
    void aBodyLongerThanAnnouncedIsCut() throws Exception {
        client.gets("/");
        FakeAgent.Call call = agent.next().answers(200, "Content-Length", "3");
        client.head();
        call.sends("four");

        assertThat(client.isReset()).isTrue();
        assertThat(call.closed().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
    }

    @Test
    void aClientThatGoesAwayCancels() throws Exception {
        client.gets("/unanswered");
        FakeAgent.Call unanswered = agent.next();
        client.close();
        assertThat(unanswered.closed().is(ErrorCode.CANCELLED)).isTrue();

        RawClient streaming = rig.client().gets("/streaming");
        FakeAgent.Call stream = agent.next().answers(200).sends("x");
        streaming.head();
        streaming.resets();
        assertThat(stream.closed().is(ErrorCode.CANCELLED)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aClientThatGoesAwayWhileNothingIsReadFromItCancels(boolean byReset) throws Exception {
        agent.takesNothing();
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
        FakeAgent.Call call = agent.next();
        // More than stream and gateway hold; so little more that its end can still reach the gateway's socket.
        client.sends(new byte[230_000]);
        call.received(100_000);
        if (byReset) {
            client.resets();
        } else {
            client.close();
        }

        assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
    }

    @Test
    void anEarlyAnswerLeavesTheRestOfASmallUploadBehind() throws Exception {
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
        FakeAgent.Call call = agent.next();
        call.received(3);
        call.answersWithoutBody(403).closes(ErrorCode.NO_ERROR, "answered");
        assertThat(client.response()).startsWith("HTTP/1.1 403 ");

        client.sends("defGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        assertThat(agent.next().answersWithoutBody(200).request().head().path()).isEqualTo("/next");
        assertThat(client.response()).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void anEarlyAnswerToAnEndlessUploadArrivesAndEndsTheConnection() throws Exception {
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        FakeAgent.Call call = agent.next();
        call.received(3);
        call.answersWithoutBody(413).closes(ErrorCode.NO_ERROR, "answered");
        assertThat(client.response()).startsWith("HTTP/1.1 413 ");
        String chunk = "8000\r\n" + "x".repeat(0x8000) + "\r\n";
        for (int i = 0; i < 10; i++) {
            client.sends(chunk);
        }
        assertThat(client.rest()).isEmpty();
    }

    @Test
    void anUploadThatGoesOnBehindItsAnswerIsDelivered() throws Exception {
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
        FakeAgent.Call call = agent.next();
        call.answers(200, "Content-Length", "2").sends("ok").ends();
        assertThat(client.response()).endsWith("ok");
        client.sends("defGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        assertThat(call.body()).isEqualTo("abcdef");
        agent.next().answersWithoutBody(200);
        assertThat(client.response()).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void aRefusedUploadEndsTheConnectionAtOnce() throws Exception {
        rig.close();
        rig = GatewayRig.start(GatewayRig.config().router(AgentRouter.toAgent("absent")));
        client = rig.client().sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");

        assertThat(client.rest()).startsWith("HTTP/1.1 503").contains("connection: close\r\n");
    }

    @Test
    void unknownHostsAndAbsentAgentsAreToldApart() throws Exception {
        client.sends("GET /x?secret HTTP/1.1\r\nHost: b\r\n\r\n");
        assertThat(client.response())
                .startsWith("HTTP/1.1 404 ")
                .contains("\"code\":\"unknown_host\"", "\"path\":\"/x\"", "\"agent_id\":null", "\"retryable\":false")
                .doesNotContain("secret");

        client.sends("GET /x HTTP/1.1\r\nHost: nobody\r\n\r\n");
        assertThat(client.response())
                .startsWith("HTTP/1.1 503 ")
                .containsIgnoringCase("retry-after: 5\r\n")
                .contains(
                        "\"code\":\"agent_offline\"",
                        "\"agent_id\":\"absent\"",
                        "\"retryable\":true",
                        "\"retry_after\":5");

        agent.close();
        rig.awaitAgents(0);
        client.gets("/");
        assertThat(client.response()).startsWith("HTTP/1.1 503 ").contains("\"code\":\"agent_reconnecting\"");
    }

    @ParameterizedTest
    @CsvSource({
        "UPSTREAM_UNREACHABLE, 502",
        "UPSTREAM_RESET, 502",
        "UPSTREAM_INVALID, 502",
        "TIMEOUT, 504",
        "REFUSED, 503",
        "OVERLOADED, 503",
        "INTERNAL_ERROR, 502",
        "NO_ERROR, 502"
    })
    void aStreamThatEndsBeforeItsAnswerSaysWhy(ErrorCode code, int status) throws Exception {
        client.gets("/x");
        agent.next().closes(code, "because");

        assertThat(client.response())
                .startsWith("HTTP/1.1 " + status)
                .contains(
                        "\"code\":\"" + code.wireName() + "\"",
                        "\"agent_id\":\"demo\"",
                        "\"cause\":\"because\"",
                        "\"path\":\"/x\"");
        client.gets("/next");
        agent.next().answersWithoutBody(200);
        assertThat(client.response()).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void theAgentsOwnWordsForAFailureArePassedOn() throws Exception {
        client.gets("/x");
        FakeAgent.Call call = agent.next();
        call.fails(
                new Message.ProxyError(
                        call.request().requestId(),
                        "upstream_unreachable",
                        "no \"way\"\n",
                        0,
                        "demo",
                        "/x",
                        "refused",
                        true),
                ErrorCode.UPSTREAM_UNREACHABLE);

        assertThat(client.response())
                .startsWith("HTTP/1.1 502 ")
                .contains(
                        "\"code\":\"upstream_unreachable\"",
                        "\"message\":\"no \\\"way\\\"\\u000a\"",
                        "\"retryable\":true");
    }

    @Test
    void anAnswerThatTakesTooLongIsCancelled() throws Exception {
        client.gets("/impatient/x");
        FakeAgent.Call call = agent.next();

        assertThat(client.response()).startsWith("HTTP/1.1 504 ").contains("\"code\":\"timeout\"");
        assertThat(call.closed().is(ErrorCode.TIMEOUT)).isTrue();
        client.gets("/next");
        agent.next().answersWithoutBody(200);
        assertThat(client.response()).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void aBodyThatComesTooSlowlyIsCancelled() throws Exception {
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
        FakeAgent.Call call = agent.next();

        assertThat(client.rest()).startsWith("HTTP/1.1 408 ").contains("connection: close");
        assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
    }

    @Test
    void aSwitchThatNobodyAskedForIsABadGateway() throws Exception {
        client.gets("/");
        FakeAgent.Call call = agent.next().answers(101, "Upgrade", "websocket");

        assertThat(client.response()).startsWith("HTTP/1.1 502 ").contains("\"code\":\"upstream_invalid\"");
        assertThat(call.closed().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
    }

    @Test
    void bytesBeforeAHeadAreABadGateway() throws Exception {
        client.gets("/");
        FakeAgent.Call call = agent.next().sends("x");

        assertThat(client.response()).startsWith("HTTP/1.1 502 ");
        assertThat(call.closed().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
    }

    @Test
    void aSlowReaderSlowsItsOwnStreamAndLosesNothing() throws Exception {
        client.socket().setReceiveBufferSize(16 * 1024);
        client.gets("/big");
        FakeAgent.Call call = agent.next().answers(200, "Content-Length", "20000000");
        byte[] part = new byte[10_000];
        java.util.Arrays.fill(part, (byte) 'x');
        for (int i = 0; i < 2_000; i++) {
            call.sends(part);
        }
        call.ends();

        RawClient other = rig.client().gets("/small");
        agent.next().answers(200, "Content-Length", "2").sends("ok").ends();
        assertThat(other.response()).endsWith("ok");
        assertThat(call.stream().isWritable()).isFalse();

        client.head();
        for (int i = 0; i < 2_000; i++) {
            assertThat(client.read(10_000)).matches("x+");
        }
        Outcome outcome = call.closed();
        assertThat(outcome.isClean()).isTrue();
    }

    @Test
    void aBigUploadArrivesWhole() throws Exception {
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
        FakeAgent.Call call = agent.next();
        byte[] part = "0123456789".repeat(1_000).getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
        for (int i = 0; i < 2_000; i++) {
            client.sends(part);
        }
        String body = call.body();
        assertThat(body).hasSize(20_000_000);
        assertThat(body.hashCode()).isEqualTo("0123456789".repeat(2_000_000).hashCode());
        call.answersWithoutBody(200);
        assertThat(client.response()).startsWith("HTTP/1.1 200 ");
    }
}
