package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class AbuseGuardTest {

    private static final Frame.Data NOTHING = new Frame.Data(1, Payload.EMPTY, 0);
    private static final Frame.Data SOMETHING = new Frame.Data(1, Payload.of(new byte[1]), 0);
    private static final Frame.Data NOTHING_AND_MORE = new Frame.Data(1, Payload.EMPTY, Frame.FLAG_MORE);
    private static final Frame.Data END = new Frame.Data(1, Payload.EMPTY, Frame.FLAG_END);
    private static final Frame.Ack ACK = new Frame.Ack(5);

    private final VirtualLoop loop = new VirtualLoop();
    private final AbuseGuard guard = new AbuseGuard(loop, AbuseLimits.DEFAULTS);
    private final ReceiveHalf stream = new ReceiveHalf();

    @Test
    void letsPingsComeInABurstAndThenAtTheirRate() {
        assertThat(pings(25)).isEqualTo(20);
        loop.advance(Duration.ofMillis(499));
        assertThat(pings(1)).isZero();
        loop.advance(Duration.ofMillis(1));
        assertThat(pings(2)).isEqualTo(1);
        loop.advance(Duration.ofSeconds(3));
        assertThat(pings(10)).isEqualTo(6);
    }

    @Test
    void aLongRestFillsTheBurstAndNoMore() {
        loop.advance(Duration.ofHours(5));
        assertThat(pings(100)).isEqualTo(20);
        loop.advance(Duration.ofHours(5));
        assertThat(pings(100)).isEqualTo(20);
    }

    @Test
    void aPingASecondNeverIsTooMuch() {
        for (int second = 0; second < 1_000; second++) {
            loop.advance(Duration.ofSeconds(1));
            assertThat(pings(1)).isEqualTo(1);
        }
    }

    @Test
    void needlessFramesHaveABudgetOfTheirOwn() {
        assertThat(pings(21)).isEqualTo(20);
        assertThat(needless(1_500)).isEqualTo(1_000);
        loop.advance(Duration.ofSeconds(1));
        assertThat(needless(100)).isEqualTo(33);
    }

    @Test
    void emptyDataCountsOnlyInARow() {
        for (int row = 0; row < 100; row++) {
            for (int i = 0; i < 15; i++) {
                assertThat(guard.onData(stream, NOTHING)).isNull();
            }
            assertThat(guard.onData(stream, SOMETHING)).isNull();
        }
        for (int i = 0; i < 15; i++) {
            assertThat(guard.onData(stream, NOTHING)).isNull();
        }
        assertThat(guard.onData(stream, NOTHING)).satisfies(AbuseGuardTest::saysCalmDown);
    }

    @Test
    void anEmptyEndIsOfUse() {
        for (int i = 0; i < 15; i++) {
            assertThat(guard.onData(stream, NOTHING)).isNull();
        }
        assertThat(guard.onData(stream, END)).isNull();
    }

    @Test
    void whereUnitsAreKeptAnEmptyOneIsAUnit() {
        stream.begin(65_536, new Message.ProxyWebSocketStart("r1", "/", null, null, null, Headers.EMPTY, null));
        for (int i = 0; i < 1_000; i++) {
            assertThat(guard.onData(stream, NOTHING)).isNull();
        }
        for (int i = 0; i < 15; i++) {
            assertThat(guard.onData(stream, NOTHING_AND_MORE)).isNull();
        }
        assertThat(guard.onData(stream, NOTHING_AND_MORE)).satisfies(AbuseGuardTest::saysCalmDown);
    }

    @Test
    void aTunnelThatIsFloodedEndsAndFreesWhatCame() {
        Rig rig = Rig.open();
        rig.peer.opens(1, Rig.request(), 0);
        rig.loop.runUntilIdle();

        for (int i = 0; i < 16; i++) {
            rig.peer.sends(new Frame.Data(1, Payload.EMPTY, 0));
        }
        rig.loop.runUntilIdle();

        assertThat(rig.ended).singleElement().satisfies(outcome -> {
            assertThat(outcome.is(ErrorCode.CALM_DOWN)).isTrue();
            assertThat(outcome.isLocal()).isTrue();
        });
        assertThat(rig.peer.takeReceived(Frame.GoAway.class))
                .singleElement()
                .satisfies(goAway -> assertThat(goAway.code()).isEqualTo(ErrorCode.CALM_DOWN.value()));
    }

    @Test
    void furtherGoodbyesAreNeedless() {
        Rig rig = Rig.open();
        rig.opens();

        for (int id = 1_200; id > 0; id--) {
            rig.peer.sends(new Frame.GoAway(id, ErrorCode.NO_ERROR.value(), 0, ""));
        }

        assertThat(rig.ended)
                .singleElement()
                .satisfies(
                        outcome -> assertThat(outcome.is(ErrorCode.CALM_DOWN)).isTrue());
    }

    @Test
    void framesForStreamsThatEndedNeverCount() {
        Rig rig = Rig.open();
        rig.peer.opens(1, Rig.request(), 0);
        rig.loop.runUntilIdle();
        rig.accepted.get(1).cancel(ErrorCode.CANCELLED, "");
        rig.loop.runUntilIdle();

        for (int i = 0; i < 3_000; i++) {
            rig.peer.sends(new Frame.Data(1, Payload.EMPTY, 0), new Frame.Extension(0x55, 1, 0));
        }
        rig.loop.runUntilIdle();

        assertThat(rig.ended).isEmpty();
    }

    @Test
    void theLimitsAreTheConfigurations() {
        AbuseLimits strict = new AbuseLimits(1, 1, 1, 1, 1);
        AbuseGuard strictGuard = new AbuseGuard(loop, strict);

        assertThat(TunnelConfig.builder().abuseLimits(strict).build().abuseLimits())
                .isSameAs(strict);
        assertThat(strictGuard.onPing()).isNull();
        assertThat(strictGuard.onPing()).satisfies(AbuseGuardTest::saysCalmDown);
        assertThat(strictGuard.onNeedless(ACK)).isNull();
        assertThat(strictGuard.onNeedless(ACK)).satisfies(AbuseGuardTest::saysCalmDown);
        assertThat(strictGuard.onData(stream, NOTHING)).isNull();
        assertThat(strictGuard.onData(stream, NOTHING)).satisfies(AbuseGuardTest::saysCalmDown);
    }

    @Test
    void noLimitIsUnlimited() {
        assertThatThrownBy(() -> new AbuseLimits(0, 1, 1, 1, 1)).hasMessageContaining("pingBurst: 0");
        assertThatThrownBy(() -> new AbuseLimits(1, 1, 1, 1, AbuseLimits.MAX + 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("needlessPerSecond: 1000001");
        new AbuseLimits(AbuseLimits.MAX, AbuseLimits.MAX, AbuseLimits.MAX, AbuseLimits.MAX, AbuseLimits.MAX);
    }

    private static void saysCalmDown(ProtocolException breach) {
        assertThat(breach.code()).isEqualTo(ErrorCode.CALM_DOWN);
        assertThat(breach.streamId()).isZero();
    }

    /** How many of so many pings are let through. */
    private int pings(int count) {
        int allowed = 0;
        for (int i = 0; i < count; i++) {
            allowed += guard.onPing() == null ? 1 : 0;
        }
        return allowed;
    }

    private int needless(int count) {
        int allowed = 0;
        for (int i = 0; i < count; i++) {
            allowed += guard.onNeedless(ACK) == null ? 1 : 0;
        }
        return allowed;
    }
}
