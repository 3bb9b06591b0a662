package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Settings;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

class TunnelObserverTest {

    private static final Settings SMALL = Settings.builder()
            .streamWindowBytes(16_384)
            .tunnelWindowBytes(65_536)
            .maxStreams(2)
            .build();
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final RecordingObserver observer = new RecordingObserver();

    private Rig open(Settings local, Settings remote) {
        Rig rig = Rig.open(config(local, observer).build(), remote);
        observer.take();
        return rig;
    }

    private static TunnelConfig.Builder config(Settings local, TunnelObserver observer) {
        return TunnelConfig.builder()
                .settings(local)
                .maxStreamWindowBytes(local.streamWindowBytes())
                .maxTunnelWindowBytes(local.tunnelWindowBytes())
                .observer(observer);
    }

    @Test
    void tellsOfTheTunnel() {
        Rig rig = Rig.open(config(Settings.DEFAULTS, observer).build(), Settings.DEFAULTS);
        assertThat(observer.take()).containsExactly("tunnel opened by AGENT");

        rig.loop.advance(SECOND.multipliedBy(3));
        rig.tunnel().close(ErrorCode.SUPERSEDED, "");
        rig.tunnel().close(ErrorCode.INTERNAL_ERROR, "");
        rig.loop.runUntilIdle();

        assertThat(observer.take()).containsExactly("tunnel closed SUPERSEDED after 3000");
    }

    @Test
    void tellsOfHandshakesThatCameToNothing() {
        HelloVerifier.Refusal refusal = new HelloVerifier.Refusal(ErrorCode.UNAUTHORIZED, "who is that?");
        Rig refused = Rig.silent(config(Settings.DEFAULTS, observer).build(), (hello, token) -> refusal);
        refused.peer.greets(Settings.DEFAULTS);
        refused.loop.runUntilIdle();
        assertThat(observer.take()).containsExactly("handshake failed UNAUTHORIZED");

        Rig silent = Rig.silent(config(Settings.DEFAULTS, observer).build(), (hello, token) -> null);
        silent.loop.advance(SECOND.multipliedBy(20));
        assertThat(observer.take()).containsExactly("handshake failed TIMEOUT");
    }

    @Test
    void tellsOfStreamsOfBothSidesWithTheirBytesAndTheirTime() {
        Rig rig = open(Settings.DEFAULTS, Settings.DEFAULTS);
        TunnelStream local = rig.opens();
        rig.peer.opens(1, Rig.request(), 0);
        rig.loop.runUntilIdle();
        assertThat(observer.take()).containsExactly("stream 2 opened here", "stream 1 opened there");

        local.write(Rig.bytes(1_000));
        local.writeLast(Rig.bytes(100));
        rig.loop.advance(SECOND);
        rig.peer.sends(Rig.lastData(2, 30));
        rig.peer.sends(Rig.data(1, 7), new Frame.Cancel(1, ErrorCode.CANCELLED.value(), ""));
        rig.loop.runUntilIdle();

        assertThat(observer.take())
                .containsExactly(
                        "stream 2 closed here NO_ERROR sent 1100 received 30 after 1000",
                        "stream 1 closed there CANCELLED sent 0 received 7 after 1000");
    }

    @Test
    void theStreamsOfATunnelEndBeforeIt() {
        Rig rig = open(Settings.DEFAULTS, Settings.DEFAULTS);
        rig.opens();
        rig.opens();
        observer.take();

        rig.peer.closes();
        rig.loop.runUntilIdle();

        assertThat(observer.take())
                .containsExactly(
                        "stream 2 closed here TRANSPORT_LOST sent 0 received 0 after 0",
                        "stream 4 closed here TRANSPORT_LOST sent 0 received 0 after 0",
                        "tunnel closed TRANSPORT_LOST after 0");
    }

    @Test
    void tellsOfStreamsThatWereRefused() {
        Rig rig = open(SMALL, SMALL);
        for (int i = 0; i < 3; i++) {
            rig.peer.opens(2 * i + 1, Rig.request(), 0);
            rig.opens();
        }
        assertThat(observer.take())
                .containsExactly(
                        "stream 1 opened there",
                        "stream 2 opened here",
                        "stream 3 opened there",
                        "stream 4 opened here",
                        "stream refused there REFUSED",
                        "stream refused here REFUSED");
    }

    @Test
    void tellsOfStreamsThatTheMemoryBudgetEnds() {
        Rig rig = Rig.open(
                config(SMALL, observer)
                        .memoryBudget(MemoryBudget.ofBytes(1_000))
                        .build(),
                SMALL);
        for (int id = 1; id <= 3; id += 2) {
            rig.peer.opens(id, Rig.request(), 0);
            rig.loop.runUntilIdle();
            rig.handlers.get(id).stopsConsuming();
        }
        rig.opens().write(Rig.bytes(100_000));
        rig.loop.runUntilIdle();
        observer.take();

        rig.loop.advance(SECOND.dividedBy(2));

        assertThat(observer.take())
                .containsExactly("stream 2 closed here OVERLOADED sent 16384 received 0 after 100")
                .hasSize((int) rig.tunnel().memoryBudget().endedStreams());
    }

    @Test
    void aStreamThatWaitsForAMomentIsNotStalled() {
        Rig rig = open(Settings.DEFAULTS, SMALL);
        TunnelStream stream = rig.opens();
        stream.write(Rig.bytes(20_000));
        observer.take();

        for (int i = 0; i < 10; i++) {
            rig.loop.advance(SECOND.minusMillis(1));
            rig.peer.sends(new Frame.Window(stream.id(), 1));
        }

        assertThat(observer.take()).isEmpty();
    }

    @Test
    void tellsOnceThatAStreamStallsForCreditAndOnceThatItDoesNoMore() {
        Rig rig = open(Settings.DEFAULTS, SMALL);
        TunnelStream stream = rig.opens();
        stream.write(Rig.bytes(20_000));
        observer.take();

        rig.loop.advance(SECOND.multipliedBy(10));
        assertThat(observer.take()).containsExactly("stream 2 stalls for PEER_CREDIT since 1000");
        rig.peer.sends(new Frame.Window(stream.id(), 1_000));
        rig.loop.advance(SECOND);
        assertThat(observer.take())
                .containsExactly(
                        "stream 2 stalled for PEER_CREDIT for 10500", "stream 2 stalls for PEER_CREDIT since 1000");
        rig.peer.sends(new Frame.Window(stream.id(), 10_000));
        rig.loop.advance(SECOND);
        assertThat(observer.take()).containsExactly("stream 2 stalled for PEER_CREDIT for 1500");
    }

    @Test
    void tellsThatAStreamStallsForTheCreditOfTheTunnel() {
        Rig rig = open(
                Settings.DEFAULTS, Settings.builder().tunnelWindowBytes(65_536).build());
        rig.opens().write(Rig.bytes(65_536));
        rig.loop.runUntilIdle();
        rig.opens().write(Rig.bytes(10));
        observer.take();

        rig.loop.advance(SECOND);
        rig.peer.sends(new Frame.Window(0, 1_000));
        rig.loop.advance(SECOND);

        assertThat(observer.take())
                .containsExactly(
                        "stream 4 stalls for TUNNEL_CREDIT since 1000", "stream 4 stalled for TUNNEL_CREDIT for 1500");
    }

    @Test
    void whatAStreamWaitsForMayChange() {
        Rig rig = open(Settings.DEFAULTS, SMALL);
        while (rig.pipe.left().isWritable()) {
            rig.pipe.left().write(new Frame.Ping(-1, true));
        }
        TunnelStream stream = rig.opens();
        stream.write(Rig.bytes(20_000));
        observer.take();

        rig.loop.advance(SECOND);
        assertThat(observer.take()).containsExactly("stream 2 stalls for TRANSPORT since 1000");
        rig.tunnel().close(ErrorCode.NO_ERROR, "");
        rig.loop.runUntilIdle();
        assertThat(observer.take())
                .containsExactly(
                        "stream 2 stalled for TRANSPORT for 1000",
                        "stream 2 closed here TRANSPORT_LOST sent 0 received 0 after 1000",
                        "tunnel closed NO_ERROR after 1000");
    }

    @Test
    void tellsThatAConsumerTakesNothing() {
        Rig rig = open(SMALL, Settings.DEFAULTS);
        rig.peer.opens(1, Rig.request(), 0);
        rig.loop.runUntilIdle();
        RecordingHandler handler = rig.handlers.get(1).stopsConsuming();
        rig.peer.sends(Rig.data(1, 100));
        observer.take();

        rig.loop.advance(SECOND.multipliedBy(2));
        handler.consume();
        rig.loop.advance(SECOND);

        assertThat(observer.take())
                .containsExactly("stream 1 stalls for CONSUMER since 1000", "stream 1 stalled for CONSUMER for 2500");
    }

    @Test
    void tellsOfFramesOfNoUse() {
        Rig rig = open(Settings.DEFAULTS, Settings.DEFAULTS);

        rig.peer.sends(new Frame.Ack(5), new Frame.Ack(6));

        assertThat(observer.take()).containsExactly("needless", "needless");
    }

    @Test
    void tellsWhatAClientDoesAndHowOftenItHadItsTunnel() {
        ClientRig rig = new ClientRig(
                () -> "secret", config(Settings.DEFAULTS, observer).build(), "wss://one.example/");
        rig.client.start();
        rig.loop.runUntilIdle();
        rig.last().opens();
        rig.last().isLost();
        rig.loop.advance(SECOND.multipliedBy(60));
        rig.last().opens();
        rig.client.close(Duration.ZERO);
        rig.loop.runUntilIdle();

        assertThat(observer.take())
                .containsExactly(
                        "IDLE CONNECTING 0",
                        "tunnel opened by GATEWAY",
                        "CONNECTING CONNECTED 1",
                        "tunnel closed TRANSPORT_LOST after 0",
                        "CONNECTED WAITING 1",
                        "WAITING CONNECTING 1",
                        "tunnel opened by GATEWAY",
                        "CONNECTING CONNECTED 2",
                        "CONNECTED CLOSED 2",
                        "tunnel closed SHUTTING_DOWN after 0");
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    @Test
    void looksAtStreamsOnlyWhileThereAreAny() {
        Rig rig = open(Settings.DEFAULTS, Settings.DEFAULTS);
        int atRest = rig.loop.pendingTimers();
        TunnelStream stream = rig.opens();
        assertThat(rig.loop.pendingTimers()).isEqualTo(atRest + 1);

        stream.cancel(ErrorCode.CANCELLED, "");
        rig.loop.advance(SECOND);

        assertThat(rig.loop.pendingTimers()).isEqualTo(atRest);
        rig.opens();
        assertThat(rig.loop.pendingTimers()).isEqualTo(atRest + 1);
        rig.tunnel().close(ErrorCode.NO_ERROR, "");
        rig.loop.runUntilIdle();
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    @Test
    void nothingIsMeasuredForNobody() {
        Rig rig = Rig.open();
        int atRest = rig.loop.pendingTimers();

        rig.opens();

        assertThat(rig.tunnel().watch).isNull();
        assertThat(rig.loop.pendingTimers()).isEqualTo(atRest);
        assertThat(TunnelConfig.DEFAULTS.observers()).isEmpty();
    }

    @Test
    void anObserverThatFailsHarmsNothingAndNoOther() {
        List<String> called = new ArrayList<>();
        TunnelObserver failing = (TunnelObserver) Proxy.newProxyInstance(
                TunnelObserver.class.getClassLoader(),
                new Class<?>[] {TunnelObserver.class},
                (proxy, method, arguments) -> {
                    called.add(method.getName());
                    throw new IllegalStateException("on purpose");
                });
        Rig rig = Rig.open(config(SMALL, failing).observer(observer).build(), SMALL);
        TunnelStream stalled = rig.opens();
        stalled.write(Rig.bytes(20_000));
        TunnelStream stream = rig.opens();
        rig.opens();
        stream.writeLast(Rig.bytes(10));
        rig.peer.sends(Rig.lastData(stream.id(), 10), new Frame.Ack(5));
        rig.loop.runUntilIdle();
        assertThat(rig.handler(stream).outcome()).matches(Outcome::isClean);

        rig.loop.advance(SECOND.multipliedBy(2));
        rig.peer.sends(new Frame.Window(stalled.id(), 10_000));
        rig.loop.advance(SECOND);
        assertThat(rig.ended).isEmpty();
        rig.tunnel().close(ErrorCode.NO_ERROR, "");
        rig.loop.runUntilIdle();

        assertThat(rig.ended).hasSize(1);
        assertThat(observer.take()).last().isEqualTo("tunnel closed NO_ERROR after 3000");
        List<String> allButTwo = new ArrayList<>();
        for (Method method : TunnelObserver.class.getMethods()) {
            allButTwo.add(method.getName());
        }
        allButTwo.removeAll(List.of("onHandshakeFailed", "onClientState"));
        assertThat(called).containsAll(allButTwo);
    }

    @Test
    void whatAnObserverThrowsIsLoggedOnceASecond() {
        List<String> logged = new ArrayList<>();
        Logger log = (Logger) Proxy.newProxyInstance(
                Logger.class.getClassLoader(), new Class<?>[] {Logger.class}, (proxy, method, arguments) -> {
                    logged.add(method.getName() + arguments[1]);
                    return null;
                });
        ObserverCalls calls = new ObserverCalls(List.of(observer, observer), log);
        for (long millis = 0; millis < 2_500; millis++) {
            calls.call(Duration.ofMillis(millis).toNanos(), told -> {
                throw new IllegalStateException("on purpose");
            });
        }

        assertThat(logged).containsExactly("error1", "error2001", "error4001");
    }

    @Test
    void tellsOnceWhenWhatWasWrittenHasGoneOut() {
        Rig rig = Rig.open(Settings.DEFAULTS, SMALL);
        List<String> sent = new ArrayList<>();
        TunnelStream stream = rig.opens();
        stream.whenSent(() -> sent.add("nothing"));
        assertThat(sent).containsExactly("nothing");

        stream.write(Rig.bytes(20_000));
        stream.whenSent(() -> sent.add("first"));
        stream.write(Rig.bytes(1_000));
        rig.loop.runUntilIdle();
        rig.peer.sends(new Frame.Window(stream.id(), 3_615));
        rig.loop.runUntilIdle();
        assertThat(sent).containsExactly("nothing");
        rig.peer.sends(new Frame.Window(stream.id(), 1));
        rig.loop.runUntilIdle();
        assertThat(sent).containsExactly("nothing", "first");

        stream.whenSent(() -> sent.add("replaced"));
        stream.whenSent(() -> sent.add("second"));
        rig.peer.sends(new Frame.Window(stream.id(), 16_384));
        rig.loop.runUntilIdle();
        assertThat(sent).containsExactly("nothing", "first", "second");

        stream.write(Rig.bytes(20_000));
        stream.whenSent(() -> sent.add("never"));
        stream.cancel(ErrorCode.CANCELLED, "");
        stream.whenSent(() -> sent.add("never"));
        rig.loop.runUntilIdle();
        assertThat(sent).containsExactly("nothing", "first", "second");
    }
}
