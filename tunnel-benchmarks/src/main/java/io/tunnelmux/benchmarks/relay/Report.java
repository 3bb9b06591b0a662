package io.tunnelmux.benchmarks.relay;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** What a {@link Comparison} found, as a table and as JSON. A ratio is the median of the ratios of neighbouring rounds. */
final class Report {
    private final Comparison comparison;
    private final List<String> baselines;

    /** @param baselines names of targets that the others are held against */
    Report(Comparison comparison, List<String> baselines) {
        this.comparison = comparison;
        this.baselines = List.copyOf(baselines);
    }

    /** Lines of equal columns: medians of all rounds, then for each baseline the ratios of p50, p99, rate and relay time. */
    String table() {
        StringBuilder table = new StringBuilder();
        table.append(String.format(
                "%7s %-12s %9s %9s %10s %12s", "bytes", "target", "p50 µs", "p99 µs", "msg/s", "relay µs/msg"));
        for (String baseline : baselines) {
            table.append(String.format("  | × %-8s p50   p99  msg/s relay", baseline));
        }
        table.append('\n');
        comparison
                .rounds()
                .forEach((size, targets) -> targets.forEach((name, rounds) -> {
                    table.append(String.format(
                            Locale.ROOT,
                            "%7d %-12s %9.1f %9.1f %10.0f %12.2f",
                            size,
                            name,
                            median(rounds, RoundResult::p50Micros),
                            median(rounds, RoundResult::p99Micros),
                            median(rounds, RoundResult::messagesPerSecond),
                            median(rounds, RoundResult::relayMicrosPerMessage)));
                    for (String baseline : baselines) {
                        List<RoundResult> base = targets.getOrDefault(baseline, List.of());
                        table.append(String.format("  |     %12s", ratio(rounds, base, RoundResult::p50Micros)))
                                .append(String.format(" %5s", ratio(rounds, base, RoundResult::p99Micros)))
                                .append(String.format(" %6s", ratio(rounds, base, RoundResult::messagesPerSecond)))
                                .append(String.format(" %5s", ratio(rounds, base, RoundResult::relayMicrosPerMessage)));
                    }
                    table.append('\n');
                }));
        return table.toString();
    }

    /** Writes everything, the single rounds included. */
    void writeJson(Path file) throws IOException {
        ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        ObjectNode root = mapper.createObjectNode();
        root.put("at", Instant.now().toString());
        root.put("java", Runtime.version().toString());
        root.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        Load load = comparison.load();
        root.put("connections", load.connections());
        root.put("rounds", load.rounds());
        root.put("roundMillis", load.round().toMillis());
        ArrayNode results = root.putArray("results");
        comparison
                .rounds()
                .forEach((size, targets) -> targets.forEach((name, rounds) -> {
                    ObjectNode result = results.addObject();
                    result.put("bytes", size);
                    result.put("target", name);
                    put(result, rounds);
                    ObjectNode against = result.putObject("ratioTo");
                    for (String baseline : baselines) {
                        List<RoundResult> base = targets.getOrDefault(baseline, List.of());
                        if (!base.isEmpty()) {
                            ObjectNode ratios = against.putObject(baseline);
                            ratios.put("p50", medianRatio(rounds, base, RoundResult::p50Micros));
                            ratios.put("p99", medianRatio(rounds, base, RoundResult::p99Micros));
                            ratios.put("messagesPerSecond", medianRatio(rounds, base, RoundResult::messagesPerSecond));
                            putIfFinite(ratios, medianRatio(rounds, base, RoundResult::relayMicrosPerMessage));
                        }
                    }
                    ArrayNode single = result.putArray("singleRounds");
                    rounds.forEach(round -> put(single.addObject(), List.of(round)));
                }));
        mapper.writeValue(file.toFile(), root);
    }

    private static void put(ObjectNode node, List<RoundResult> rounds) {
        node.put("p50Micros", median(rounds, RoundResult::p50Micros));
        node.put("p99Micros", median(rounds, RoundResult::p99Micros));
        node.put("messagesPerSecond", median(rounds, RoundResult::messagesPerSecond));
        node.put("relayMicrosPerMessage", median(rounds, RoundResult::relayMicrosPerMessage));
    }

    private static void putIfFinite(ObjectNode node, double relayRatio) {
        if (Double.isFinite(relayRatio)) {
            node.put("relayMicrosPerMessage", relayRatio);
        }
    }

    private static String ratio(
            List<RoundResult> rounds, List<RoundResult> base, ToDoubleFunction<RoundResult> figure) {
        double ratio = medianRatio(rounds, base, figure);
        return Double.isFinite(ratio) ? String.format(Locale.ROOT, "%.2f", ratio) : "-";
    }

    /** Not a number, or infinite, without a baseline or where it has no such figure (no relays: no relay time). */
    static double medianRatio(List<RoundResult> rounds, List<RoundResult> base, ToDoubleFunction<RoundResult> figure) {
        return median(IntStream.range(0, Math.min(rounds.size(), base.size()))
                .mapToDouble(i -> figure.applyAsDouble(rounds.get(i)) / figure.applyAsDouble(base.get(i)))
                .toArray());
    }

    static double median(List<RoundResult> rounds, ToDoubleFunction<RoundResult> figure) {
        return median(rounds.stream().mapToDouble(figure).toArray());
    }

    private static double median(double[] values) {
        if (values.length == 0) {
            return Double.NaN;
        }
        Arrays.sort(values);
        int middle = values.length / 2;
        return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
