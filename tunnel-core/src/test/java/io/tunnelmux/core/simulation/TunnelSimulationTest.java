package io.tunnelmux.core.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Plays simulations, one per seed. {@code -Dtunnelmux.simulation.seeds=N} plays more of them or fewer, {@code -Dtunnelmux.simulation.first-seed=S}
 * others; the same seed is the same simulation. The profile {@code simulation} plays a million.
 */
class TunnelSimulationTest {

    private static final long DEFAULT_SEEDS = 20_000;

    @Test
    @Timeout(value = 3, unit = TimeUnit.HOURS)
    void holdsWhatItPromisesWhateverHappens() {
        Seeds seeds = Seeds.play(Long.getLong(Seeds.FIRST, 1), Long.getLong(Seeds.COUNT, DEFAULT_SEEDS));
        if (seeds.haveFailed()) {
            fail(seeds.told());
        }
    }

    @Test
    void comesToTheSameTwice() {
        for (long seed = 1; seed <= 20; seed++) {
            Simulation first = new Simulation(seed, true);
            Simulation second = new Simulation(seed, true);
            Seeds.failureOf(first);
            Seeds.failureOf(second);
            assertThat(second.traced()).isEqualTo(first.traced());
        }
    }
}
