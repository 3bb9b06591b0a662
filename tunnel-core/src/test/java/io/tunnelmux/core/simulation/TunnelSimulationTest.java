package io.tunnelmux.core.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Plays simulations, one per seed. {@code -Dtunnelmux.simulation.seeds=N} plays more of them or fewer, {@code -Dtunnelmux.simulation.first-seed=S}
 * others; the same seed is the same simulation.
 */
class TunnelSimulationTest {

    private static final String SEEDS = "tunnelmux.simulation.seeds";
    private static final String FIRST_SEED = "tunnelmux.simulation.first-seed";
    private static final int DEFAULT_SEEDS = 2_000;
    private static final int MOST_TOLD = 5;

    @Test
    void holdsWhatItPromisesWhateverHappens() {
        long first = Long.getLong(FIRST_SEED, 1);
        int count = Integer.getInteger(SEEDS, DEFAULT_SEEDS);
        List<Long> failed = new ArrayList<>();
        String told = "";
        for (long seed = first; seed < first + count; seed++) {
            Throwable failure = failureOf(new Simulation(seed, false));
            if (failure != null) {
                failed.add(seed);
                told = failed.size() == 1 ? tellOf(seed) : told;
            }
        }
        if (!failed.isEmpty()) {
            fail(failed.size() + " of " + count + " seeds fail, the first are "
                    + failed.subList(0, Math.min(MOST_TOLD, failed.size())) + "\n" + told);
        }
    }

    @Test
    void comesToTheSameTwice() {
        for (long seed = 1; seed <= 20; seed++) {
            Simulation first = new Simulation(seed, true);
            Simulation second = new Simulation(seed, true);
            failureOf(first);
            failureOf(second);
            assertThat(second.traced()).isEqualTo(first.traced());
        }
    }

    @SuppressWarnings("CatchingUnchecked")
    private static Throwable failureOf(Simulation simulation) {
        try {
            simulation.run();
            return null;
        } catch (RuntimeException | AssertionError e) {
            return e;
        }
    }

    /** Plays it again and says what happened last. */
    private static String tellOf(long seed) {
        Simulation simulation = new Simulation(seed, true);
        Throwable failure = failureOf(simulation);
        StringBuilder told = new StringBuilder();
        told.append("replay it with: ./mvnw -pl tunnel-core -am test -Dtest=TunnelSimulationTest")
                .append(" -Dsurefire.failIfNoSpecifiedTests=false -D" + SEEDS + "=1 -D" + FIRST_SEED + '=')
                .append(seed)
                .append("\n\nwhat happened last:\n")
                .append(simulation.traced())
                .append("\n\n")
                .append(failure);
        if (failure != null) {
            for (StackTraceElement element : failure.getStackTrace()) {
                told.append("\n    at ").append(element);
            }
        }
        return told.toString();
    }
}
