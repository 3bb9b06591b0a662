package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * All targets in turns, round by round, each time in another order: A B C, C A B, … What disturbs the machine for longer than a turn so meets all of
 * them and drops out of the ratios within one turn, and what comes and goes by the clock does not always meet the same.
 *
 * @param rounds those of every scenario and target, in order; the n-th of two targets were in one turn
 */
public record Comparison(Map<Scenario, Map<String, List<Round>>> rounds) {
    public Comparison {
        rounds = Collections.unmodifiableMap(rounds);
    }

    /** In order; empty if nothing of the kind was done. */
    List<Round> rounds(Scenario scenario, String target) {
        return rounds.getOrDefault(scenario, Map.of()).getOrDefault(target, List.of());
    }

    /**
     * Blocks until all rounds are done; an error in one ends the whole. A target takes part in what it carries.
     *
     * @param processes all that take part, this one among them
     * @param warmUps unreported passes over everything, before
     * @param count rounds of each scenario and target
     * @param round see {@link Scenario#round}
     */
    static Comparison run(
            List<Scenario> scenarios,
            List<Target> targets,
            List<Long> processes,
            int warmUps,
            int count,
            Duration round,
            Random random)
            throws IOException {
        // Everything warms up first: what a JIT compiler learns from one scenario serves the others too. It works on
        // all processors, as compilers take much of one.
        for (int pass = 0; pass < warmUps; pass++) {
            for (Scenario scenario : scenarios) {
                System.err.println("warm-up " + (pass + 1) + " of " + warmUps + ": " + scenario.key());
                for (Target target : targets) {
                    if (target.carries(scenario) && scenario.kind() != Scenario.Kind.FULL) {
                        LoadRound.warmUp(scenario, target, scenario.round(round), random);
                    }
                }
            }
        }
        Map<Scenario, Map<String, List<Round>>> results = new LinkedHashMap<>();
        for (Scenario scenario : scenarios) {
            System.err.println(scenario.key());
            Affinity.pin(processes, scenario.isPinned());
            Map<String, List<Round>> ofScenario = new LinkedHashMap<>();
            List<Target> turns = new ArrayList<>();
            for (Target target : targets) {
                if (target.carries(scenario)) {
                    ofScenario.put(target.name(), new ArrayList<>());
                    turns.add(target);
                }
            }
            // Full for a minute is looked at often enough.
            int turnCount = scenario.kind() == Scenario.Kind.FULL ? 1 : count;
            for (int i = 0; i < turnCount; i++) {
                Collections.shuffle(turns, random);
                for (Target target : turns) {
                    Objects.requireNonNull(ofScenario.get(target.name()))
                            .addAll(LoadRound.run(scenario, target, scenario.round(round), random));
                }
            }
            results.put(scenario, ofScenario);
        }
        return new Comparison(results);
    }

    /** Not a number without rounds of both, or where they have no such figure. */
    public static double medianRatio(List<Round> rounds, List<Round> base, Figure figure) {
        return median(IntStream.range(0, Math.min(rounds.size(), base.size()))
                .mapToDouble(i -> rounds.get(i).get(figure) / base.get(i).get(figure))
                .toArray());
    }

    public static double median(List<Round> rounds, Figure figure) {
        return median(rounds.stream().mapToDouble(round -> round.get(figure)).toArray());
    }

    /** Not a number if there are none. Sorts them. */
    public static double median(double[] values) {
        if (values.length == 0) {
            return Double.NaN;
        }
        Arrays.sort(values);
        int middle = values.length / 2;
        return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
