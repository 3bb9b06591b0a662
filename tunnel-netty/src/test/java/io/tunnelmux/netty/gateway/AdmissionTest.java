package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who is let in, over real sockets. */
class AdmissionTest {

    private static final Duration LONG = Duration.ofMinutes(5);
    private static final String UPGRADE = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

    private GatewayRig rig;

    @AfterEach
    void stop() throws Exception {
        if (rig != null) {
            rig.close();
        }
    }

    private void start(AdmissionConfig.Builder admission) throws Exception {
        rig = GatewayRig.start(GatewayRig.config().loops(1).admission(admission.build()));
    }

    @Test
    void aThousandRequestsAtOnceAreServed() throws Exception {
        rig = GatewayRig.start();
        FakeAgent agent = rig.agent();
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            clients.add(rig.client().gets("/" + i));
        }
        List<FakeAgent.Call> calls = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            calls.add(agent.next());
        }
        assertThat(rig.gateway().queueDepth(GatewayRig.AGENT)).isZero();
        for (FakeAgent.Call call : calls) {
            String path = call.request().head().path();
            call.answers(200, "Content-Length", String.valueOf(path.length()))
                    .sends(path)
                    .ends();
        }

        for (int i = 0; i < 1_000; i++) {
            assertThat(clients.get(i).response()).endsWith("\r\n\r\n/" + i);
        }
    }

    @Test
    void whatTheAgentDoesNotTakeWaitsInOrderAndWhatTheQueueDoesNotTakeIsRefusedAtOnce() throws Exception {
        start(AdmissionConfig.builder()
                .maxStreamsPerTunnel(20)
                .maxWaitingPerAgent(5)
                .queueWait(LONG));
        FakeAgent agent = rig.agent();
        List<FakeAgent.Call> calls = new ArrayList<>();
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            clients.add(rig.client().gets("/" + i));
            calls.add(agent.next());
        }
        for (int i = 20; i < 25; i++) {
            clients.add(rig.client().gets("/" + i));
            awaitQueued(i - 19);
        }
        RawClient refused = rig.client().gets("/26");

        assertThat(refused.response())
                .startsWith("HTTP/1.1 503 ")
                .containsIgnoringCase("retry-after: 1\r\n")
                .contains("\"code\":\"overloaded\"", "\"retryable\":true", "\"agent_id\":\"demo\"");
        assertThat(agent.hasCall()).isFalse();
        for (int i = 0; i < 25; i++) {
            FakeAgent.Call call = calls.get(i);
            assertThat(call.request().head().path()).isEqualTo("/" + i);
            call.answersWithoutBody(204);
            assertThat(clients.get(i).head()).startsWith("HTTP/1.1 204 ");
            if (calls.size() < 25) {
                calls.add(agent.next());
            }
        }
        // The connection that was refused may try again.
        refused.gets("/again");
        agent.next().answersWithoutBody(204);
        assertThat(refused.head()).startsWith("HTTP/1.1 204 ");
    }

    @Test
    void aClientThatGoesAwayLeavesTheQueue() throws Exception {
        start(AdmissionConfig.builder().maxStreamsPerTunnel(1).queueWait(LONG));
        FakeAgent agent = rig.agent();
        RawClient first = rig.client().gets("/first");
        FakeAgent.Call call = agent.next();
        RawClient closing = rig.client().gets("/closing");
        awaitQueued(1);
        RawClient resetting = rig.client().gets("/resetting");
        awaitQueued(2);
        RawClient staying = rig.client().gets("/staying");
        awaitQueued(3);

        closing.close();
        awaitQueued(2);
        resetting.resets();
        awaitQueued(1);
        call.answersWithoutBody(204);
        assertThat(first.head()).startsWith("HTTP/1.1 204 ");
        assertThat(agent.next().answersWithoutBody(204).request().head().path()).isEqualTo("/staying");
        assertThat(staying.head()).startsWith("HTTP/1.1 204 ");
        assertThat(agent.hasCall()).isFalse();
    }

    @Test
    void whoWaitsForAStreamToEndIsToldWhenItHasWaitedLongEnough() throws Exception {
        start(AdmissionConfig.builder().maxStreamsPerTunnel(1).queueWait(Duration.ofMillis(50)));
        FakeAgent agent = rig.agent();
        rig.client().gets("/first");
        agent.next();

        assertThat(rig.client().gets("/second").response())
                .startsWith("HTTP/1.1 503 ")
                .contains("\"code\":\"overloaded\"");
    }

    @Test
    void requestsWaitForAnAgentThatWasThereAMomentAgo() throws Exception {
        start(AdmissionConfig.builder().reconnectWait(LONG));
        FakeAgent lost = rig.agent();
        lost.close();
        rig.awaitAgents(0);
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            clients.add(rig.client());
            clients.get(i)
                    .sends("POST /" + i + " HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                            + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
            awaitQueued(i + 1);
        }
        FakeAgent back = rig.agent("two");

        List<FakeAgent.Call> calls = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            calls.add(back.next());
            assertThat(calls.get(i).request().head().path()).isEqualTo("/" + i);
            assertThat(calls.get(i).body()).isEqualTo("body");
        }
        for (int i = 0; i < 10; i++) {
            calls.get(i).answersWithoutBody(204);
            assertThat(clients.get(i).head()).startsWith("HTTP/1.1 204 ");
            back.next().answersWithoutBody(200, "X", "next");
            assertThat(clients.get(i).head()).contains("X: next\r\n");
        }
    }

    @Test
    void upgradesWaitAsWell() throws Exception {
        start(AdmissionConfig.builder().reconnectWait(LONG));
        rig.agent().close();
        rig.awaitAgents(0);
        RawClient client = rig.client().sends(UPGRADE + "early");
        awaitQueued(1);
        FakeAgent.Call call = rig.agent("two").next();

        assertThat(new String(
                        call.request().upgrade().headData().toByteArray(), java.nio.charset.StandardCharsets.US_ASCII))
                .isEqualTo("early");
        call.answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assertThat(client.head()).startsWith("HTTP/1.1 101 ");
        client.sends("later");
        assertThat(call.received(5)).isEqualTo("later");
    }

    @Test
    void anAgentThatDoesNotComeBackIsNotWaitedForLonger() throws Exception {
        start(AdmissionConfig.builder().reconnectWait(Duration.ofMillis(100)));
        rig.agent().close();
        rig.awaitAgents(0);

        assertThat(rig.client().gets("/x").response())
                .startsWith("HTTP/1.1 503 ")
                .containsIgnoringCase("retry-after: ")
                .contains("\"code\":\"agent_reconnecting\"", "\"retryable\":true");
    }

    @Test
    void whoWaitsIsToldWhenTheGatewayGoesDown() throws Exception {
        start(AdmissionConfig.builder().reconnectWait(LONG));
        rig.agent().close();
        rig.awaitAgents(0);
        RawClient client = rig.client().gets("/x");
        awaitQueued(1);
        rig.gateway().close(LONG);

        assertThat(client.rest()).startsWith("HTTP/1.1 503 ").contains("\"code\":\"shutting_down\"");
    }

    @Test
    void aRequestThatAnAgentHasSeenIsNeverSentAgain() throws Exception {
        start(AdmissionConfig.builder().reconnectWait(LONG));
        FakeAgent first = rig.agent();
        RawClient client = rig.client().gets("/once");
        first.next();
        FakeAgent second = rig.agent();
        rig.awaitAgents(2);
        first.close();

        assertThat(client.response())
                .startsWith("HTTP/1.1 503 ")
                .contains("\"code\":\"transport_lost\"", "\"retryable\":false");
        client.gets("/other");
        assertThat(second.next().answersWithoutBody(204).request().head().path())
                .isEqualTo("/other");
        assertThat(second.hasCall()).isFalse();
    }

    @Test
    void aRequestWhoseBodyHasBegunIsNeverSentAgain() throws Exception {
        start(AdmissionConfig.builder());
        FakeAgent first = rig.agent();
        RawClient client = rig.client();
        client.sends("POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
        FakeAgent.Call call = first.next();
        call.received(2);
        FakeAgent second = rig.agent();
        rig.awaitAgents(2);
        call.closes(ErrorCode.REFUSED, "too late");

        assertThat(client.response()).startsWith("HTTP/1.1 503 ").contains("\"code\":\"refused\"");
        assertThat(second.hasCall()).isFalse();
    }

    @Test
    void aRequestThatWasAnsweredInPartIsNeverSentAgain() throws Exception {
        start(AdmissionConfig.builder());
        FakeAgent first = rig.agent();
        RawClient client = rig.client().gets("/once");
        FakeAgent.Call call = first.next();
        FakeAgent second = rig.agent();
        rig.awaitAgents(2);
        call.answers(103).closes(ErrorCode.REFUSED, "after all");

        assertThat(client.head()).startsWith("HTTP/1.1 103 ");
        assertThat(client.response()).startsWith("HTTP/1.1 503 ");
        assertThat(second.hasCall()).isFalse();
    }

    @Test
    void aRequestThatMeetsAnAgentOnItsWayOutWaitsForItToComeBack() throws Exception {
        start(AdmissionConfig.builder().reconnectWait(LONG));
        FakeAgent old = rig.agent();
        // Streams that the agent has not seen when it says that it goes end refused.
        old.client().close(Duration.ofSeconds(FakeAgent.PATIENCE_SECONDS));
        RawClient client = rig.client();
        BooleanSupplier isSettled = () -> old.hasCall() || rig.gateway().queueDepth(GatewayRig.AGENT) == 1;
        client.gets("/moved");
        await(isSettled);
        while (old.hasCall()) {
            // It came before the agent began to go.
            old.next().answersWithoutBody(204);
            assertThat(client.head()).startsWith("HTTP/1.1 204 ");
            client.gets("/moved");
            await(isSettled);
        }

        rig.agent("two").next().answersWithoutBody(204);

        assertThat(client.head()).startsWith("HTTP/1.1 204 ");
    }

    @Test
    void whatFailsAgainAndAgainRestsAndIsTriedAgain() throws Exception {
        start(AdmissionConfig.builder().circuitFailures(2).circuitOpen(Duration.ofMillis(300)));
        FakeAgent agent = rig.agent();
        RawClient client = rig.client();
        for (int i = 0; i < 2; i++) {
            client.gets("/ill");
            FakeAgent.Call call = agent.next();
            call.fails(
                    new Message.ProxyError(
                            call.request().requestId(), "upstream_unreachable", "no way", 0, null, null, null, true),
                    ErrorCode.UPSTREAM_UNREACHABLE);
            assertThat(client.response()).startsWith("HTTP/1.1 502 ");
        }
        client.gets("/ill");
        assertThat(client.response())
                .startsWith("HTTP/1.1 503 ")
                .containsIgnoringCase("retry-after: 1\r\n")
                .contains("\"code\":\"circuit_open\"");
        assertThat(agent.hasCall()).isFalse();

        // Refused until it is time, then one goes through.
        client.gets("/well");
        Optional<FakeAgent.Call> let = agent.next(Duration.ofMillis(20));
        for (; let.isEmpty(); let = agent.next(Duration.ofMillis(20))) {
            if (client.hasInput()) {
                assertThat(client.response()).startsWith("HTTP/1.1 503 ");
                client.gets("/well");
            }
        }
        let.get().answersWithoutBody(500);
        assertThat(client.response()).startsWith("HTTP/1.1 500 ");
        client.gets("/again");
        agent.next().answersWithoutBody(204);
        assertThat(client.head()).startsWith("HTTP/1.1 204 ");
    }

    @Test
    void whoDoesNotSendAllOrAsksForWhatIsNotThereOpensNoCircuit() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .loops(1)
                .requestTimeout(Duration.ofMillis(100))
                .upgradeTimeout(Duration.ofMillis(100))
                .admission(AdmissionConfig.builder().circuitFailures(1).build()));
        FakeAgent agent = rig.agent();
        for (String request : List.of("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx", UPGRADE)) {
            RawClient client = rig.client().sends(request);
            agent.next();
            assertThat(client.head()).startsWith("HTTP/1.1 504 ");
        }
        RawClient honest = rig.client().gets("/well");
        agent.next().answersWithoutBody(204);
        assertThat(honest.head()).startsWith("HTTP/1.1 204 ");

        RawClient waiting = rig.client().gets("/silent");
        agent.next();
        assertThat(waiting.head()).startsWith("HTTP/1.1 504 ");
        assertThat(rig.client().gets("/well").response()).contains("\"code\":\"circuit_open\"");
    }

    @Test
    void tooManyInAShortTimeAreToldWhenToComeBack() throws Exception {
        start(AdmissionConfig.builder().agentRate(new RateLimit(1, Duration.ofMinutes(10), 2)));
        FakeAgent agent = rig.agent();
        RawClient client = rig.client();
        for (int i = 0; i < 2; i++) {
            client.gets("/" + i);
            agent.next().answersWithoutBody(200);
            client.response();
        }

        client.gets("/2");
        assertThat(client.response())
                .startsWith("HTTP/1.1 429 ")
                .containsIgnoringCase("content-type: application/json\r\n")
                .containsPattern("(?i)retry-after: (599|600)\r\n")
                .containsPattern("\"code\":\"rate_limited\".*\"retryable\":true,\"retry_after\":(599|600)");
        assertThat(agent.hasCall()).isFalse();
    }

    @Test
    void theClientBehindATrustedProxyIsTheOneThatCounts() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .trustedProxies(List.of("127.0.0.0/8"))
                .admission(AdmissionConfig.builder()
                        .clientRate(new RateLimit(1, Duration.ofMinutes(10), 1))
                        .build()));
        FakeAgent agent = rig.agent();
        RawClient proxy = rig.client();
        for (String address : List.of("203.0.113.1", "203.0.113.2")) {
            proxy.sends("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, " + address
                    + "\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public\r\n\r\n");
            FakeAgent.Call call = agent.next().answersWithoutBody(200);
            assertThat(proxy.response()).startsWith("HTTP/1.1 200 ");
            assertThat(call.request().clientAddr()).isEqualTo(address);
            assertThat(call.request().head().scheme()).isEqualTo("https");
            assertThat(call.request().head().headers().all("x-forwarded-for")).containsExactly(address + ", 127.0.0.1");
            assertThat(call.request().head().headers().all("x-forwarded-proto")).containsExactly("https");
            assertThat(call.request().head().headers().all("x-forwarded-host")).containsExactly("public");
            assertThat(call.request().head().headers().all("forwarded")).isEmpty();
        }

        proxy.sends("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n");
        assertThat(proxy.response()).startsWith("HTTP/1.1 429 ");
    }

    @Test
    void aClientThatGivesUpAgainAndAgainIsRefusedAndNobodyElse() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .trustedProxies(List.of("127.0.0.0/8"))
                .admission(AdmissionConfig.builder()
                        .abortRate(new RateLimit(1, Duration.ofMinutes(10), 20))
                        .build()));
        FakeAgent agent = rig.agent();
        for (int i = 0; i < 20; i++) {
            RawClient aborting =
                    rig.client().sends("GET /abort HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n");
            FakeAgent.Call call = agent.next();
            aborting.resets();
            assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
        }

        RawClient again = rig.client().sends("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n");
        assertThat(again.response()).startsWith("HTTP/1.1 429 ").contains("given up");
        RawClient other = rig.client().sends("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.2\r\n\r\n");
        agent.next().answersWithoutBody(204);
        assertThat(other.head()).startsWith("HTTP/1.1 204 ");
    }

    @Test
    void aClientHasAShareOfTheConnections() throws Exception {
        start(AdmissionConfig.builder().maxConnectionsPerClient(2));
        FakeAgent agent = rig.agent();
        RawClient first = rig.client().gets("/1");
        agent.next().answersWithoutBody(204);
        first.head();
        RawClient second = rig.client().gets("/2");
        agent.next().answersWithoutBody(204);
        second.head();

        assertThat(rig.client().isReset()).isTrue();
        first.close();
        // Its end is seen sooner or later.
        RawClient next = rig.client();
        while (!isIn(next)) {
            next.close();
            next = rig.client();
        }
        agent.next().answersWithoutBody(204);
        assertThat(next.head()).startsWith("HTTP/1.1 204 ");
    }

    /** Whether a request is being worked on, and was not cut with its connection. */
    private static boolean isIn(RawClient client) throws Exception {
        client.socket().setSoTimeout(200);
        try {
            client.gets("/in").head();
            return false;
        } catch (java.net.SocketTimeoutException e) {
            client.socket().setSoTimeout((int) TimeUnit.SECONDS.toMillis(FakeAgent.PATIENCE_SECONDS));
            return true;
        } catch (java.io.IOException e) {
            return false;
        }
    }

    @Test
    void theRouterCanBeReplaced() throws Exception {
        start(AdmissionConfig.builder());
        FakeAgent agent = rig.agent();
        RawClient client = rig.client().gets("/1");
        agent.next().answersWithoutBody(200);
        client.response();

        rig.gateway()
                .router((authority, path) ->
                        path.equals("/known") ? Route.to(GatewayRig.AGENT).withTarget("special") : null);
        client.gets("/1");
        assertThat(client.response()).startsWith("HTTP/1.1 404 ");
        client.gets("/known");
        assertThat(agent.next().answersWithoutBody(200).request().destination().target())
                .isEqualTo("special");
        client.response();

        rig.gateway().router((authority, path) -> {
            throw new IllegalStateException("planted");
        });
        client.gets("/known");
        assertThat(client.response())
                .startsWith("HTTP/1.1 500 ")
                .contains("\"code\":\"internal_error\"")
                .doesNotContain("planted");
    }

    @Test
    void theAgentIsToldOfTheRoutesService() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .router((authority, path) -> Route.to(GatewayRig.AGENT).withService("web", "shop", 8080)));
        FakeAgent agent = rig.agent();
        rig.client().gets("/");

        Message.Destination destination =
                agent.next().answersWithoutBody(200).request().destination();
        assertThat(destination).isEqualTo(new Message.Destination(null, "web", "shop", 8080));
    }

    private void awaitQueued(int count) {
        await(() -> rig.gateway().queueDepth(GatewayRig.AGENT) == count);
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(FakeAgent.PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }
}
