package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a gateway does with datagrams, whatever the agent says. */
class UdpFrontTest {

    private static final InetSocketAddress FREE_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final UdpForward FORWARD = UdpForward.of(FREE_PORT, GatewayRig.AGENT);

    private @Nullable GatewayRig rig;
    private FakeAgent agent;
    private DatagramSocket client;

    private void start(UdpForward forward) throws Exception {
        rig = GatewayRig.start(GatewayRig.config().udpForward(forward));
        agent = rig.agent();
        rig.awaitAgents(1);
        client = rig.closed(new DatagramSocket(FREE_PORT));
        client.setSoTimeout((int) (1_000 * FakeAgent.PATIENCE_SECONDS));
    }

    @AfterEach
    void stop() throws Exception {
        if (rig != null) {
            rig.close();
        }
    }

    private void send(int bytes) throws IOException {
        client.send(new DatagramPacket(
                new byte[bytes], bytes, rig.gateway().udpAddresses().get(0)));
    }

    private int receive() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[65_507], 65_507);
        client.receive(packet);
        return packet.getLength();
    }

    @Test
    void theAgentIsToldWhereToAndForWhomAndForHowLong() throws Exception {
        start(FORWARD.withTarget("dns").withIdleTimeout(Duration.ofSeconds(5)));
        send(3);

        FakeAgent.Call call = agent.next();
        Message.UdpTunnelStart start = (Message.UdpTunnelStart) call.opening();

        assertThat(start.destination().target()).isEqualTo("dns");
        assertThat(start.idleMillis()).isEqualTo(5_000);
        assertThat(start.clientAddr()).isEqualTo("127.0.0.1:" + client.getLocalPort());
        call.received(3);
    }

    @Test
    void unitsOfTheAgentAreDatagramsHoweverTheyAreCut() throws Exception {
        start(FORWARD);
        send(1);
        FakeAgent.Call call = agent.next();

        call.stream().writeUnit(Payload.of(new byte[30_000]), false, true);
        call.stream().writeUnit(Payload.of(new byte[20_000]), false, true);
        call.stream().writeUnit(Payload.of(new byte[7]), false, false);
        assertThat(receive()).isEqualTo(50_007);
        call.stream().writeUnit(Payload.EMPTY, false, false);
        assertThat(receive()).isZero();
        call.stream().writeUnit(Payload.of(new byte[70_000]), false, false);
        call.stream().writeUnit(Payload.of(new byte[2]), false, false);
        assertThat(receive()).isEqualTo(2);
    }

    @Test
    void anAgentThatEndsAStreamIsAskedAgain() throws Exception {
        start(FORWARD);
        send(1);
        FakeAgent.Call first = agent.next();
        first.received(1);
        first.closes(ErrorCode.NO_ERROR, "no datagram for a while");
        first.closed();

        while (!agent.hasCall()) {
            send(2);
        }
        FakeAgent.Call second = agent.next();
        second.received(2);
        second.stream().writeUnit(Payload.of(new byte[4]), false, false);

        assertThat(receive()).isEqualTo(4);
    }

    @Test
    void whatIsNoDatagramIsABreach() throws Exception {
        start(FORWARD);
        send(1);
        FakeAgent.Call call = agent.next();

        call.stream().send(new Message.ProxyResponse("x", 200, Headers.EMPTY), false);

        assertThat(call.closed().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
    }

    @Test
    void anAgentThatTakesNothingLosesDatagramsAndNothingElse() throws Exception {
        start(FORWARD);
        agent.takesNothing();
        send(1);
        FakeAgent.Call stalled = agent.next();
        for (int i = 0; i < 1_000; i++) {
            send(1_000);
        }
        try (DatagramSocket other = new DatagramSocket(FREE_PORT)) {
            other.send(new DatagramPacket(
                    new byte[5], 5, rig.gateway().udpAddresses().get(0)));
            agent.next().received(5);
        }

        // Its window, and no more.
        assertThat(stalled.receivedBytes()).isLessThanOrEqualTo(128 * 1024);
    }

    @Test
    void forwardsThatMakeNoSenseAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> UdpForward.of(FREE_PORT, ""));
        assertThatIllegalArgumentException().isThrownBy(() -> UdpForward.of(FREE_PORT, "a/b"));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withTarget(""));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withMaxClients(0));
        assertThatIllegalArgumentException().isThrownBy(() -> FORWARD.withIdleTimeout(Duration.ZERO));
    }
}
