package io.tunnelmux.core;

import static io.tunnelmux.core.TunnelClient.State.CLOSED;
import static io.tunnelmux.core.TunnelClient.State.CONNECTED;
import static io.tunnelmux.core.TunnelClient.State.CONNECTING;
import static io.tunnelmux.core.TunnelClient.State.IDLE;
import static io.tunnelmux.core.TunnelClient.State.WAITING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.tunnelmux.core.testing.ScriptedPeer;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.HelloCodec;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TunnelClientTest {

    private static final String GATEWAY = "wss://one.example/tunnel";
    private static final Duration HEALTHY = Duration.ofSeconds(60);
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    @Test
    void dialsShakesHandsAndIsConnected() {
        ClientRig rig = new ClientRig(() -> "secret", GATEWAY);
        assertThat(rig.client.state()).isEqualTo(IDLE);

        rig.client.start();
        rig.client.start();
        rig.loop.runUntilIdle();
        ScriptedPeer peer = rig.last().connects();

        assertThat(rig.states).containsExactly(CONNECTING);
        Hello greeting = greeting(peer);
        assertThat(greeting.agentId()).isEqualTo("demo");
        assertThat(greeting.instanceId()).isEqualTo("run-1");
        peer.answers(Settings.DEFAULTS);
        assertThat(rig.states).containsExactly(CONNECTING, CONNECTED);
        assertThat(rig.client.state()).isEqualTo(CONNECTED);
        assertThat(rig.tunnels).hasSize(1);
        assertThat(rig.attempts).hasSize(1);
    }

    @Test
    void makesOneAttemptAtATime() {
        ClientRig rig = ClientRig.started(GATEWAY);

        rig.client.start();
        rig.client.reconnectNow();
        rig.loop.advance(Duration.ofHours(1));
        assertThat(rig.attempts).hasSize(1);

        rig.last().opens();
        rig.client.start();
        rig.client.reconnectNow();
        rig.loop.runUntilIdle();
        assertThat(rig.attempts).hasSize(1);
        assertThat(rig.states).containsExactly(CONNECTING, CONNECTED);
    }

    @Test
    void waitsTwiceAsLongAfterEachFailureUpToAMinute() {
        ClientRig rig = ClientRig.started(GATEWAY);
        List<Duration> waits = new ArrayList<>();

        for (int i = 0; i < 10; i++) {
            waits.add(rig.waitAfterFailure(ErrorCode.TRANSPORT_LOST, null));
        }

        assertThat(waits.stream().map(Duration::toMillis))
                .containsExactly(500L, 1_000L, 2_000L, 4_000L, 8_000L, 16_000L, 32_000L, 60_000L, 60_000L, 60_000L);
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    @Test
    void walksTheListOfGatewaysWhileTheyFail() {
        ClientRig rig = ClientRig.started("wss://one", "wss://two", "wss://three");

        for (int i = 0; i < 4; i++) {
            rig.waitAfterFailure(ErrorCode.TRANSPORT_LOST, null);
        }

        assertThat(rig.attempts)
                .extracting(attempt -> attempt.gateway.getHost())
                .containsExactly("one", "two", "three", "one", "two");
    }

    @Test
    void aTunnelThatStoodForLessThanAMinuteIsAnotherFailure() {
        ClientRig rig = ClientRig.started("wss://one", "wss://two");
        rig.waitAfterFailure(ErrorCode.TRANSPORT_LOST, null);
        rig.waitAfterFailure(ErrorCode.TRANSPORT_LOST, null);
        ScriptedPeer peer = rig.last().opens();

        stand(rig, peer, HEALTHY.minusMillis(1));
        rig.last().isLost();

        assertThat(rig.wait(3)).isEqualTo(Duration.ofSeconds(2));
        assertThat(rig.last().gateway).hasHost("two");
    }

    @Test
    void aTunnelThatStoodForAMinuteMakesItBeginAfresh() {
        ClientRig rig = ClientRig.started("wss://one", "wss://two");
        rig.waitAfterFailure(ErrorCode.TRANSPORT_LOST, null);
        ScriptedPeer peer = rig.last().opens();

        stand(rig, peer, HEALTHY);
        rig.last().isLost();

        assertThat(rig.wait(2)).isEqualTo(Duration.ofMillis(500));
        assertThat(rig.last().gateway).hasHost("one");
    }

    @Test
    void connectingAloneIsNoSuccess() {
        ClientRig rig = ClientRig.started(GATEWAY);
        List<Duration> waits = new ArrayList<>();

        for (int i = 0; i < 4; i++) {
            int before = rig.attempts.size();
            rig.last().opens();
            rig.last().isLost();
            waits.add(rig.wait(before));
        }

        assertThat(waits.stream().map(Duration::toMillis)).containsExactly(500L, 1_000L, 2_000L, 4_000L);
    }

    @Test
    void obeysAGatewayThatNamesATime() {
        ClientRig rig = ClientRig.started(GATEWAY);

        assertThat(rig.waitAfterFailure(ErrorCode.OVERLOADED, Duration.ofSeconds(30)))
                .isEqualTo(Duration.ofSeconds(33));
        assertThat(rig.waitAfterFailure(ErrorCode.OVERLOADED, Duration.ofMillis(1)))
                .isEqualTo(Duration.ofSeconds(1));
    }

    @ParameterizedTest
    @EnumSource(names = {"UNAUTHORIZED", "FORBIDDEN"})
    void asksSlowlyWhereItsTokenIsRefusedAndEachTimeForTheTokenAnew(ErrorCode code) {
        Iterator<String> tokens = List.of("old", "newer", "newest").iterator();
        ClientRig rig = new ClientRig(tokens::next, GATEWAY);
        rig.client.start();
        rig.loop.runUntilIdle();

        assertThat(rig.waitAfterFailure(code, null)).isEqualTo(Duration.ofSeconds(60));
        ScriptedPeer peer = rig.last().connects();
        peer.sends(new Frame.GoAway(0, code.value(), 0, "who are you?"));
        assertThat(rig.wait(2)).isEqualTo(Duration.ofSeconds(60));

        assertThat(rig.attempts).extracting(attempt -> attempt.token).containsExactly("old", "newer", "newest");
    }

    @Test
    void textsOfTheGatewayMakeNoLinesOfTheirOwnInTheLog() {
        ClientRig rig = ClientRig.started(GATEWAY);
        rig.last().fails(new TunnelException(ErrorCode.TRANSPORT_LOST, "bad\r\n\"HTTP\"", null, null));
        rig.wait(1);
        rig.last().opens().sends(new Frame.GoAway(0, ErrorCode.INTERNAL_ERROR.value(), 0, "x\r\nforged\u0085\""));
        rig.loop.runUntilIdle();

        assertThat(rig.details.get(1)).startsWith("bad\\u{d}\\u{a}\\u{22}HTTP\\u{22}; next attempt in ");
        assertThat(rig.details.get(rig.details.size() - 1))
                .startsWith("the tunnel has ended, INTERNAL_ERROR (remote): x\\u{d}\\u{a}forged\\u{85}\\u{22}; next ");
        assertThat(rig.ended.get(0).reason()).isEqualTo("x\r\nforged\u0085\"");
    }

    @Test
    void anAgentThatWasSupersededWaitsTenSecondsAndMore() {
        ClientRig rig = ClientRig.started(GATEWAY);
        List<Duration> waits = new ArrayList<>();

        for (int i = 0; i < 3; i++) {
            int before = rig.attempts.size();
            rig.last().opens().sends(new Frame.GoAway(0, ErrorCode.SUPERSEDED.value(), 0, "another came"));
            waits.add(rig.wait(before));
        }

        assertThat(waits.stream().map(Duration::toMillis)).containsExactly(10_500L, 11_000L, 12_000L);
    }

    @Test
    void dialsTheNextGatewayAtOnceWhenAHealthyTunnelDrainsWhichFinishesMeanwhile() {
        ClientRig rig = ClientRig.started("wss://one", "wss://two");
        ScriptedPeer peer = rig.last().opens();
        peer.opens(2, Rig.request(), 0);
        stand(rig, peer, HEALTHY);

        peer.sends(new Frame.GoAway(0, ErrorCode.SHUTTING_DOWN.value(), 0, "restart"));
        rig.loop.advance(Duration.ZERO);
        assertThat(rig.attempts).hasSize(2);
        assertThat(rig.last().gateway).hasHost("two");
        rig.last().opens();

        assertThat(rig.client.state()).isEqualTo(CONNECTED);
        assertThat(rig.ended).isEmpty();
        peer.sends(Rig.data(2, 10));
        assertThat(rig.handlers.get(0).bytes()).hasSize(10);
        peer.closes();
        assertThat(rig.ended).hasSize(1);
        assertThat(rig.client.state()).isEqualTo(CONNECTED);
        assertThat(rig.attempts).hasSize(2);
    }

    @Test
    void staysAwayForNoLongerThanADay() {
        ClientRig rig = ClientRig.started(GATEWAY);

        rig.last().opens().sends(new Frame.GoAway(0, ErrorCode.SHUTTING_DOWN.value(), 0xffff_ffffL, "restart"));

        rig.loop.advance(Duration.ofHours(23));
        assertThat(rig.attempts).hasSize(1);
        rig.loop.advance(Duration.ofHours(6));
        assertThat(rig.attempts).hasSizeGreaterThan(1);
    }

    @Test
    void staysAwayAsLongAsADrainingGatewaySays() {
        ClientRig rig = ClientRig.started(GATEWAY);

        rig.last().opens().sends(new Frame.GoAway(0, ErrorCode.SHUTTING_DOWN.value(), 20_000, "restart"));

        assertThat(rig.wait(1)).isEqualTo(Duration.ofSeconds(22));
    }

    @Test
    void aGatewayThatDrainsEachNewTunnelIsNotHammered() {
        ClientRig rig = ClientRig.started(GATEWAY);
        List<Duration> waits = new ArrayList<>();

        for (int i = 0; i < 4; i++) {
            int before = rig.attempts.size();
            rig.last().opens().sends(new Frame.GoAway(0, ErrorCode.SHUTTING_DOWN.value(), 0, "restart"));
            waits.add(rig.wait(before));
        }

        assertThat(waits.stream().map(Duration::toMillis)).containsExactly(0L, 1_000L, 2_000L, 4_000L);
    }

    @Test
    void dialsAnewWhenItsOwnSideDrainsTheTunnel() {
        ClientRig rig = ClientRig.started(GATEWAY);
        ScriptedPeer peer = rig.last().opens();
        peer.opens(2, Rig.request(), 0);

        rig.tunnels.get(0).drain("enough", Duration.ofMinutes(1));
        rig.loop.advance(Duration.ZERO);

        assertThat(rig.attempts).hasSize(2);
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void anAttemptWhoseHandshakeIsNotAnsweredFails() {
        ClientRig rig = ClientRig.started(GATEWAY);
        ScriptedPeer peer = rig.last().connects();

        rig.loop.advance(Duration.ofSeconds(10));

        assertThat(rig.client.state()).isEqualTo(WAITING);
        assertThat(peer.takeReceived(Frame.GoAway.class)).hasSize(1);
        assertThat(rig.wait(1)).isEqualTo(Duration.ofMillis(500));
    }

    @Test
    void aFailingConnectorOrTokenIsAFailedAttempt() {
        ClientRig rig = new ClientRig(
                () -> {
                    throw new IllegalStateException("no token today");
                },
                GATEWAY);
        rig.client.start();
        rig.loop.runUntilIdle();
        assertThat(rig.client.state()).isEqualTo(WAITING);

        ClientRig other = new ClientRig(() -> null, GATEWAY);
        other.connectFailure = new IllegalArgumentException("no such scheme");
        other.client.start();
        other.loop.runUntilIdle();
        assertThat(other.client.state()).isEqualTo(WAITING);
        assertThat(other.wait(1)).isEqualTo(Duration.ofMillis(500));
    }

    @Test
    void endsAWaitWhenItIsToldTo() {
        ClientRig rig = ClientRig.started(GATEWAY);
        rig.last().fails(ErrorCode.UNAUTHORIZED, null);
        assertThat(rig.client.state()).isEqualTo(WAITING);

        rig.client.reconnectNow();
        rig.loop.runUntilIdle();

        assertThat(rig.attempts).hasSize(2);
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    @Test
    void saysItsTokenInHelloOnlyWhereTheTransportDoesNot() {
        ClientRig rig = ClientRig.started("wss://one", "tcp://two", "ws://three", "tls://four", "unix:/five");
        List<@Nullable String> tokens = new ArrayList<>();

        for (int i = 0; i < 5; i++) {
            int before = rig.attempts.size();
            ScriptedPeer peer = rig.last().connects();
            tokens.add(greeting(peer).token());
            rig.last().isLost();
            rig.wait(before);
        }

        assertThat(tokens).containsExactly(null, "secret", null, "secret", "secret");
    }

    @Test
    void isClosedBeforeItStarts() {
        ClientRig rig = new ClientRig(() -> null, GATEWAY);

        assertThat(close(rig)).isCompleted();
        rig.client.start();
        rig.client.reconnectNow();
        rig.loop.advance(Duration.ofHours(1));

        assertThat(rig.attempts).isEmpty();
        assertThat(rig.states).containsExactly(CLOSED);
    }

    @Test
    void isClosedWhileItDialsAndWantsTheTransportNoMore() {
        ClientRig rig = ClientRig.started(GATEWAY);

        assertThat(close(rig)).isCompleted();
        ScriptedPeer peer = rig.last().connects();

        assertThat(peer.isClosed()).isTrue();
        assertThat(peer.takeReceived()).isEmpty();
        isOver(rig, 1);
    }

    @Test
    void isClosedWhileItDialsInVain() {
        ClientRig rig = ClientRig.started(GATEWAY);

        assertThat(close(rig)).isCompleted();
        rig.last().fails(ErrorCode.TRANSPORT_LOST, null);

        isOver(rig, 1);
    }

    @Test
    void isClosedWhileItShakesHands() {
        ClientRig rig = ClientRig.started(GATEWAY);
        ScriptedPeer peer = rig.last().connects();

        assertThat(close(rig)).isCompleted();

        assertThat(peer.isClosed()).isTrue();
        assertThat(rig.tunnels).isEmpty();
        isOver(rig, 1);
    }

    @Test
    void isClosedWhileItWaits() {
        ClientRig rig = ClientRig.started(GATEWAY);
        rig.last().fails(ErrorCode.TRANSPORT_LOST, null);

        assertThat(close(rig)).isCompleted();

        isOver(rig, 1);
    }

    @Test
    void drainsWhenItIsClosedWhileATunnelStands() {
        ClientRig rig = ClientRig.started(GATEWAY);
        ScriptedPeer peer = rig.last().opens();
        peer.opens(2, Rig.request(), 0);

        CompletableFuture<Void> closed = close(rig);
        assertThat(closed).isNotDone();
        assertThat(peer.takeReceived(Frame.GoAway.class)).hasSize(1);
        peer.sends(new Frame.Cancel(2, 0, ""));

        assertThat(closed).isCompleted();
        assertThat(close(rig)).isCompleted();
        assertThat(peer.isClosed()).isTrue();
        isOver(rig, 1);
    }

    @Test
    void losesPatienceWhenItIsClosedAndStreamsDoNotEnd() {
        ClientRig rig = ClientRig.started(GATEWAY);
        rig.last().opens().opens(2, Rig.request(), 0);

        CompletableFuture<Void> closed = close(rig);
        rig.loop.advance(PATIENCE.minusMillis(1));
        assertThat(closed).isNotDone();
        rig.loop.advance(Duration.ofMillis(1));

        assertThat(closed).isCompleted();
        assertThat(rig.handlers.get(0).outcome().is(ErrorCode.TRANSPORT_LOST)).isTrue();
        isOver(rig, 1);
    }

    @Test
    void closesTunnelsThatDrainAlreadyToo() {
        ClientRig rig = ClientRig.started(GATEWAY);
        ScriptedPeer old = rig.last().opens();
        old.opens(2, Rig.request(), 0);
        rig.tunnels.get(0).drain("enough", Duration.ofDays(1));
        rig.loop.advance(Duration.ofSeconds(1));
        ScriptedPeer current = rig.last().opens();

        CompletableFuture<Void> closed = close(rig);
        assertThat(current.isClosed()).isTrue();
        assertThat(closed).isNotDone();
        rig.loop.advance(PATIENCE);

        assertThat(closed).isCompleted();
        assertThat(old.isClosed()).isTrue();
        isOver(rig, 2);
    }

    @Test
    void isNotBuiltWithoutWhatItNeeds() {
        ClientRig rig = new ClientRig(() -> null, GATEWAY);
        List<URI> gateways = List.of(URI.create(GATEWAY));

        assertThatIllegalStateException()
                .isThrownBy(() ->
                        TunnelClient.builder(rig).agentId("a").handler(rig).build());
        assertThatNullPointerException()
                .isThrownBy(() -> TunnelClient.builder(rig)
                        .gateways(gateways)
                        .handler(rig)
                        .build());
        assertThatNullPointerException()
                .isThrownBy(() -> TunnelClient.builder(rig)
                        .gateways(gateways)
                        .agentId("a")
                        .build());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TunnelClient.builder(rig)
                        .gateways(gateways)
                        .agentId("a b")
                        .handler(rig)
                        .build());
    }

    private static CompletableFuture<Void> close(ClientRig rig) {
        CompletableFuture<Void> closed = rig.client.close(PATIENCE).toCompletableFuture();
        rig.loop.runUntilIdle();
        return closed;
    }

    private static void isOver(ClientRig rig, int attempts) {
        rig.client.reconnectNow();
        rig.loop.advance(Duration.ofHours(1));
        assertThat(rig.client.state()).isEqualTo(CLOSED);
        assertThat(rig.attempts).hasSize(attempts);
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    /** Lets time pass on a tunnel whose peer gives signs of life. */
    private static void stand(ClientRig rig, ScriptedPeer peer, Duration time) {
        Duration until = rig.now().plus(time);
        for (Duration rest = time; !rest.isZero(); rest = until.minus(rig.now())) {
            rig.loop.advance(rest.compareTo(Duration.ofSeconds(10)) < 0 ? rest : Duration.ofSeconds(10));
            peer.sends(new Frame.Window(0, 1));
        }
    }

    private static Hello greeting(ScriptedPeer peer) {
        List<Frame.Hello> hellos = peer.takeReceived(Frame.Hello.class);
        assertThat(hellos).hasSize(1);
        return HelloCodec.decode(hellos.get(0).payload());
    }
}
