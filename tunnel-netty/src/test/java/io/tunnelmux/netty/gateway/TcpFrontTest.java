package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a gateway does with TCP connections, whatever the agent says. */
class TcpFrontTest {

    private static final TcpForward FORWARD =
            TcpForward.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), GatewayRig.AGENT);

    private @Nullable GatewayRig rig;

    @AfterEach
    void stop() throws Exception {
        if (rig != null) {
            rig.close();
        }
    }

    private FakeAgent start(TcpForward forward) throws Exception {
        rig = GatewayRig.start(GatewayRig.config().tcpForward(forward));
        FakeAgent agent = rig.agent();
        rig.awaitAgents(1);
        return agent;
    }

    private RawClient connect() throws Exception {
        return rig.closed(RawClient.connect(rig.gateway().tcpAddresses().get(0)));
    }

    private static void connected(FakeAgent.Call call, boolean isEnd) {
        Message.TcpTunnelStart start = (Message.TcpTunnelStart) call.opening();
        call.stream().send(new Message.TcpTunnelConnected(start.requestId()), isEnd);
    }

    @Test
    void theAgentIsToldWhereToAndForWhom() throws Exception {
        FakeAgent agent = start(FORWARD.withTarget("db").withConnectTimeout(Duration.ofSeconds(3)));
        RawClient client = connect();

        Message.TcpTunnelStart start = (Message.TcpTunnelStart) agent.next().opening();

        assertThat(start.destination().target()).isEqualTo("db");
        assertThat(start.host()).isNull();
        assertThat(start.timeoutMillis()).isEqualTo(3_000);
        assertThat(start.clientAddr()).isEqualTo("127.0.0.1:" + client.socket().getLocalPort());
        assertThat(start.requestId()).isNotEmpty();
    }

    @Test
    void addressesAreAskedForAsSuch() throws Exception {
        FakeAgent agent = start(FORWARD.withTarget("db").withHost("::1", 22));
        connect();

        Message.TcpTunnelStart start = (Message.TcpTunnelStart) agent.next().opening();

        assertThat(start.destination()).isEqualTo(Message.Destination.ANY);
        assertThat(start.host()).isEqualTo("::1");
        assertThat(start.port()).isEqualTo(22);
    }

    @Test
    void bytesDoNotWaitForTheConnection() throws Exception {
        FakeAgent agent = start(FORWARD);
        RawClient client = connect();
        client.sends("early");

        FakeAgent.Call call = agent.next();
        assertThat(call.received(5)).isEqualTo("early");
        connected(call, false);
        call.sends("answer");
        assertThat(client.read(6)).isEqualTo("answer");
        client.endsOutput();
        assertThat(call.body()).isEqualTo("early");
        call.ends();
        assertThat(client.rest()).isEmpty();
        assertThat(call.closed().isClean()).isTrue();
    }

    @Test
    void aTargetMayHaveNothingToSay() throws Exception {
        FakeAgent agent = start(FORWARD);
        RawClient client = connect();

        FakeAgent.Call call = agent.next();
        connected(call, true);

        assertThat(client.rest()).isEmpty();
        client.sends("for the record").endsOutput();
        assertThat(call.body()).isEqualTo("for the record");
    }

    @Test
    void anErrorIsAReset() throws Exception {
        FakeAgent agent = start(FORWARD);
        RawClient client = connect();

        FakeAgent.Call call = agent.next();
        call.fails(
                new Message.ProxyError("x", "forbidden", "no such target", 403, null, null, null, false),
                ErrorCode.FORBIDDEN);

        assertThat(client.isReset()).isTrue();
        call.closed();
    }

    @Test
    void noConnectionIsAResetEvenIfTheAgentIsContent() throws Exception {
        FakeAgent agent = start(FORWARD);
        RawClient client = connect();

        agent.next().closes(ErrorCode.NO_ERROR, "done");

        assertThat(client.isReset()).isTrue();
    }

    @Test
    void bytesOfNoConnectionAreABreach() throws Exception {
        FakeAgent agent = start(FORWARD);
        RawClient client = connect();

        FakeAgent.Call call = agent.next().sends("out of turn");

        assertThat(call.closed().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
        assertThat(client.isReset()).isTrue();
    }

    @Test
    void anEndOfNoConnectionIsABreach() throws Exception {
        FakeAgent agent = start(FORWARD);
        RawClient client = connect();

        FakeAgent.Call call = agent.next().ends();

        assertThat(call.closed().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
        assertThat(client.isReset()).isTrue();
    }

    @Test
    void anAnswerOfAnotherKindIsABreach() throws Exception {
        FakeAgent agent = start(FORWARD);
        RawClient client = connect();

        FakeAgent.Call call = agent.next();
        call.stream().send(new Message.ProxyResponse("x", 200, Headers.EMPTY), false);

        assertThat(call.closed().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
        assertThat(client.isReset()).isTrue();
    }

    @Test
    void anAgentThatDoesNotAnswerIsNotWaitedForForEver() throws Exception {
        FakeAgent agent = start(FORWARD.withConnectTimeout(Duration.ofMillis(1)));
        RawClient client = connect();

        Outcome outcome = agent.next().closed();

        assertThat(outcome.is(ErrorCode.TIMEOUT)).isTrue();
        assertThat(client.isReset()).isTrue();
    }

    @Test
    void aRefusedStreamIsAReset() throws Exception {
        start(FORWARD).refusesAll();

        assertThat(connect().isReset()).isTrue();
    }

    @Test
    void whoIsGoneBeforeTheConnectionStandsIsNotConnected() throws Exception {
        FakeAgent agent = start(FORWARD);
        RawClient client = connect();
        FakeAgent.Call call = agent.next();

        client.resets();

        assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
    }

    @Test
    void forwardsThatMakeNoSenseAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> TcpForward.of(FORWARD.address(), ""));
        assertThatIllegalArgumentException().isThrownBy(() -> TcpForward.of(FORWARD.address(), "a/b"));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withTarget(""));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withHost("", 1));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withHost("a", 0));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withHost("a", 65_536));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withMaxConnections(0));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withConnectTimeout(Duration.ZERO));
    }
}
