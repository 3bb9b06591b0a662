package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.codec.MessageCodec;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.junit.jupiter.api.Test;

class TunnelDrainTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Rig rig = Rig.open();

    @Test
    void drainsUntilTheLastStreamHasEnded() {
        rig.peer.opens(1, Rig.request(), 0);
        rig.peer.takeReceived();

        rig.tunnel().drain("restart", Duration.ofSeconds(30));
        rig.loop.runUntilIdle();
        assertThat(rig.peer.takeReceived())
                .containsExactly(new Frame.GoAway(1, ErrorCode.SHUTTING_DOWN.value(), 0, "restart"));
        rig.peer.opens(3, Rig.request(), 0).sends(Rig.data(3, 10));
        assertThat(rig.accepted).containsOnlyKeys(1);
        assertThat(rig.ended).isEmpty();

        rig.accepted.get(1).end();
        rig.peer.sends(Rig.lastData(1, 0));
        assertThat(rig.ended).hasSize(1);
        assertThat(rig.peer.isClosed()).isTrue();
    }

    @Test
    void endsADrainWhosePatienceIsOver() {
        rig.peer.opens(1, Rig.request(), 0);

        rig.tunnel().drain("restart", Duration.ofSeconds(30));
        rig.loop.advance(Duration.ofSeconds(10));
        rig.peer.sends(Rig.data(1, 1));
        rig.loop.advance(Duration.ofSeconds(20));

        assertThat(rig.ended).hasSize(1);
        assertThat(rig.handlers.get(1).outcome()).isNotNull();
    }

    @Test
    void aDrainMayWaitForEver() {
        rig.peer.opens(1, Rig.request(), 0);

        rig.tunnel().drain("restart", ChronoUnit.FOREVER.getDuration());
        rig.loop.advance(Duration.ofSeconds(20));

        assertThat(rig.peer.takeReceived(Frame.GoAway.class)).hasSize(1);
        assertThat(rig.ended).isEmpty();
        rig.tunnel().drain("restart", Duration.ofSeconds(1));
        rig.loop.advance(Duration.ofSeconds(1));
        assertThat(rig.ended).hasSize(1);
    }

    @Test
    void endsWhatADrainingPeerDidNotTakeAsRetryable() {
        TunnelStream taken = rig.opens();
        TunnelStream notTaken = rig.opens();

        rig.peer.sends(new Frame.GoAway(taken.id(), ErrorCode.SHUTTING_DOWN.value(), 0, "restart"));

        assertThat(rig.handler(taken).outcome()).isNull();
        assertThat(rig.handler(notTaken).outcome())
                .isEqualTo(Outcome.remote(ErrorCode.REFUSED.value(), "the peer is draining: restart"));
        assertThat(rig.tunnel().takesStreams()).isFalse();
        assertThat(rig.drainingCalls).isEqualTo(1);
    }

    @Test
    void endsInAnOrderlyWayWhenADrainedPeerCloses() {
        rig.peer.sends(new Frame.GoAway(0, ErrorCode.SHUTTING_DOWN.value(), 0, "restart"));
        rig.peer.closes();

        assertThat(rig.ended).containsExactly(Outcome.remote(ErrorCode.SHUTTING_DOWN.value(), "drained"));
    }

    @Test
    void aStreamWhoseOpenIsNotWholeIsNotTaken() {
        Payload request = MessageCodec.of(MessageFormat.CBOR).encode(Rig.request());
        rig.peer.opens(1, Rig.request(), 0);
        rig.peer.sends(new Frame.Open(7, request.retainedSlice(0, 5), Frame.FLAG_MORE));

        rig.tunnel().drain("restart", PATIENCE);
        rig.loop.runUntilIdle();
        rig.peer.sends(new Frame.Open(7, request.retainedSlice(5, request.length() - 5), 0), Rig.data(7, 3));

        assertThat(rig.peer.takeReceived())
                .containsExactly(new Frame.GoAway(5, ErrorCode.SHUTTING_DOWN.value(), 0, "restart"));
        assertThat(rig.accepted).containsOnlyKeys(1);
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void theFirstStreamOfAllMayNotBeWholeEither() {
        rig.peer.sends(new Frame.Open(1, Rig.bytes(5), Frame.FLAG_MORE));

        rig.tunnel().drain("restart", PATIENCE);
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived(Frame.GoAway.class))
                .extracting(Frame.GoAway::lastStreamId)
                .containsExactly(0);
        assertThat(rig.ended).hasSize(1);
    }

    @Test
    void theGoawayThatEndsADrainNamesNoHigherId() {
        rig.peer.opens(1, Rig.request(), 0);
        rig.tunnel().drain("restart", PATIENCE);
        rig.loop.runUntilIdle();
        rig.peer.opens(3, Rig.request(), 0);

        rig.loop.advance(Duration.ofSeconds(12));
        rig.peer.sends(new Frame.Window(0, 1));
        rig.loop.advance(PATIENCE);

        assertThat(rig.peer.takeReceived(Frame.GoAway.class))
                .extracting(Frame.GoAway::lastStreamId)
                .containsExactly(1, 1);
    }

    @Test
    void aSecondDrainCanOnlyShortenThePatience() {
        rig.peer.opens(1, Rig.request(), 0);
        rig.tunnel().drain("restart", PATIENCE);
        rig.tunnel().drain("and again", Duration.ofHours(1));
        rig.tunnel().drain("now", Duration.ofSeconds(5));
        rig.loop.advance(Duration.ofMillis(4_999));
        assertThat(rig.ended).isEmpty();

        rig.loop.advance(Duration.ofMillis(1));

        assertThat(rig.ended).hasSize(1);
        assertThat(rig.peer.takeReceived(Frame.GoAway.class)).hasSize(2);
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    @Test
    void theTransportIsClosedWhenTheLastControlFrameIsOut() {
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();
        while (rig.pipe.left().isWritable()) {
            rig.pipe.left().write(new Frame.Ping(0, true));
        }

        rig.tunnel().drain("restart", PATIENCE);
        rig.loop.runOne();
        stream.cancel(ErrorCode.CANCELLED, "enough");
        rig.loop.runOne();
        assertThat(rig.ended).isEmpty();
        rig.pipe.left().flush();
        rig.loop.runUntilIdle();

        assertThat(rig.ended).hasSize(1);
        assertThat(rig.peer.takeReceived().stream().filter(frame -> !(frame instanceof Frame.Ping)))
                .containsExactly(
                        new Frame.GoAway(0, ErrorCode.SHUTTING_DOWN.value(), 0, "restart"),
                        new Frame.Cancel(stream.id(), ErrorCode.CANCELLED.value(), "enough"));
        assertThat(rig.peer.isClosed()).isTrue();
    }

    @Test
    void newStreamsAreRefusedAndMayBeSentElsewhere() {
        TunnelStream standing = rig.opens();
        rig.tunnel().drain("restart", PATIENCE);
        rig.loop.runUntilIdle();
        RecordingHandler handler = new RecordingHandler();

        TunnelStream refused = rig.tunnel().open(Rig.request(), false, handler);
        refused.write(Rig.bytes(10));
        assertThat(handler.outcome()).isNull();
        rig.loop.runUntilIdle();

        assertThat(handler.outcome().is(ErrorCode.REFUSED)).isTrue();
        assertThat(handler.outcome().isRetryable()).isTrue();
        assertThat(rig.handler(standing).outcome()).isNull();
    }

    @Test
    void aPeerThatTakesMoreStreamsThanItSaidBeforeBreaksARule() {
        rig.opens();
        rig.opens();

        rig.peer.sends(new Frame.GoAway(4, 0, 0, ""), new Frame.GoAway(2, 0, 0, ""), new Frame.GoAway(2, 0, 0, ""));
        assertThat(rig.ended).isEmpty();
        assertThat(rig.drainingCalls).isEqualTo(1);
        rig.peer.sends(new Frame.GoAway(4, 0, 0, ""));

        assertThat(rig.ended)
                .singleElement()
                .satisfies(outcome ->
                        assertThat(outcome.is(ErrorCode.PROTOCOL_ERROR)).isTrue());
    }

    @Test
    void whatAPeerThatGivesUpHasNotTakenMayBeSentElsewhere() {
        TunnelStream taken = rig.opens();
        TunnelStream notTaken = rig.opens();
        TunnelStream unsent = rig.tunnel().open(Rig.request(), false, new RecordingHandler());

        rig.tunnel().onGoAway(new Frame.GoAway(taken.id(), ErrorCode.INTERNAL_ERROR.value(), 0, "oops"));

        List<Outcome> outcomes =
                List.of(rig.handler(taken).outcome(), rig.handler(notTaken).outcome());
        assertThat(outcomes).allMatch(outcome -> outcome.is(ErrorCode.TRANSPORT_LOST));
        assertThat(outcomes).extracting(Outcome::isRetryable).containsExactly(false, true);
        assertThat(unsent.isFinished()).isTrue();
    }
}
