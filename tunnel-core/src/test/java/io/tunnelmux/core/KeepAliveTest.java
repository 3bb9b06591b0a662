package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.Settings;
import java.time.Duration;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class KeepAliveTest {

    private static final Duration SILENCE = Duration.ofSeconds(15);
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final VirtualLoop loop = new VirtualLoop();
    private int pings;
    private int deaths;
    private final KeepAlive keepAlive = new KeepAlive(loop, Settings.DEFAULTS, () -> pings++, () -> deaths++);

    @Test
    void asksAfterSilenceAndGivesUpAfterPatience() {
        keepAlive.start();

        loop.advance(SILENCE.minusNanos(1));
        assertThat(pings).isZero();
        loop.advance(Duration.ofNanos(1));
        assertThat(pings).isEqualTo(1);
        loop.advance(PATIENCE.minusNanos(1));
        assertThat(deaths).isZero();
        loop.advance(Duration.ofNanos(1));

        assertThat(deaths).isEqualTo(1);
        assertThat(pings).isEqualTo(1);
        assertThat(loop.pendingTimers()).isZero();
    }

    @Test
    void asksAnewAfterEachSilence() {
        keepAlive.start();

        for (int i = 1; i <= 5; i++) {
            loop.advance(SILENCE);
            assertThat(pings).isEqualTo(i);
            keepAlive.onBytesReceived();
        }

        assertThat(deaths).isZero();
    }

    @Test
    void takesBytesThatComeAtTheLastMomentForASignOfLife() {
        keepAlive.start();
        loop.advance(SILENCE.plus(PATIENCE).minusNanos(1));

        keepAlive.onBytesReceived();
        loop.advance(Duration.ofNanos(1));

        assertThat(deaths).isZero();
    }

    @Test
    void readsFirstWhatCameWhileTheProcessStoodStill() {
        keepAlive.start();
        loop.advance(SILENCE);
        // Time has passed, and only now does the loop run again: the timer first, and then what lies in the socket.
        loop.schedule(() -> loop.execute(keepAlive::onBytesReceived), PATIENCE.toNanos());

        loop.advance(PATIENCE);

        assertThat(deaths).isZero();
    }

    @Test
    void isNeverLateAndNeverEarlyWhateverComes() {
        for (long seed = 0; seed < 100; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            VirtualLoop ownLoop = new VirtualLoop();
            long[] lastByteNanos = {0};
            long[] diedNanos = {-1};
            KeepAlive own =
                    new KeepAlive(ownLoop, Settings.DEFAULTS, () -> {}, () -> diedNanos[0] = ownLoop.nanoTime());
            own.start();
            for (int i = 0; i < 50 && diedNanos[0] < 0; i++) {
                ownLoop.advance(Duration.ofMillis(random.nextInt(28_000)));
                if (diedNanos[0] < 0) {
                    own.onBytesReceived();
                    lastByteNanos[0] = ownLoop.nanoTime();
                }
            }
            ownLoop.advance(Duration.ofMinutes(1));
            long silentNanos = diedNanos[0] - lastByteNanos[0];
            assertThat(silentNanos)
                    .as("seed %d", seed)
                    .isEqualTo(SILENCE.plus(PATIENCE).toNanos());
        }
    }

    @Test
    void leavesNothingBehindWhenItIsStoppedEvenByItsOwnPing() {
        KeepAlive[] self = new KeepAlive[1];
        self[0] = new KeepAlive(loop, Settings.DEFAULTS, () -> self[0].stop(), () -> deaths++);
        self[0].start();
        keepAlive.start();
        keepAlive.stop();

        loop.advance(SILENCE);

        assertThat(loop.pendingTimers()).isZero();
        loop.advance(Duration.ofHours(1));
        assertThat(pings + deaths).isZero();
    }
}
