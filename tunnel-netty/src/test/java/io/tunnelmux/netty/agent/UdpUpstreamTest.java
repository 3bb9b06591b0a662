package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.StreamReport;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an agent answers to {@code udp_tunnel_start}, and what becomes of the units. */
class UdpUpstreamTest {

    private static final int LONGEST = 65_507;

    private DatagramSocket server;
    private AgentHarness harness;
    private final Probe probe = new Probe(true);

    @BeforeEach
    void start() throws Exception {
        server = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        server.setSoTimeout(10_000);
        harness = new AgentHarness(config ->
                config.udpTarget("dns", InetSocketAddress.createUnresolved("localhost", server.getLocalPort())));
    }

    @AfterEach
    void stop() {
        harness.close();
        server.close();
    }

    private TunnelStream open(@Nullable String target, long idleMillis) {
        Message.UdpTunnelStart start = new Message.UdpTunnelStart(
                "u1", new Message.Destination(target, null, null, 0), null, 0, "192.0.2.1:53", 0, idleMillis);
        return harness.open(start, false, probe);
    }

    private static Payload bytes(int count, int fill) {
        byte[] bytes = new byte[count];
        Arrays.fill(bytes, (byte) fill);
        return Payload.of(bytes);
    }

    private DatagramPacket receive() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[LONGEST], LONGEST);
        server.receive(packet);
        return packet;
    }

    @Test
    void unitsAreDatagramsAlsoThoseThatComeBeforeTheSocketIsThere() throws Exception {
        TunnelStream stream = open("dns", 0);
        int[] lengths = {1, 0, 500, 40_000, LONGEST, 3};
        for (int length : lengths) {
            stream.writeUnit(bytes(length, length), false, false);
        }

        // Together they are more than may wait, so the longest may be lost; none is cut or joined.
        DatagramPacket packet = receive();
        assertThat(packet.getLength()).isEqualTo(1);
        assertThat(receive().getLength()).isZero();
        assertThat(receive().getLength()).isEqualTo(500);
        packet = receive();
        assertThat(packet.getLength()).isEqualTo(40_000);
        assertThat(packet.getData()[39_999]).isEqualTo((byte) 40_000);
    }

    @Test
    void whatTheTargetSendsIsSentBackUnitByUnit() throws Exception {
        TunnelStream stream = open(null, 0);
        stream.writeUnit(bytes(1, 7), false, false);
        InetSocketAddress from = (InetSocketAddress) receive().getSocketAddress();

        for (int i = 1; i <= 5; i++) {
            server.send(new DatagramPacket(new byte[100 * i], 100 * i, from));
        }
        assertThat(probe.units(5))
                .extracting(unit -> unit.length() - "binary ".length())
                .containsExactly(100, 200, 300, 400, 500);
        assertThat(probe.messages()).isEmpty();
    }

    @Test
    void whatFindsNoRoomIsDroppedAndCounted() throws Exception {
        Probe stalled = new Probe(false);
        TunnelStream stream = harness.open(
                new Message.UdpTunnelStart("u1", Message.Destination.ANY, null, 0, null, 0, 0), false, stalled);
        stream.writeUnit(bytes(1, 7), false, false);
        InetSocketAddress from = (InetSocketAddress) receive().getSocketAddress();
        String described = "";
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);

        while (!described.contains(" dropped") && System.nanoTime() < deadline) {
            server.send(new DatagramPacket(new byte[8_000], 8_000, from));
            described = harness.agent().tunnels().get(0).report().toCompletableFuture().join().streams().stream()
                    .map(StreamReport::description)
                    .findFirst()
                    .orElse("");
        }

        assertThat(described).matches("UDP to localhost:[0-9]+, [0-9]+ dropped");
        assertThat(stalled.bytes().length).isLessThanOrEqualTo(128 * 1024);
    }

    @Test
    void strangersAreNotHeard() throws Exception {
        TunnelStream stream = open("dns", 0);
        stream.writeUnit(bytes(1, 7), false, false);
        InetSocketAddress agent = (InetSocketAddress) receive().getSocketAddress();
        try (DatagramSocket stranger = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            stranger.send(new DatagramPacket(new byte[11], 11, agent));
        }
        server.send(new DatagramPacket(new byte[5], 5, agent));

        assertThat(probe.units(1))
                .extracting(unit -> unit.length() - "binary ".length())
                .containsExactly(5);
    }

    @Test
    void aStreamOnWhichNothingMovesEnds() {
        open("dns", 100).writeUnit(bytes(1, 1), false, false);

        assertThat(probe.outcome().is(ErrorCode.NO_ERROR)).isTrue();
    }

    @Test
    void whatIsNotConfiguredIsForbidden() {
        open("no-such", 0);

        assertThat(probe.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
        assertThat(probe.message(Message.ProxyError.class).message()).isEqualTo("no such target: no-such");
    }

    @Test
    void anAddressCannotBeAskedForAsSuch() {
        harness.open(
                new Message.UdpTunnelStart(
                        "u1", Message.Destination.ANY, "localhost", server.getLocalPort(), null, 0, 0),
                false,
                probe);

        assertThat(probe.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
    }

    @Test
    void anAgentWithoutUdpTargetsDoesNotOfferUdp() {
        try (AgentHarness other = new AgentHarness(
                config -> config.tcpTarget("db", InetSocketAddress.createUnresolved("localhost", 1)))) {
            other.open(new Message.UdpTunnelStart("u1", Message.Destination.ANY, null, 0, null, 0, 0), false, probe);

            assertThat(probe.outcome().is(ErrorCode.UNSUPPORTED)).isTrue();
            assertThat(other.tunnel().peer().capabilities()).contains("tcp").doesNotContain("udp");
        }
    }

    @Test
    void aNameThatNobodyKnowsIsUnreachable() {
        try (AgentHarness other = new AgentHarness(
                config -> config.udpTarget("dns", InetSocketAddress.createUnresolved("no-such-host.invalid", 53)))) {
            TunnelStream stream = other.open(
                    new Message.UdpTunnelStart("u1", Message.Destination.ANY, null, 0, null, 0, 0), false, probe);
            stream.writeUnit(bytes(1, 1), false, false);

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_UNREACHABLE)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).cause()).contains("no-such-host.invalid");
        }
    }
}
