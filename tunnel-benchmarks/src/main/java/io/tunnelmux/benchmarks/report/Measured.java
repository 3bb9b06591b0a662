package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.relay.Comparison;
import io.tunnelmux.benchmarks.relay.Figure;
import io.tunnelmux.benchmarks.relay.Round;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.IntStream;

/**
 * What a comparison has of one scenario. Figures that are not there are not a number.
 *
 * @param group of the scenario
 * @param key its name in the results
 * @param targets rounds by target, in order; the n-th of two targets were in one turn
 */
record Measured(String group, String key, Map<String, List<Round>> targets) {
    Measured {
        targets = Collections.unmodifiableMap(targets);
    }

    List<Round> rounds(String target) {
        return targets.getOrDefault(target, List.of());
    }

    /** Median of the rounds. */
    double median(String target, Figure figure) {
        return Comparison.median(rounds(target), figure);
    }

    /** Median of the ratios of rounds of one turn. */
    double ratio(String target, String base, Figure figure) {
        return Comparison.medianRatio(rounds(target), rounds(base), figure);
    }

    /** Median of the differences of rounds of one turn. */
    double added(String target, String base, Figure figure) {
        List<Round> ours = rounds(target);
        List<Round> theirs = rounds(base);
        return Comparison.median(IntStream.range(0, Math.min(ours.size(), theirs.size()))
                .mapToDouble(i -> ours.get(i).get(figure) - theirs.get(i).get(figure))
                .toArray());
    }

    /** Median of what two figures of each round are together. */
    double median(String target, Figure one, Figure other, DoubleBinaryOperator operator) {
        return Comparison.median(rounds(target).stream()
                .mapToDouble(round -> operator.applyAsDouble(round.get(one), round.get(other)))
                .toArray());
    }

    /** Least round in proportion to the median one. */
    double leastToMedian(String target, Figure figure) {
        double least = rounds(target).stream()
                .mapToDouble(round -> round.get(figure))
                .min()
                .orElse(Double.NaN);
        return least / median(target, figure);
    }
}
