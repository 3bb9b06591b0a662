package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BackoffTest {

    private static final int TRIES = 5_000;

    private final Backoff backoff =
            new Backoff(Backoff.DEFAULT_FIRST, Backoff.DEFAULT_CEILING, new SplittableRandom(1));

    @ParameterizedTest
    @CsvSource({"0, 500", "1, 1000", "2, 2000", "6, 32000", "7, 60000", "8, 60000", "31, 60000", "2147483647, 60000"})
    void waitsAnythingUpToTwiceAsMuchWithEachFailureAndNotBeyondItsCeiling(int failures, long mostMillis) {
        long[] waits = millis(failures);

        assertThat(LongStream.of(waits).min().orElseThrow()).isBetween(0L, mostMillis / 50);
        assertThat(LongStream.of(waits).max().orElseThrow()).isBetween(mostMillis - mostMillis / 50, mostMillis);
        assertThat(LongStream.of(waits).average().orElseThrow()).isBetween(mostMillis * 0.47, mostMillis * 0.53);
    }

    /** Their gateway was away for half a minute. */
    @Test
    void tenThousandAgentsDoNotComeBackAtOnce() {
        int agents = 10_000;
        int[] perSecond = new int[200];
        for (int i = 0; i < agents; i++) {
            long atMillis = 0;
            for (int failures = 0; atMillis < 30_000; failures++) {
                atMillis += backoff.delay(failures).toMillis();
            }
            perSecond[(int) (atMillis / 1_000)]++;
        }
        int last = perSecond.length - 1;
        while (perSecond[last] == 0) {
            last--;
        }

        assertThat(last).isBetween(60, 120);
        assertThat(IntStream.of(perSecond).max().orElseThrow()).isLessThan(5 * agents / (last - 29));
    }

    @Test
    void waitsAtLeastHalfOfTheCeilingWhenItGoesSlowly() {
        assertThat(IntStream.range(0, TRIES).mapToLong(i -> backoff.slowDelay().toMillis()))
                .allMatch(millis -> millis >= 30_000 && millis <= 60_000)
                .anyMatch(millis -> millis < 31_000)
                .anyMatch(millis -> millis > 59_000);
    }

    @Test
    void spreadsANamedTimeOverATenthMoreAndNeverLess() {
        assertThat(IntStream.range(0, TRIES)
                        .mapToLong(i -> backoff.spread(Duration.ofSeconds(10)).toMillis()))
                .allMatch(millis -> millis >= 10_000 && millis <= 11_000)
                .anyMatch(millis -> millis > 10_900);
        assertThat(backoff.spread(Duration.ZERO)).isZero();
        assertThat(backoff.spread(Duration.ofMillis(0xffff_ffffL)))
                .isGreaterThanOrEqualTo(Duration.ofMillis(0xffff_ffffL));
    }

    @Test
    void isAsExactAsItsBoundsAllow() {
        Backoff narrow = new Backoff(Duration.ofMillis(1), Duration.ofMillis(1), new SplittableRandom(1));

        assertThat(narrow.delay(0)).isBetween(Duration.ZERO, Duration.ofMillis(1));
        assertThat(narrow.delay(1_000)).isBetween(Duration.ZERO, Duration.ofMillis(1));
    }

    @Test
    void doesNotOverflowWithALongCeiling() {
        Backoff patient = new Backoff(Duration.ofDays(100), Duration.ofDays(100_000), new SplittableRandom(1));

        assertThat(IntStream.range(0, 100).mapToObj(patient::delay))
                .allMatch(delay -> !delay.isNegative() && delay.compareTo(Duration.ofDays(100_000)) <= 0);
    }

    @Test
    void wantsAFirstWaitThatIsOneAndACeilingThatIsNotBelow() {
        SplittableRandom random = new SplittableRandom(1);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Backoff(Duration.ZERO, Duration.ofSeconds(1), random));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Backoff(Duration.ofNanos(10), Duration.ofSeconds(1), random));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Backoff(Duration.ofSeconds(2), Duration.ofSeconds(1), random));
    }

    private long[] millis(int failures) {
        return IntStream.range(0, TRIES)
                .mapToLong(i -> backoff.delay(failures).toMillis())
                .toArray();
    }
}
