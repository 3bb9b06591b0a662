package io.tunnelmux.core;

import static io.tunnelmux.core.Rig.bytes;
import static io.tunnelmux.core.Rig.data;
import static io.tunnelmux.core.Rig.lastData;
import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class TunnelTest {

    private static final int AGENT_STREAM = 1;

    @Test
    void opensStreamsWithEvenIdsFromTwo() {
        Rig rig = Rig.open();

        TunnelStream first = rig.opens();
        TunnelStream second = rig.opens();

        assertThat(List.of(first.id(), second.id())).containsExactly(2, 4);
        List<Frame.Open> opens = rig.peer.takeReceived(Frame.Open.class);
        assertThat(opens).extracting(Frame.Open::streamId).containsExactly(2, 4);
        assertThat(rig.peer.message(opens.get(0))).isEqualTo(Rig.request());
    }

    @Test
    void endsAStreamOnceBothHalvesHaveEnded() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();

        stream.writeLast(bytes(10));
        rig.loop.runUntilIdle();
        assertThat(rig.handler(stream).outcome()).isNull();
        rig.peer.sends(data(stream.id(), 5), lastData(stream.id(), 5));

        RecordingHandler handler = rig.handler(stream);
        assertThat(handler.bytes()).hasSize(10);
        assertThat(handler.isEnded()).isTrue();
        assertThat(handler.outcome()).isEqualTo(new Outcome(0, "", false, false));
        assertThat(rig.tunnel().openStreams()).isZero();
    }

    @Test
    void marksTheLastWaitingDataAsTheEnd() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();

        stream.write(bytes(10));
        stream.end();
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived()).containsExactly(lastData(stream.id(), 10));
    }

    @Test
    void gathersSmallPiecesThatWaitBehindEachOther() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();

        for (int i = 0; i < 20_000; i++) {
            stream.write(Payload.of(new byte[] {(byte) i}));
        }
        stream.end();
        rig.loop.runUntilIdle();

        List<Frame.Data> sent = rig.peer.takeReceived(Frame.Data.class);
        assertThat(sent).hasSize(2).extracting(Frame.Data::isEnd).containsExactly(false, true);
        assertThat(sum(sent)).isEqualTo(20_000);
        assertThat(sent.get(1).payload().byteAt(0)).isEqualTo((byte) StreamQueue.GATHERED_BYTES);
    }

    @Test
    void keepsDataBackForWantOfStreamCreditAndLeavesOtherStreamsFlowing() {
        Rig rig = Rig.open(
                Settings.DEFAULTS, Settings.builder().streamWindowBytes(16_384).build());
        TunnelStream blocked = rig.opens();
        TunnelStream flowing = rig.opens();
        rig.peer.takeReceived();

        blocked.write(bytes(20_000));
        flowing.write(bytes(1_000));
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived(Frame.Data.class))
                .containsExactlyInAnyOrder(data(blocked.id(), 16_384), data(flowing.id(), 1_000));

        rig.peer.sends(new Frame.Window(blocked.id(), 16_384));
        assertThat(rig.peer.takeReceived(Frame.Data.class)).containsExactly(data(blocked.id(), 3_616));
    }

    @Test
    void keepsDataBackForWantOfTunnelCredit() {
        Rig rig = Rig.open(
                Settings.DEFAULTS, Settings.builder().tunnelWindowBytes(65_536).build());
        TunnelStream first = rig.opens();
        TunnelStream second = rig.opens();
        rig.peer.takeReceived();

        first.write(bytes(40_000));
        second.write(bytes(40_000));
        rig.loop.runUntilIdle();
        assertThat(sum(rig.peer.takeReceived(Frame.Data.class))).isEqualTo(65_536);

        rig.peer.sends(new Frame.Window(0, 40_000));
        assertThat(sum(rig.peer.takeReceived(Frame.Data.class))).isEqualTo(80_000 - 65_536);
    }

    @Test
    void sharesTheTunnelByBytesWhenSeveralStreamsHaveMuchToSend() {
        int windowBytes = 256 * 1024;
        Settings remote = Settings.builder()
                .tunnelWindowBytes(windowBytes)
                .streamWindowBytes(windowBytes)
                .build();
        Rig rig = Rig.open(Settings.DEFAULTS, remote);
        TunnelStream big = rig.opens();
        TunnelStream small = rig.opens();
        rig.peer.takeReceived();

        for (int i = 0; i < 8; i++) {
            big.write(bytes(30_000));
        }
        for (int i = 0; i < 200; i++) {
            small.write(bytes(1_000));
        }
        rig.loop.runUntilIdle();

        // Neither may be ahead of its half by more than the two turns that a frame across a turn's end can borrow.
        List<Frame.Data> sent = rig.peer.takeReceived(Frame.Data.class);
        int slackBytes = 2 * WriteScheduler.QUANTUM_BYTES;
        assertThat(sum(sent)).isEqualTo(windowBytes);
        assertThat(bytesOf(sent, big)).isBetween(windowBytes / 2 - slackBytes, windowBytes / 2 + slackBytes);
    }

    @Test
    void grantsStreamCreditForWhatWasConsumedInQuartersOfTheWindow() {
        Rig rig = Rig.open(Settings.builder().streamWindowBytes(32_768).build(), Settings.DEFAULTS);
        TunnelStream stream = rig.opens();
        rig.handler(stream).stopsConsuming();
        rig.peer.takeReceived();

        rig.peer.sends(data(stream.id(), 16_384), data(stream.id(), 16_384));
        assertThat(rig.peer.takeReceived()).isEmpty();

        stream.consumed(8_191);
        rig.loop.runUntilIdle();
        assertThat(rig.peer.takeReceived()).isEmpty();
        stream.consumed(1);
        rig.loop.runUntilIdle();
        assertThat(rig.peer.takeReceived()).containsExactly(new Frame.Window(stream.id(), 8_192));
    }

    @Test
    void grantsTunnelCreditForWhatArrivedWhoeverConsumesIt() {
        Rig rig = Rig.open(Settings.builder().tunnelWindowBytes(65_536).build(), Settings.DEFAULTS);
        TunnelStream stalled = rig.opens();
        rig.handler(stalled).stopsConsuming();
        rig.peer.takeReceived();

        rig.peer.sends(data(stalled.id(), 32_768));

        assertThat(rig.peer.takeReceived()).containsExactly(new Frame.Window(0, 32_768));
    }

    @Test
    void cancelsAStreamWhosePeerIgnoresItsCreditAndGoesOn() {
        Rig rig = Rig.open(Settings.builder().streamWindowBytes(16_384).build(), Settings.DEFAULTS);
        TunnelStream stream = rig.opens();
        rig.handler(stream).stopsConsuming();
        rig.peer.takeReceived();

        rig.peer.sends(data(stream.id(), 16_384), data(stream.id(), 1));

        assertThat(rig.peer.takeReceived(Frame.Cancel.class))
                .singleElement()
                .satisfies(cancel -> assertThat(cancel.code()).isEqualTo(ErrorCode.FLOW_CONTROL_ERROR.value()));
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void endsATunnelWhosePeerIgnoresItsCredit() {
        Rig rig = Rig.open(Settings.builder().tunnelWindowBytes(65_536).build(), Settings.DEFAULTS);
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();

        // In one burst there is no turn in which credit could come back.
        rig.peer.sends(data(stream.id(), 30_000), data(stream.id(), 30_000), data(stream.id(), 5_537));

        assertThat(rig.ended)
                .singleElement()
                .satisfies(outcome ->
                        assertThat(outcome.is(ErrorCode.FLOW_CONTROL_ERROR)).isTrue());
        assertThat(rig.peer.takeReceived(Frame.GoAway.class))
                .singleElement()
                .satisfies(goAway -> assertThat(goAway.code()).isEqualTo(ErrorCode.FLOW_CONTROL_ERROR.value()));
    }

    @Test
    void letsCancelOvertakeQueuedDataWhichIsDropped() {
        Rig rig = Rig.open(
                Settings.DEFAULTS, Settings.builder().streamWindowBytes(16_384).build());
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();

        stream.write(bytes(50_000));
        stream.cancel(ErrorCode.CANCELLED, "the client has gone");
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived())
                .containsExactly(new Frame.Cancel(stream.id(), ErrorCode.CANCELLED.value(), "the client has gone"));
        assertThat(rig.handler(stream).outcome()).isEqualTo(Outcome.local(ErrorCode.CANCELLED, "the client has gone"));
    }

    @Test
    void sendsNothingForAStreamCancelledBeforeItsOpenWentOut() {
        Rig rig = Rig.open();

        RecordingHandler handler = new RecordingHandler();
        TunnelStream stream = rig.tunnel().open(Rig.request(), false, handler);
        stream.cancel(ErrorCode.CANCELLED, "");
        rig.loop.runUntilIdle();
        TunnelStream next = rig.opens();

        assertThat(rig.peer.takeReceived()).extracting(Frame::streamId).containsExactly(next.id());
        assertThat(handler.outcome()).isNotNull();
    }

    @Test
    void keepsCloseBehindData() {
        Rig rig = Rig.open(
                Settings.DEFAULTS, Settings.builder().streamWindowBytes(16_384).build());
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();

        stream.write(bytes(20_000));
        stream.close(ErrorCode.UPSTREAM_RESET, "gone");
        rig.loop.runUntilIdle();
        assertThat(rig.peer.takeReceived()).containsExactly(data(stream.id(), 16_384));
        assertThat(rig.handler(stream).outcome()).isNull();

        rig.peer.sends(new Frame.Window(stream.id(), 16_384));
        assertThat(rig.peer.takeReceived())
                .containsExactly(
                        data(stream.id(), 3_616),
                        new Frame.Close(stream.id(), ErrorCode.UPSTREAM_RESET.value(), "gone"));
        assertThat(rig.handler(stream).outcome()).isEqualTo(Outcome.local(ErrorCode.UPSTREAM_RESET, "gone"));
    }

    @Test
    void handsOnWhatCameBeforeAClose() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();

        rig.peer.sends(data(stream.id(), 7), new Frame.Close(stream.id(), ErrorCode.UPSTREAM_RESET.value(), "gone"));

        RecordingHandler handler = rig.handler(stream);
        assertThat(handler.bytes()).hasSize(7);
        assertThat(handler.isEnded()).isFalse();
        assertThat(handler.outcome()).isEqualTo(Outcome.remote(ErrorCode.UPSTREAM_RESET.value(), "gone"));
    }

    @Test
    void dropsAndCreditsDataForAStreamThatHasEnded() {
        Rig rig = Rig.open(Settings.builder().tunnelWindowBytes(65_536).build(), Settings.DEFAULTS);
        TunnelStream stream = rig.opens();
        stream.cancel(ErrorCode.CANCELLED, "");
        rig.loop.runUntilIdle();
        rig.peer.takeReceived();

        rig.peer.sends(data(stream.id(), 32_768), new Frame.Window(stream.id(), 5), lastData(stream.id(), 0));

        assertThat(rig.peer.takeReceived()).containsExactly(new Frame.Window(0, 32_768));
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void takesStreamsThatThePeerOpens() {
        Rig rig = Rig.open();

        rig.peer.opens(AGENT_STREAM, Rig.request(), 0).sends(data(AGENT_STREAM, 3));
        rig.accepted.get(AGENT_STREAM).send(new Message.ProxyResponse("r1", 200, Headers.EMPTY), true);
        rig.peer.sends(lastData(AGENT_STREAM, 0));

        assertThat(rig.handlers.get(AGENT_STREAM).bytes()).hasSize(3);
        assertThat(rig.handlers.get(AGENT_STREAM).outcome()).isEqualTo(new Outcome(0, "", false, false));
        assertThat(rig.peer.takeReceived(Frame.Message.class)).hasSize(1);
    }

    @Test
    void refusesAStreamThatNobodyHandles() {
        Rig rig = Rig.open();
        rig.acceptsStreams = false;

        rig.peer.opens(AGENT_STREAM, Rig.request(), 0);

        assertThat(rig.peer.takeReceived(Frame.Cancel.class))
                .singleElement()
                .satisfies(cancel -> assertThat(cancel.code()).isEqualTo(ErrorCode.REFUSED.value()));
        assertThat(rig.tunnel().openStreams()).isZero();
    }

    @Test
    void refusesStreamsBeyondItsLimitAndTakesMoreOnceOneHasEnded() {
        Rig rig = Rig.open(Settings.builder().maxStreams(1).build(), Settings.DEFAULTS);

        rig.peer.opens(1, Rig.request(), 0).opens(3, Rig.request(), 0);
        assertThat(rig.peer.takeReceived(Frame.Cancel.class))
                .extracting(Frame.Cancel::streamId)
                .containsExactly(3);

        rig.peer.sends(new Frame.Cancel(1, 0, "")).opens(5, Rig.request(), 0);
        assertThat(rig.accepted).containsOnlyKeys(1, 5);
    }

    @Test
    void refusesLocallyWhatThePeerWouldRefuse() {
        Rig rig = Rig.open(Settings.DEFAULTS, Settings.builder().maxStreams(1).build());
        rig.opens();
        rig.peer.takeReceived();

        RecordingHandler handler = new RecordingHandler();
        rig.tunnel().open(Rig.request(), true, handler);
        rig.loop.runUntilIdle();

        assertThat(handler.outcome()).satisfies(outcome -> {
            assertThat(outcome.is(ErrorCode.REFUSED)).isTrue();
            assertThat(outcome.isRetryable()).isTrue();
        });
        assertThat(rig.peer.takeReceived()).isEmpty();
    }

    @Test
    void endsAllStreamsOnceWhenTheTransportIsLost() {
        Rig rig = Rig.open();
        TunnelStream first = rig.opens();
        TunnelStream second = rig.opens();

        rig.pipe.right().lose(new IOException("cut"));
        rig.loop.runUntilIdle();
        first.write(bytes(10));
        first.end();

        assertThat(List.of(rig.handler(first), rig.handler(second)))
                .allSatisfy(handler -> assertThat(handler.outcome().is(ErrorCode.TRANSPORT_LOST))
                        .isTrue());
        assertThat(rig.ended).hasSize(1);
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    @Test
    void answersThePingThatCameLastBeforeAnyData() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();

        stream.write(bytes(40_000));
        rig.pipe.right().write(new Frame.Ping(1, false));
        rig.pipe.right().write(new Frame.Ping(2, false));
        rig.pipe.right().flush();
        rig.loop.runUntilIdle();

        List<Frame> received = rig.peer.takeReceived();
        assertThat(received).filteredOn(Frame.Ping.class::isInstance).containsExactly(new Frame.Ping(2, true));
    }

    @Test
    void asksAPeerThatIsSilentAndGivesItUpWhenItStaysSo() {
        Rig rig = Rig.open();

        rig.loop.advance(Duration.ofMillis(14_999));
        assertThat(rig.peer.takeReceived()).isEmpty();
        rig.loop.advance(Duration.ofMillis(1));
        assertThat(rig.peer.takeReceived(Frame.Ping.class)).hasSize(1);
        rig.loop.advance(Duration.ofMillis(9_999));
        assertThat(rig.ended).isEmpty();
        rig.loop.advance(Duration.ofMillis(1));

        assertThat(rig.ended)
                .singleElement()
                .satisfies(outcome -> assertThat(outcome.is(ErrorCode.TIMEOUT)).isTrue());
        assertThat(rig.peer.isClosed()).isTrue();
    }

    @Test
    void takesAnyFrameForASignOfLife() {
        Rig rig = Rig.open();

        for (int i = 0; i < 10; i++) {
            rig.loop.advance(Duration.ofSeconds(14));
            rig.peer.sends(new Frame.Window(0, 1));
        }

        assertThat(rig.peer.takeReceived(Frame.Ping.class)).isEmpty();
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void sendsALongMessageInPiecesAndPutsOneTogether() {
        Rig rig = Rig.open(
                Settings.DEFAULTS, Settings.builder().maxFrameBytes(1_024).build());
        Message.ProxyRequest request = Rig.request("r1", "/" + "x".repeat(5_000));

        rig.tunnel().open(request, true, new RecordingHandler());
        rig.loop.runUntilIdle();

        List<Frame.Open> pieces = rig.peer.takeReceived(Frame.Open.class);
        assertThat(pieces)
                .hasSizeGreaterThan(4)
                .allSatisfy(piece -> assertThat(piece.payload().length()).isLessThanOrEqualTo(1_024));
        assertThat(pieces.subList(0, pieces.size() - 1)).allSatisfy(piece -> {
            assertThat(piece.hasMore()).isTrue();
            assertThat(piece.isEnd()).isFalse();
        });
        assertThat(pieces.get(pieces.size() - 1).isEnd()).isTrue();

        // The peer sends the same pieces back under an id of its own.
        for (Frame.Open piece : pieces) {
            rig.peer.sends(new Frame.Open(1, piece.payload(), piece.flags()));
        }
        assertThat(rig.accepted).containsOnlyKeys(1);
    }

    @Test
    void costsAFailingHandlerItsStreamAndNotTheTunnel() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.tunnel().open(Rig.request(), true, new FailingHandler());
        rig.loop.runUntilIdle();
        rig.peer.takeReceived();

        rig.peer.sends(data(stream.id(), 1));

        assertThat(rig.peer.takeReceived(Frame.Cancel.class))
                .singleElement()
                .satisfies(cancel -> assertThat(cancel.code()).isEqualTo(ErrorCode.INTERNAL_ERROR.value()));
        assertThat(rig.ended).isEmpty();
    }

    private static final class FailingHandler implements StreamHandler {

        @Override
        public void onMessage(TunnelStream stream, Message message, boolean isEnd) {}

        @Override
        public void onData(TunnelStream stream, Frame.Data data) {
            data.payload().release();
            throw new IllegalStateException("on purpose");
        }

        @Override
        public void onWritable(TunnelStream stream) {}

        @Override
        public void onClosed(TunnelStream stream, Outcome outcome) {}
    }

    private static int sum(List<Frame.Data> frames) {
        return frames.stream().mapToInt(frame -> frame.payload().length()).sum();
    }

    private static int bytesOf(List<Frame.Data> frames, TunnelStream stream) {
        return sum(
                frames.stream().filter(frame -> frame.streamId() == stream.id()).toList());
    }
}
