package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * All targets in turns, round by round: A B C, A B C, … What disturbs the machine for longer than a round so meets all of
 * them, and drops out of the ratios within one round.
 *
 * @param load what was done
 * @param rounds the rounds of every size and target, in order; the n-th of two targets were neighbours in time
 */
record Comparison(Load load, Map<Integer, Map<String, List<RoundResult>>> rounds) {
    Comparison {
        rounds = Collections.unmodifiableMap(rounds);
    }

    /** In order; empty if nothing of the kind was done. */
    List<RoundResult> rounds(int size, String target) {
        return rounds.getOrDefault(size, Map.of()).getOrDefault(target, List.of());
    }

    /** Blocks until all rounds are done; an error in one ends the whole. */
    static Comparison run(Load load, List<Target> targets, Random random) throws IOException {
        Map<Integer, Map<String, List<RoundResult>>> results = new LinkedHashMap<>();
        // Every size warms up first: what a JIT compiler learns from one size serves the others too.
        for (int pass = 0; pass < load.warmUpRounds(); pass++) {
            for (int size : load.sizes()) {
                for (Target target : targets) {
                    LoadRound.warmUp(load, target, size, random);
                }
            }
        }
        for (int size : load.sizes()) {
            Map<String, List<RoundResult>> ofSize = new LinkedHashMap<>();
            for (int round = 0; round < load.rounds(); round++) {
                for (Target target : targets) {
                    ofSize.computeIfAbsent(target.name(), name -> new ArrayList<>())
                            .add(LoadRound.run(load, target, size, random));
                }
            }
            results.put(size, ofSize);
        }
        return new Comparison(load, results);
    }
}
