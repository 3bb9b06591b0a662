package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.Tunnel;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.protocol.ErrorCode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A gateway's life, and that of its agents. */
class GatewayTest {

    private GatewayRig rig;

    @AfterEach
    void stop() throws Exception {
        if (rig != null) {
            rig.close();
        }
    }

    @Test
    void anAddressInUseIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0)) {
            GatewayConfig config = GatewayRig.config()
                    .tunnelAddress(new InetSocketAddress("127.0.0.1", taken.getLocalPort()))
                    .build();
            assertThatThrownBy(() -> Gateway.start(config).toCompletableFuture().join())
                    .hasCauseInstanceOf(IOException.class)
                    .hasMessageContaining("cannot listen on 127.0.0.1:" + taken.getLocalPort());
        }
    }

    @Test
    void agentsAreListedWhileTheyAreConnected() throws Exception {
        rig = GatewayRig.start();
        assertThat(rig.gateway().agents()).isEmpty();
        rig.agent("one");
        FakeAgent second = rig.agent("one");
        rig.awaitAgents(2);
        assertThat(rig.gateway().agents()).singleElement().satisfies(agent -> {
            assertThat(agent.id()).isEqualTo(GatewayRig.AGENT);
            assertThat(agent.instanceId()).isEqualTo("one");
        });

        second.close();
        rig.awaitAgents(1);
    }

    @Test
    void theTunnelsOfAnAgentCanBePinged() throws Exception {
        rig = GatewayRig.start();
        rig.agent("one");
        rig.agent("one");
        rig.awaitAgents(2);

        List<Tunnel> tunnels = rig.gateway().tunnels(GatewayRig.AGENT);

        assertThat(tunnels).hasSize(2);
        for (Tunnel tunnel : tunnels) {
            assertThat(tunnel.ping().toCompletableFuture().get(10, TimeUnit.SECONDS))
                    .isPositive();
        }
        assertThat(rig.gateway().tunnels("nobody")).isEmpty();
    }

    @Test
    void anotherInstanceTakesThePlaceOfAllTunnels() throws Exception {
        rig = GatewayRig.start();
        FakeAgent first = rig.agent("one");
        FakeAgent second = rig.agent("one");
        FakeAgent newer = rig.agent("two");

        assertThat(first.lost().is(ErrorCode.SUPERSEDED)).isTrue();
        assertThat(second.lost().is(ErrorCode.SUPERSEDED)).isTrue();
        rig.awaitAgents(1);
        RawClient client = rig.client().gets("/");
        newer.next().answersWithoutBody(204);
        assertThat(client.head()).startsWith("HTTP/1.1 204 ");
    }

    @Test
    void theNinthTunnelOfAnInstanceIsRefused() throws Exception {
        rig = GatewayRig.start();
        List<FakeAgent> eight = new ArrayList<>();
        for (int i = 0; i < AgentRegistry.MAX_TUNNELS; i++) {
            eight.add(rig.agent());
        }
        rig.awaitAgents(AgentRegistry.MAX_TUNNELS);
        FakeAgent ninth = rig.dialling(GatewayRig.AGENT, GatewayRig.TOKEN);
        while (ninth.client().state() != io.tunnelmux.core.TunnelClient.State.WAITING) {
            Thread.onSpinWait();
        }

        assertThat(eight).noneMatch(FakeAgent::isLost);
        assertThat(rig.gateway().agents().get(0).tunnels()).isEqualTo(AgentRegistry.MAX_TUNNELS);
    }

    @Test
    void aTokenIsForItsAgentOnly() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .authenticator(TokenAuthenticator.builder()
                        .add(GatewayRig.AGENT, GatewayRig.TOKEN)
                        .add("other", "another-token")
                        .build()));
        FakeAgent owner = rig.agent();
        FakeAgent thief = rig.dialling(GatewayRig.AGENT, "another-token");
        FakeAgent guesser = rig.dialling(GatewayRig.AGENT, "guess");
        for (FakeAgent agent : List.of(thief, guesser)) {
            while (agent.client().state() != io.tunnelmux.core.TunnelClient.State.WAITING) {
                Thread.onSpinWait();
            }
        }

        assertThat(owner.isLost()).isFalse();
        assertThat(rig.gateway().agents()).hasSize(1);
    }

    @Test
    void streamsGoToTheTunnelWithTheFewest() throws Exception {
        rig = GatewayRig.start();
        FakeAgent one = rig.agent();
        FakeAgent two = rig.agent();
        rig.awaitAgents(2);
        for (int i = 0; i < 10; i++) {
            rig.client().gets("/" + i);
            // Each waits until the last has its stream, for a tunnel is chosen by what is open then.
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(FakeAgent.PATIENCE_SECONDS);
            while (rig.gateway().agents().get(0).openStreams() != i + 1 && System.nanoTime() < deadline) {
                Thread.onSpinWait();
            }
        }
        for (int i = 0; i < 5; i++) {
            one.next();
            two.next();
        }
        assertThat(one.hasCall() || two.hasCall()).isFalse();
    }

    @Test
    void aRefusedRequestGoesToAnotherTunnelOnce() throws Exception {
        rig = GatewayRig.start();
        FakeAgent refusing = rig.agent().refusesAll();
        FakeAgent willing = rig.agent();
        rig.awaitAgents(2);
        for (int i = 0; i < 6; i++) {
            RawClient client = rig.client().gets("/");
            willing.next().answersWithoutBody(204);
            assertThat(client.head()).startsWith("HTTP/1.1 204 ");
        }

        willing.close();
        rig.awaitAgents(1);
        assertThat(rig.client().gets("/").response())
                .startsWith("HTTP/1.1 503 ")
                .contains("\"code\":\"refused\"", "\"retryable\":true");
        assertThat(refusing.isLost()).isFalse();
    }

    @Test
    void aTunnelThatIsLostEndsItsRequests() throws Exception {
        rig = GatewayRig.start();
        FakeAgent agent = rig.agent();
        RawClient waiting = rig.client().gets("/waiting");
        agent.next();
        RawClient reading = rig.client().gets("/reading");
        agent.next().answers(200).sends("x");
        reading.head();
        agent.close();

        assertThat(waiting.response())
                .startsWith("HTTP/1.1 503 ")
                .contains("\"code\":\"transport_lost\"", "\"retryable\":false");
        assertThat(reading.isReset()).isTrue();
    }

    @Test
    void aDrainingTunnelEndsItsRequestsAndGetsNoMore() throws Exception {
        rig = GatewayRig.start();
        FakeAgent old = rig.agent();
        RawClient running = rig.client().gets("/running");
        FakeAgent.Call call = old.next();
        CompletableFuture<Void> closed = old.client()
                .close(Duration.ofSeconds(FakeAgent.PATIENCE_SECONDS))
                .toCompletableFuture();
        rig.awaitAgents(0);
        FakeAgent fresh = rig.agent("two");

        RawClient next = rig.client().gets("/next");
        fresh.next().answersWithoutBody(204);
        assertThat(next.head()).startsWith("HTTP/1.1 204 ");
        assertThat(old.isLost()).isFalse();
        call.answersWithoutBody(200);
        assertThat(running.response()).startsWith("HTTP/1.1 200 ");
        closed.get(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    @Test
    void closingWaitsForWhatIsRunning() throws Exception {
        rig = GatewayRig.start();
        FakeAgent agent = rig.agent();
        RawClient idle = rig.client().gets("/");
        agent.next().answersWithoutBody(204);
        idle.head();
        RawClient running = rig.client().gets("/running");
        FakeAgent.Call call = agent.next();
        InetSocketAddress address = rig.gateway().httpAddress();
        CompletableFuture<Void> closed =
                rig.gateway().close(Duration.ofMinutes(5)).toCompletableFuture();
        agent.awaitDraining();

        assertThat(idle.rest()).isEmpty();
        assertThatThrownBy(() -> RawClient.connect(address)).isInstanceOf(IOException.class);
        assertThat(closed).isNotDone();
        call.answers(200, "Content-Length", "2").sends("ok").ends();
        assertThat(running.rest()).contains("connection: close\r\n").endsWith("ok");
        closed.get(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertThat(agent.lost().isRetryable()).isFalse();
    }

    @Test
    void closingCutsWhatDoesNotEnd() throws Exception {
        rig = GatewayRig.start();
        FakeAgent agent = rig.agent();
        RawClient running = rig.client().gets("/running");
        agent.next().answers(200);
        running.head();

        rig.gateway()
                .close(Duration.ofMillis(200))
                .toCompletableFuture()
                .get(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertThat(running.isReset()).isTrue();
        agent.lost();
    }

    @ParameterizedTest
    @EnumSource(names = {"NIO", "EPOLL"})
    void clientsAndAgentsMayShareAPort(IoMode mode) throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        InetSocketAddress both = new InetSocketAddress("127.0.0.1", port);
        rig = GatewayRig.start(
                GatewayRig.config().httpAddress(both).tunnelAddress(both).ioMode(mode));
        assertThat(rig.gateway().tunnelAddress()).isEqualTo(rig.gateway().httpAddress());
        FakeAgent agent = rig.agent();
        RawClient client = rig.client().gets("/tunnels");
        agent.next().answersWithoutBody(204);
        assertThat(client.head()).startsWith("HTTP/1.1 204 ");

        assertThat(rig.client().gets("/tunnel").rest()).startsWith("HTTP/1.1 426 ");
        assertThat(rig.client().gets("/tunnel?token=x").rest()).startsWith("HTTP/1.1 400 ");
    }

    @ParameterizedTest
    @EnumSource(names = {"NIO", "EPOLL"})
    void manyConnectionsFindTheLoopsOfTheirTunnels(IoMode mode) throws Exception {
        rig = GatewayRig.start(GatewayRig.config().loops(4).ioMode(mode));
        List<FakeAgent> agents = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            agents.add(rig.agent());
        }
        rig.awaitAgents(4);
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            clients.add(rig.client());
        }
        String body = "0123456789".repeat(3_000);
        for (int round = 0; round < 5; round++) {
            for (RawClient client : clients) {
                client.sends("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: " + body.length() + "\r\n\r\n" + body
                        + "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
            }
            for (int done = 0; done < 2 * clients.size(); ) {
                for (FakeAgent agent : agents) {
                    while (agent.hasCall()) {
                        FakeAgent.Call call = agent.next();
                        String sent = call.body();
                        assertThat(sent.length())
                                .isEqualTo(call.request().head().path().equals("/a") ? body.length() : 0);
                        call.answers(200, "Content-Length", String.valueOf(sent.length()))
                                .sends(sent)
                                .ends();
                        done++;
                    }
                }
            }
            for (RawClient client : clients) {
                assertThat(client.response()).endsWith(body);
                assertThat(client.response()).endsWith("\r\n\r\n");
            }
        }
    }

    @Test
    void moreConnectionsThanAllowedAreCut() throws Exception {
        rig = GatewayRig.start(GatewayRig.config().maxConnections(2));
        FakeAgent agent = rig.agent();
        RawClient first = rig.client().gets("/1");
        RawClient second = rig.client().gets("/2");
        agent.next().answersWithoutBody(204);
        agent.next().answersWithoutBody(204);
        first.head();
        second.head();
        RawClient third = rig.client();
        assertThat(third.isReset()).isTrue();

        first.close();
        RawClient fourth = reconnected();
        agent.next().answersWithoutBody(204);
        assertThat(fourth.head()).startsWith("HTTP/1.1 204 ");
    }

    /** The end of one connection and the beginning of another may be seen in either order. */
    private RawClient reconnected() throws Exception {
        for (int i = 0; i < 1_000; i++) {
            RawClient client = rig.client();
            try {
                client.gets("/again");
                client.socket().setSoTimeout(200);
                client.head();
            } catch (java.net.SocketTimeoutException e) {
                client.socket().setSoTimeout(10_000);
                return client;
            } catch (IOException e) {
                client.close();
            }
        }
        throw new AssertionError("never let in again");
    }

    @Test
    void aConnectionHasItsShareOfRequests() throws Exception {
        rig = GatewayRig.start(GatewayRig.config().maxRequestsPerConnection(2));
        FakeAgent agent = rig.agent();
        RawClient client = rig.client().gets("/1").gets("/2").gets("/3");
        agent.next().answersWithoutBody(200);
        assertThat(client.response()).doesNotContain("connection: close");
        agent.next().answersWithoutBody(200);

        assertThat(client.rest()).contains("connection: close").doesNotContain("HTTP/1.1 200 OK\r\nHTTP");
        assertThat(agent.hasCall()).isFalse();
    }

    @Test
    void anIdleConnectionIsClosed() throws Exception {
        rig = GatewayRig.start(GatewayRig.config().keepAliveTimeout(Duration.ofMillis(300)));
        FakeAgent agent = rig.agent();
        RawClient client = rig.client().gets("/1");
        agent.next().answersWithoutBody(204);
        client.head();

        assertThat(client.rest()).isEmpty();
    }

    @Test
    void aClientThatReadsNothingIsGivenUp() throws Exception {
        rig = GatewayRig.start(GatewayRig.config().writeTimeout(Duration.ofMillis(300)));
        FakeAgent agent = rig.agent();
        RawClient client = rig.client();
        client.socket().setReceiveBufferSize(4_096);
        client.gets("/1");
        FakeAgent.Call call = agent.next().answers(200);
        for (int i = 0; i < 1_000; i++) {
            call.sends(new byte[10_000]);
        }

        assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
        assertThat(client.isReset()).isTrue();
    }

    @Test
    void anAgentThatTakesNoBodyIsGivenUp() throws Exception {
        rig = GatewayRig.start(GatewayRig.config().writeTimeout(Duration.ofMillis(300)));
        FakeAgent agent = rig.agent().takesNothing();
        RawClient client = rig.client();
        client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
        FakeAgent.Call call = agent.next();
        try {
            for (int i = 0; i < 10_000; i++) {
                client.sends(new byte[10_000]);
            }
        } catch (IOException e) {
            // The connection ends while it sends.
        }

        assertThat(call.closed().is(ErrorCode.TIMEOUT)).isTrue();
    }
}
