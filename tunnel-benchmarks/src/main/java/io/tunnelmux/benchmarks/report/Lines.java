package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.relay.Figure;
import java.util.function.ToDoubleFunction;

/** Collects figures over sizes and loads for rows of claims and goals. Never changes; any thread. */
final class Lines {
    static final int[] SIZES = {64, 1024, 16 * 1024};
    static final int MANY = 64;
    static final String[] BULK = {"down-0x16", "up-0x16", "echo-0x16"};

    private final Results results;

    Lines(Results results) {
        this.results = results;
    }

    /** A ratio of two targets in each of some scenarios of a group. */
    Line ratios(String subject, String target, String base, Figure figure, Limit limit, String group, String... keys) {
        Line.Builder line = new Line.Builder(subject, between(target, base), limit);
        return add(line, group, keys, measured -> measured.ratio(target, base, figure))
                .build();
    }

    /** The median of one target in each of some scenarios of a group. */
    Line medians(String subject, String target, Figure figure, Limit limit, String group, String... keys) {
        Line.Builder line = new Line.Builder(subject, '[' + target + ']', limit);
        return add(line, group, keys, measured -> measured.median(target, figure))
                .build();
    }

    /** Adds a check for each scenario. */
    Line.Builder add(Line.Builder line, String group, String[] keys, ToDoubleFunction<Measured> value) {
        for (String key : keys) {
            line.with(Names.load(key), value.applyAsDouble(results.scenario(group, key)));
        }
        return line;
    }

    static String between(String target, String base) {
        return '[' + target + " / " + base + ']';
    }

    /** Of one kind and so many connections, all sizes. */
    static String[] keys(String kind, int connections) {
        return keys(kind, connections, SIZES);
    }

    static String[] keys(String kind, int connections, int... sizes) {
        String[] keys = new String[sizes.length];
        for (int i = 0; i < sizes.length; i++) {
            keys[i] = kind + '-' + sizes[i] + 'x' + connections;
        }
        return keys;
    }
}
