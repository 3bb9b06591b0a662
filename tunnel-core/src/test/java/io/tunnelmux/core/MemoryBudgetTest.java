package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Settings;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {

    private static final int KIB = 1024;
    private static final Settings SMALL =
            Settings.builder().streamWindowBytes(100 * KIB).build();

    private static Rig rig(MemoryBudget budget) {
        return Rig.open(
                TunnelConfig.builder()
                        .settings(SMALL)
                        .maxStreamWindowBytes(SMALL.streamWindowBytes())
                        .maxTunnelWindowBytes(SMALL.tunnelWindowBytes())
                        .memoryBudget(budget)
                        .build(),
                SMALL);
    }

    private static void arrive(Rig rig, int streamId, int kib) {
        for (int i = 0; i < kib; i++) {
            rig.peer.sends(Rig.data(streamId, KIB));
        }
    }

    /** A stream of the peer's whose consumer takes nothing. */
    private static RecordingHandler stalled(Rig rig, int streamId) {
        rig.peer.opens(streamId, Rig.request(), 0);
        return rig.handlers.get(streamId).stopsConsuming();
    }

    @Test
    void aQuarterOfTheHeapIsTheDefault() {
        assertThat(TunnelConfig.DEFAULTS.memoryBudget()).isSameAs(MemoryBudget.ofJvm());
        assertThat(MemoryBudget.ofJvm().limitBytes())
                .isEqualTo(Runtime.getRuntime().maxMemory() / 4);
        assertThatIllegalArgumentException().isThrownBy(() -> MemoryBudget.ofBytes(0));
    }

    @Test
    void whatIsReceivedAndNotConsumedIsHeld() {
        MemoryBudget budget = MemoryBudget.ofBytes(10_000_000);
        Rig rig = rig(budget);
        RecordingHandler handler = stalled(rig, 1);

        arrive(rig, 1, 90);

        assertThat(rig.tunnel().heldBytes()).isEqualTo(90 * KIB);
        assertThat(budget.usedBytes()).isBetween(90L * KIB - TunnelMemory.REPORT_BYTES, 90L * KIB);
        assertThat(budget.usedBytes()).isPositive();
        rig.accepted.get(1).consumed(KIB);
        assertThat(rig.tunnel().heldBytes()).isEqualTo(89 * KIB);
        assertThat(handler.unconsumed()).isEqualTo(90 * KIB);
        rig.accepted.get(1).consumed(89 * KIB);
        assertThat(rig.tunnel().heldBytes()).isZero();
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void whatIsQueuedAndNotSentIsHeld() {
        MemoryBudget budget = MemoryBudget.ofBytes(10_000_000);
        Rig rig = rig(budget);
        TunnelStream stream = rig.opens();

        stream.write(Rig.bytes(300 * KIB));
        rig.loop.runUntilIdle();

        assertThat(rig.tunnel().heldBytes()).isEqualTo(200 * KIB);
        rig.peer.sends(new Frame.Window(stream.id(), 150 * KIB));
        assertThat(rig.tunnel().heldBytes()).isEqualTo(50 * KIB);
        rig.peer.sends(new Frame.Window(stream.id(), 50 * KIB));
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void aStreamThatEndsHoldsNothingAnyMore() {
        MemoryBudget budget = MemoryBudget.ofBytes(10_000_000);
        Rig rig = rig(budget);
        stalled(rig, 1);
        arrive(rig, 1, 90);
        rig.accepted.get(1).write(Rig.bytes(400 * KIB));
        rig.loop.runUntilIdle();
        assertThat(rig.tunnel().heldBytes()).isEqualTo(390 * KIB);

        rig.peer.sends(new Frame.Cancel(1, ErrorCode.CANCELLED.value(), ""));
        rig.accepted.get(1).consumed(KIB);

        assertThat(rig.tunnel().heldBytes()).isZero();
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void aTunnelThatEndsHoldsNothingAnyMore() {
        MemoryBudget budget = MemoryBudget.ofBytes(10_000_000);
        Rig rig = rig(budget);
        stalled(rig, 1);
        stalled(rig, 3);
        arrive(rig, 1, 90);
        arrive(rig, 3, 90);

        rig.tunnel().close(ErrorCode.SHUTTING_DOWN, "");
        rig.loop.runUntilIdle();

        assertThat(rig.tunnel().heldBytes()).isZero();
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void overTheLimitTheLongestStalledStreamsEndAndNoMoreThanMust() {
        Rig rig = rig(MemoryBudget.ofBytes(200 * KIB));
        for (int id = 1; id <= 5; id += 2) {
            stalled(rig, id);
            arrive(rig, id, 64);
            rig.loop.advance(Duration.ofSeconds(1));
        }
        // The first holds as much as before, and has moved.
        arrive(rig, 1, 32);
        rig.accepted.get(1).consumed(32 * KIB);
        rig.loop.advance(Duration.ofSeconds(1));
        rig.peer.takeReceived();
        stalled(rig, 7);

        arrive(rig, 7, 64);

        assertThat(rig.peer.takeReceived(Frame.Cancel.class)).singleElement().satisfies(cancel -> {
            assertThat(cancel.streamId()).isEqualTo(3);
            assertThat(cancel.code()).isEqualTo(ErrorCode.OVERLOADED.value());
        });
        assertThat(rig.tunnel().heldBytes()).isEqualTo(192 * KIB);
    }

    @Test
    void aConsumerThatTakesAByteNowAndThenIsAsGoodAsStalled() {
        Rig rig = rig(MemoryBudget.ofBytes(100 * KIB));
        stalled(rig, 1);
        arrive(rig, 1, 90);
        rig.loop.advance(Duration.ofSeconds(1));
        stalled(rig, 3);
        arrive(rig, 3, 10);
        for (int i = 0; i < 10; i++) {
            rig.loop.advance(Duration.ofSeconds(1));
            rig.accepted.get(1).consumed(1);
        }
        rig.peer.takeReceived();

        arrive(rig, 3, 60);

        assertThat(rig.peer.takeReceived(Frame.Cancel.class))
                .singleElement()
                .satisfies(cancel -> assertThat(cancel.streamId()).isEqualTo(1));
    }

    @Test
    void whatHasJustMovedIsNotEnded() {
        Rig rig = rig(MemoryBudget.ofBytes(100 * KIB));
        stalled(rig, 1);
        stalled(rig, 3);

        arrive(rig, 1, 90);
        arrive(rig, 3, 90);

        assertThat(rig.peer.takeReceived(Frame.Cancel.class)).isEmpty();
        assertThat(rig.tunnel().heldBytes()).isEqualTo(180 * KIB);
    }

    @Test
    void whatStallsLaterIsEndedThenThoughNothingMoreComes() {
        MemoryBudget budget = MemoryBudget.ofBytes(100 * KIB);
        Rig rig = rig(budget);
        for (int id = 1; id <= 7; id += 2) {
            stalled(rig, id);
            arrive(rig, id, 90);
        }
        assertThat(rig.peer.takeReceived(Frame.Cancel.class)).isEmpty();

        rig.loop.advance(Duration.ofMillis(200));

        assertThat(rig.peer.takeReceived(Frame.Cancel.class)).hasSize(3);
        assertThat(rig.tunnel().heldBytes()).isEqualTo(90 * KIB);
        assertThat(budget.endedStreams()).isEqualTo(3);
        rig.loop.advance(Duration.ofSeconds(10));
        assertThat(rig.tunnel().openStreams()).isEqualTo(1);
    }

    @Test
    void theLongestStalledEndsWhicheverTunnelItIsOn() {
        MemoryBudget budget = MemoryBudget.ofBytes(300 * KIB);
        Rig old = rig(budget);
        Rig young = rig(budget);
        stalled(old, 1);
        arrive(old, 1, 80);
        stalled(young, 1);
        old.loop.advance(Duration.ofSeconds(1));
        young.loop.advance(Duration.ofSeconds(1));
        arrive(young, 1, 80);
        old.loop.advance(Duration.ofSeconds(1));
        young.loop.advance(Duration.ofSeconds(1));
        stalled(young, 3);
        arrive(young, 3, 80);
        stalled(young, 5);

        arrive(young, 5, 99);
        old.loop.runUntilIdle();

        assertThat(old.handlers.get(1).outcome()).isNotNull().satisfies(outcome -> {
            assertThat(outcome.is(ErrorCode.OVERLOADED)).isTrue();
            assertThat(outcome.isLocal()).isTrue();
        });
        assertThat(young.tunnel().openStreams()).isEqualTo(3);
    }

    @Test
    void bytesBeyondTheEndOfAStreamCountForWhoSaysSo() {
        MemoryBudget budget = MemoryBudget.ofBytes(1_000);

        budget.addHeld(600);
        budget.addHeld(-200);

        assertThat(budget.usedBytes()).isEqualTo(400);
        assertThat(budget.promise(80)).isEqualTo(80);
        assertThat(budget.promise(80)).isEqualTo(20);
        assertThat(budget.promise(80)).isZero();
        assertThat(budget.promisedBytes()).isEqualTo(100);
    }
}
