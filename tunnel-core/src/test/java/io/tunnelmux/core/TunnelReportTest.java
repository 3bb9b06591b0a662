package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.StreamReport.Wait;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Settings;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TunnelReportTest {

    private static final Settings SMALL = Settings.builder()
            .streamWindowBytes(16_384)
            .tunnelWindowBytes(65_536)
            .build();
    private static final Duration SECOND = Duration.ofSeconds(1);

    @Test
    void tellsOfTheTunnel() {
        Rig rig = Rig.open();
        rig.loop.advance(SECOND);
        assertThat(report(rig).roundTrip()).isNull();

        CompletableFuture<Duration> ping = rig.tunnel().ping().toCompletableFuture();
        rig.loop.advance(Duration.ofMillis(30));
        Frame.Ping asked = rig.peer.takeReceived(Frame.Ping.class).get(0);
        rig.peer.sends(new Frame.Ping(asked.opaque(), true));
        rig.loop.runUntilIdle();
        rig.opens();

        TunnelReport report = report(rig);
        assertThat(ping).isCompleted();
        assertThat(report.remoteAddress()).isEqualTo(rig.tunnel().remoteAddress());
        assertThat(report.agentId()).isEqualTo(rig.tunnel().peer().agentId());
        assertThat(report.age()).isEqualTo(Duration.ofMillis(1_030));
        assertThat(report.roundTrip()).isEqualTo(Duration.ofMillis(30));
        assertThat(report.openStreams()).isEqualTo(1);
        assertThat(report.heldBytes()).isZero();
        assertThat(report.totals()).isEqualTo(new TunnelReport.Totals(1, 0, 0));
    }

    @Test
    void countsWhatWentOverAllStreamsThoseThatHaveEndedAsWell() {
        Rig rig = Rig.open();
        for (int id = 1; id < 7; id += 2) {
            rig.peer.opens(id, Rig.request(), 0).sends(Rig.lastData(id, 10));
            rig.loop.runUntilIdle();
            rig.accepted.get(id).writeLast(Rig.bytes(7));
        }
        rig.opens().write(Rig.bytes(1_000));
        rig.loop.runUntilIdle();

        assertThat(report(rig).openStreams()).isEqualTo(1);
        assertThat(report(rig).totals()).isEqualTo(new TunnelReport.Totals(4, 1_021, 30));
    }

    @Test
    void anIdleStreamWaitsForNothing() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();
        rig.loop.advance(SECOND);

        StreamReport idle = report(rig).streams().get(0);

        assertThat(idle.id()).isEqualTo(stream.id());
        assertThat(idle.isLocal()).isTrue();
        assertThat(idle.priority()).isEqualTo(Priority.NORMAL);
        StreamReport.Half nothing = new StreamReport.Half(0, 0, Wait.NOTHING, Duration.ZERO);
        assertThat(idle.sending()).isEqualTo(nothing);
        assertThat(idle.receiving()).isEqualTo(nothing);
        assertThat(idle.waited()).isZero();
    }

    @Test
    void aStreamWithoutCreditWaitsForThePeerFromItsLastByte() {
        Rig rig = Rig.open(Settings.DEFAULTS, SMALL);
        TunnelStream stream = rig.opens();
        stream.write(Rig.bytes(20_000));
        rig.loop.runUntilIdle();
        rig.loop.advance(SECOND);

        StreamReport.Half sending = report(rig).streams().get(0).sending();
        assertThat(sending).isEqualTo(new StreamReport.Half(16_384, 3_616, Wait.PEER_CREDIT, SECOND));

        // More that waits behind it does not make the wait any shorter; what goes out does.
        stream.write(Rig.bytes(1));
        rig.loop.advance(SECOND);
        assertThat(report(rig).streams().get(0).sending().waited()).isEqualTo(SECOND.multipliedBy(2));
        rig.peer.sends(new Frame.Window(stream.id(), 1_000));
        rig.loop.runUntilIdle();
        rig.loop.advance(Duration.ofMillis(5));
        assertThat(report(rig).streams().get(0).sending())
                .isEqualTo(new StreamReport.Half(17_384, 2_617, Wait.PEER_CREDIT, Duration.ofMillis(5)));
        assertThat(report(rig).heldBytes()).isEqualTo(2_617);
    }

    @Test
    void whatIsQueuedLateWaitsFromThenOn() {
        Rig rig = Rig.open(Settings.DEFAULTS, SMALL);
        TunnelStream stream = rig.opens();
        stream.write(Rig.bytes(16_384));
        rig.loop.runUntilIdle();
        rig.loop.advance(SECOND);
        assertThat(report(rig).streams().get(0).sending().waitsFor()).isEqualTo(Wait.NOTHING);

        stream.write(Rig.bytes(1));
        rig.loop.advance(Duration.ofMillis(3));

        assertThat(report(rig).streams().get(0).sending())
                .isEqualTo(new StreamReport.Half(16_384, 1, Wait.PEER_CREDIT, Duration.ofMillis(3)));
    }

    @Test
    void tellsWhetherTheTunnelIsShortOfCredit() {
        Rig rig = Rig.open(
                Settings.DEFAULTS, Settings.builder().tunnelWindowBytes(65_536).build());
        TunnelStream bulk = rig.opens();
        TunnelStream other = rig.opens();
        bulk.write(Rig.bytes(65_536));
        rig.loop.runUntilIdle();
        other.write(Rig.bytes(10));
        rig.loop.runUntilIdle();
        rig.loop.advance(SECOND);

        StreamReport waiting = report(rig).streams().get(0);
        assertThat(waiting.id()).isEqualTo(other.id());
        assertThat(waiting.sending()).isEqualTo(new StreamReport.Half(0, 10, Wait.TUNNEL_CREDIT, SECOND));
    }

    @Test
    void tellsWhetherTheTransportTakesNoMore() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();
        while (rig.pipe.left().isWritable()) {
            rig.pipe.left().write(new Frame.Ping(-1, true));
        }
        stream.write(Rig.bytes(10));
        rig.loop.runUntilIdle();
        rig.loop.advance(SECOND);

        assertThat(report(rig).streams().get(0).sending())
                .isEqualTo(new StreamReport.Half(0, 10, Wait.TRANSPORT, SECOND));
    }

    @Test
    void aConsumerThatTakesNothingIsWaitedForFromTheFirstByte() {
        Rig rig = Rig.open(SMALL, Settings.DEFAULTS);
        TunnelStream stream = opened(rig);
        rig.handler(stream).stopsConsuming();
        rig.loop.advance(SECOND);
        rig.peer.sends(Rig.data(1, 100));
        rig.loop.runUntilIdle();
        rig.loop.advance(SECOND);
        rig.peer.sends(Rig.data(1, 100));
        rig.loop.runUntilIdle();
        rig.loop.advance(SECOND);

        StreamReport report = report(rig).streams().get(0);
        assertThat(report.isLocal()).isFalse();
        assertThat(report.receiving())
                .isEqualTo(new StreamReport.Half(200, 200, Wait.CONSUMER, SECOND.multipliedBy(2)));
        assertThat(report.waited()).isEqualTo(SECOND.multipliedBy(2));

        rig.handler(stream).consume();
        assertThat(report(rig).streams().get(0).receiving())
                .isEqualTo(new StreamReport.Half(200, 0, Wait.NOTHING, Duration.ZERO));
    }

    @Test
    void aConsumerThatTakesALittleNowAndThenHoldsItsStreamUpAllTheSame() {
        Rig rig = Rig.open(SMALL, Settings.DEFAULTS);
        TunnelStream stream = opened(rig);
        rig.handler(stream).stopsConsuming();
        rig.peer.sends(Rig.data(1, 16_384));
        rig.loop.runUntilIdle();
        for (int i = 0; i < 10; i++) {
            rig.loop.advance(SECOND);
            stream.consumed(10);
        }

        assertThat(report(rig).streams().get(0).receiving())
                .isEqualTo(new StreamReport.Half(16_384, 16_284, Wait.CONSUMER, SECOND.multipliedBy(10)));
    }

    @Test
    void aConsumerThatIsNeverQuiteDoneButFastEnoughIsNotWaitedForLong() {
        Rig rig = Rig.open(SMALL, Settings.DEFAULTS);
        TunnelStream stream = opened(rig);
        rig.handler(stream).stopsConsuming();
        rig.peer.sends(Rig.data(1, 100));
        rig.loop.runUntilIdle();
        for (int i = 0; i < 10; i++) {
            rig.loop.advance(SECOND);
            rig.peer.sends(Rig.data(1, 100));
            rig.loop.runUntilIdle();
            stream.consumed(100);
        }

        assertThat(report(rig).streams().get(0).receiving())
                .isEqualTo(new StreamReport.Half(1_100, 100, Wait.CONSUMER, Duration.ZERO));
    }

    @Test
    void describesTheLongestWaitingAndCountsTheRest() {
        Rig rig = Rig.open();
        for (int id = 1; id < 40; id += 2) {
            rig.peer.opens(id, Rig.request(), 0);
            rig.loop.runUntilIdle();
            rig.handlers.get(id).stopsConsuming();
        }
        // The later opened waits longer.
        for (int id = 39; id > 0; id -= 2) {
            rig.peer.sends(Rig.data(id, 7));
            rig.loop.runUntilIdle();
            rig.loop.advance(Duration.ofMillis(1));
        }

        TunnelReport report = report(rig, 3);
        assertThat(report.streams()).extracting(StreamReport::id).containsExactly(39, 37, 35);
        assertThat(report.openStreams()).isEqualTo(20);
        assertThat(report.omittedStreams()).isEqualTo(17);
        assertThat(report.heldBytes()).isEqualTo(140);
        assertThat(report(rig).streams()).hasSize(20);
        assertThat(report(rig, 0).streams()).isEmpty();
        assertThatThrownBy(() -> rig.tunnel().report(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void handlersSayWhatTheirStreamsAreAndTooMuchIsCut() {
        Rig rig = Rig.accepting((stream, request) -> new Told(
                switch (stream.id()) {
                    case 1 -> "GET /big for 127.0.0.1:51234";
                    case 3 -> "x".repeat(10_000);
                    default -> null;
                }));
        rig.peer.opens(1, Rig.request(), 0).opens(3, Rig.request(), 0).opens(5, Rig.request(), 0);
        rig.loop.runUntilIdle();

        assertThat(report(rig).streams())
                .extracting(StreamReport::description)
                .containsExactly("GET /big for 127.0.0.1:51234", "x".repeat(256), Told.class.getName());
    }

    @Test
    void aTunnelThatHasEndedReportsNothing() {
        Rig rig = Rig.open();
        rig.tunnel().close(ErrorCode.NO_ERROR, "");
        rig.loop.runUntilIdle();

        CompletableFuture<TunnelReport> report = rig.tunnel().report().toCompletableFuture();
        rig.loop.runUntilIdle();

        assertThatThrownBy(report::join).hasCauseInstanceOf(TunnelException.class);
    }

    private static TunnelStream opened(Rig rig) {
        rig.peer.opens(1, Rig.request(), 0);
        rig.loop.runUntilIdle();
        return rig.accepted.get(1);
    }

    private static TunnelReport report(Rig rig) {
        return report(rig, TunnelReport.DEFAULT_STREAMS);
    }

    private static TunnelReport report(Rig rig, int maxStreams) {
        CompletableFuture<TunnelReport> report = rig.tunnel().report(maxStreams).toCompletableFuture();
        rig.loop.runUntilIdle();
        return report.join();
    }

    /** Says what it was told to, or fails at that. */
    private record Told(@Nullable String description) implements StreamHandler {

        @Override
        public void onMessage(TunnelStream stream, Message message, boolean isEnd) {}

        @Override
        public void onData(TunnelStream stream, Frame.Data data) {
            data.payload().release();
        }

        @Override
        public void onWritable(TunnelStream stream) {}

        @Override
        public void onClosed(TunnelStream stream, Outcome outcome) {}

        @Override
        public String toString() {
            if (description == null) {
                throw new IllegalStateException("no description");
            }
            return description;
        }
    }
}
