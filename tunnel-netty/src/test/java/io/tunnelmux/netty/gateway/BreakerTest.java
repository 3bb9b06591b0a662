package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BreakerTest {

    private long now;
    private final List<Breaker.State> told = new ArrayList<>();
    private final Breaker breaker = new Breaker(5, Duration.ofSeconds(5), () -> now, told::add);

    @Test
    void itOpensAfterSoManyFailuresInARow() {
        fails(4);
        succeeds();
        fails(4);
        assertThat(breaker.state()).isEqualTo(Breaker.State.CLOSED);

        fails(1);

        assertThat(breaker.state()).isEqualTo(Breaker.State.OPEN);
        assertThat(breaker.enter()).isEqualTo(Breaker.BARRED);
        assertThat(breaker.waitNanos()).isEqualTo(seconds(5));
    }

    @Test
    void itOpensWhenHalfOfTheLastFailed() {
        for (int i = 0; i < Breaker.WINDOW / 2 - 1; i++) {
            succeeds();
            fails(1);
        }
        succeeds();
        assertThat(breaker.state()).isEqualTo(Breaker.State.CLOSED);

        fails(1);

        assertThat(breaker.state()).isEqualTo(Breaker.State.OPEN);
    }

    @Test
    void whatFailedLongAgoIsForgotten() {
        fails(4);
        for (int i = 0; i < Breaker.WINDOW; i++) {
            succeeds();
        }
        for (int i = 0; i < 4; i++) {
            fails(1);
            succeeds();
        }

        assertThat(breaker.state()).isEqualTo(Breaker.State.CLOSED);
    }

    @Test
    void theFirstThatSucceedsClosesIt() {
        fails(5);
        now += seconds(5);
        assertThat(breaker.waitNanos()).isZero();
        long probe = breaker.enter();
        assertThat(breaker.state()).isEqualTo(Breaker.State.HALF_OPEN);

        breaker.onSuccess(probe);

        assertThat(breaker.state()).isEqualTo(Breaker.State.CLOSED);
        assertThat(told).containsExactly(Breaker.State.OPEN, Breaker.State.CLOSED);
        fails(4);
        assertThat(breaker.state()).isEqualTo(Breaker.State.CLOSED);
    }

    @Test
    void aFewTryAtATime() {
        fails(5);
        now += seconds(5);
        long[] probes = new long[Breaker.PROBES];
        for (int i = 0; i < probes.length; i++) {
            probes[i] = breaker.enter();
            assertThat(probes[i]).isNotEqualTo(Breaker.BARRED);
        }
        assertThat(breaker.enter()).isEqualTo(Breaker.BARRED);

        breaker.onNothing(probes[0]);

        assertThat(breaker.enter()).isNotEqualTo(Breaker.BARRED);
        assertThat(breaker.enter()).isEqualTo(Breaker.BARRED);
    }

    @Test
    void itStaysOpenLongerEachTimeUpToAMinute() {
        fails(5);
        for (int seconds : new int[] {5, 10, 20, 40, 60, 60}) {
            assertThat(breaker.waitNanos()).isEqualTo(seconds(seconds));
            now += seconds(seconds) - 1;
            assertThat(breaker.enter()).isEqualTo(Breaker.BARRED);
            now += 1;
            breaker.onFailure(breaker.enter(), null);
        }

        now += seconds(60);
        breaker.onSuccess(breaker.enter());
        fails(5);
        assertThat(breaker.waitNanos()).isEqualTo(seconds(5));
    }

    @Test
    void aProbeThatFailsEndsTheOthersTurn() {
        fails(5);
        now += seconds(5);
        long first = breaker.enter();
        long second = breaker.enter();
        breaker.onFailure(first, null);

        breaker.onSuccess(second);

        assertThat(breaker.state()).isEqualTo(Breaker.State.OPEN);
    }

    @Test
    void whatBeganBeforeItOpenedNoLongerCounts() {
        long slow = breaker.enter();
        fails(5);
        now += seconds(5);
        breaker.enter();

        breaker.onFailure(slow, null);
        assertThat(breaker.state()).isEqualTo(Breaker.State.HALF_OPEN);
        breaker.onSuccess(slow);
        assertThat(breaker.state()).isEqualTo(Breaker.State.HALF_OPEN);
        for (int i = 1; i < Breaker.PROBES; i++) {
            assertThat(breaker.enter()).isNotEqualTo(Breaker.BARRED);
        }
        breaker.onNothing(slow);
        assertThat(breaker.enter()).isEqualTo(Breaker.BARRED);
    }

    @Test
    void whatFailsTogetherCountsOnce() {
        long[] together = new long[100];
        for (int i = 0; i < together.length; i++) {
            together[i] = breaker.enter();
        }
        for (long turn : together) {
            breaker.onFailure(turn, "a session");
        }
        assertThat(breaker.state()).isEqualTo(Breaker.State.CLOSED);

        for (int i = 0; i < 4; i++) {
            breaker.onFailure(breaker.enter(), "session " + i);
        }
        assertThat(breaker.state()).isEqualTo(Breaker.State.OPEN);
    }

    private void fails(int times) {
        for (int i = 0; i < times; i++) {
            breaker.onFailure(breaker.enter(), null);
        }
    }

    private void succeeds() {
        breaker.onSuccess(breaker.enter());
    }

    private static long seconds(int seconds) {
        return Duration.ofSeconds(seconds).toNanos();
    }
}
