package io.tunnelmux.core.simulation;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Plays simulations one per seed, on all cores: each by one thread, and the same whoever plays it. */
final class Seeds {

    static final String COUNT = "tunnelmux.simulation.seeds";
    static final String FIRST = "tunnelmux.simulation.first-seed";

    private static final int MOST_TOLD = 5;

    private final long first;
    private final long count;
    private final long[] failed;

    private Seeds(long first, long count) {
        this.first = first;
        this.count = count;
        failed = LongStream.range(first, first + count)
                .parallel()
                .filter(seed -> failureOf(new Simulation(seed, false)) != null)
                .sorted()
                .toArray();
    }

    /** Plays all of them, also when some fail. */
    static Seeds play(long first, long count) {
        return new Seeds(first, count);
    }

    boolean haveFailed() {
        return failed.length > 0;
    }

    /** Which failed, how to play the first of them again, and what happened in it last. */
    String told() {
        long seed = failed[0];
        Simulation simulation = new Simulation(seed, true);
        Throwable failure = failureOf(simulation);
        StringBuilder told = new StringBuilder();
        told.append(failed.length + " of " + count + " seeds fail, the first are ")
                .append(Arrays.toString(Arrays.copyOf(failed, Math.min(MOST_TOLD, failed.length))))
                .append("\nreplay it with: ./mvnw -pl tunnel-core -am test -Dtest=TunnelSimulationTest")
                .append(" -Dsurefire.failIfNoSpecifiedTests=false -D" + COUNT + "=1 -D" + FIRST + '=')
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

    /** Whatever it is that a simulation fails with: a broken core fails in more ways than an assertion. */
    @SuppressWarnings("CatchingUnchecked")
    static @Nullable Throwable failureOf(Simulation simulation) {
        try {
            simulation.run();
            return null;
        } catch (RuntimeException | AssertionError | StackOverflowError e) {
            return e;
        }
    }

    /** Plays {@code args[0]} seeds and says how many have failed, the first, and why: for the script that plants bugs. */
    public static void main(String[] args) {
        Seeds seeds = play(1, Long.parseLong(args[0]));
        if (seeds.haveFailed()) {
            System.out.println(seeds.failed.length + " " + seeds.failed[0] + " "
                    + failureOf(new Simulation(seeds.failed[0], false)));
        } else {
            System.out.println("0");
        }
    }
}
