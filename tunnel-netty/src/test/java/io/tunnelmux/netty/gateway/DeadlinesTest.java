package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.VirtualLoop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DeadlinesTest {

    private final VirtualLoop loop = new VirtualLoop();
    private final List<Deadlines.Kind> passed = new ArrayList<>();
    private final Deadlines deadlines = new Deadlines(loop, passed::add);

    @Test
    void eachPassesOnce() {
        deadlines.set(Deadlines.Kind.IDLE, seconds(5));
        deadlines.set(Deadlines.Kind.HEAD, seconds(2));
        loop.advance(Duration.ofSeconds(1));
        assertThat(passed).isEmpty();
        loop.advance(Duration.ofSeconds(2));
        assertThat(passed).containsExactly(Deadlines.Kind.HEAD);
        loop.advance(Duration.ofSeconds(20));
        assertThat(passed).containsExactly(Deadlines.Kind.HEAD, Deadlines.Kind.IDLE);
    }

    @Test
    void whatIsMovedLaterOrClearedDoesNotPass() {
        deadlines.set(Deadlines.Kind.BODY, seconds(2));
        deadlines.set(Deadlines.Kind.HEAD, seconds(2));
        loop.advance(Duration.ofSeconds(1));
        deadlines.set(Deadlines.Kind.BODY, seconds(2));
        deadlines.clear(Deadlines.Kind.HEAD);
        loop.advance(Duration.ofMillis(1_500));
        assertThat(passed).isEmpty();
        loop.advance(Duration.ofMillis(600));
        assertThat(passed).containsExactly(Deadlines.Kind.BODY);
    }

    @Test
    void anotherLoopBeginsAfresh() {
        VirtualLoop other = new VirtualLoop();
        deadlines.set(Deadlines.Kind.HEAD, seconds(2));
        deadlines.moveTo(other);
        loop.advance(Duration.ofSeconds(5));
        assertThat(passed).isEmpty();
        deadlines.set(Deadlines.Kind.RESPONSE, seconds(1));
        other.advance(Duration.ofSeconds(1));
        assertThat(passed).containsExactly(Deadlines.Kind.RESPONSE);
    }

    @Test
    void anyOrderOfCallsPassesWhatIsDue() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Deadlines.Kind[] kinds = Deadlines.Kind.values();
        long[] due = new long[kinds.length];
        long now = 0;
        for (int step = 0; step < 10_000; step++) {
            int kind = random.nextInt(kinds.length);
            int millis = 1 + random.nextInt(50);
            switch (random.nextInt(3)) {
                case 0 -> {
                    deadlines.set(kinds[kind], Duration.ofMillis(millis).toNanos());
                    due[kind] = now + millis;
                }
                case 1 -> {
                    deadlines.clear(kinds[kind]);
                    due[kind] = 0;
                }
                default -> {
                    passed.clear();
                    now += millis;
                    loop.advance(Duration.ofMillis(millis));
                    List<Deadlines.Kind> expected = new ArrayList<>();
                    for (int i = 0; i < due.length; i++) {
                        if (due[i] > 0 && due[i] <= now) {
                            expected.add(kinds[i]);
                            due[i] = 0;
                        }
                    }
                    assertThat(passed).as("seed %d, step %d", seed, step).containsExactlyInAnyOrderElementsOf(expected);
                }
            }
        }
    }

    @Test
    void aHundredThousandRequestsLeaveNoTimers() {
        int mostTimers = 0;
        for (int request = 0; request < 100_000; request++) {
            deadlines.set(Deadlines.Kind.HEAD, seconds(10));
            deadlines.clear(Deadlines.Kind.HEAD);
            deadlines.set(Deadlines.Kind.RESPONSE, seconds(130));
            deadlines.clear(Deadlines.Kind.RESPONSE);
            deadlines.set(Deadlines.Kind.IDLE, seconds(75));
            mostTimers = Math.max(mostTimers, loop.pendingTimers());
            loop.advance(Duration.ofMillis(1));
            deadlines.clear(Deadlines.Kind.IDLE);
        }
        deadlines.clearAll();

        assertThat(mostTimers).isEqualTo(1);
        assertThat(loop.pendingTimers()).isZero();
        assertThat(passed).isEmpty();
    }

    private static long seconds(int seconds) {
        return Duration.ofSeconds(seconds).toNanos();
    }
}
