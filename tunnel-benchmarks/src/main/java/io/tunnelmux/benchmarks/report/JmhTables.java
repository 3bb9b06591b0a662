package io.tunnelmux.benchmarks.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** JMH's results, a table for each class: time and garbage of an operation, by what grows. Stateless; any thread. */
final class JmhTables {
    private static final String GARBAGE = "gc.alloc.rate.norm";
    /** Parameters that make columns. */
    private static final List<String> GROWING = List.of("size", "streams");

    private JmhTables() {}

    /** Empty if there are none. */
    static String text(JsonNode results) {
        Map<String, List<JsonNode>> classes = new LinkedHashMap<>();
        for (JsonNode result : results) {
            String[] name = result.path("benchmark").asText().split("\\.");
            classes.computeIfAbsent(name[Math.max(0, name.length - 2)], key -> new ArrayList<>())
                    .add(result);
        }
        StringBuilder text = new StringBuilder();
        classes.forEach(
                (name, ofClass) -> text.append('`').append(name).append("`\n\n").append(table(ofClass)));
        return text.toString();
    }

    private static String table(List<JsonNode> results) {
        Map<String, Map<String, String>> rows = new LinkedHashMap<>();
        Set<String> columns = new LinkedHashSet<>();
        for (JsonNode result : results) {
            String benchmark = result.path("benchmark").asText();
            StringBuilder row = new StringBuilder(benchmark.substring(benchmark.lastIndexOf('.') + 1));
            String column = "";
            for (Map.Entry<String, JsonNode> param : result.path("params").properties()) {
                String value = param.getValue().asText();
                if (GROWING.contains(param.getKey())) {
                    column = param.getKey().equals("size")
                            ? Text.bytes(Integer.parseInt(value))
                            : Names.counted(Integer.parseInt(value), "stream");
                } else {
                    row.append(", ").append(param.getKey()).append(' ').append(value);
                }
            }
            columns.add(column);
            rows.computeIfAbsent(row.toString(), key -> new LinkedHashMap<>()).put(column, cell(result));
        }
        List<String> head = new ArrayList<>(List.of("time; garbage of an operation"));
        head.addAll(columns);
        List<List<String>> cells = new ArrayList<>();
        rows.forEach((name, ofRow) -> {
            List<String> row = new ArrayList<>(List.of(name));
            columns.forEach(column -> row.add(ofRow.getOrDefault(column, "")));
            cells.add(row);
        });
        return Text.table(head, cells);
    }

    private static String cell(JsonNode result) {
        JsonNode primary = result.path("primaryMetric");
        String unit = primary.path("scoreUnit").asText().replace("/op", "").replace("us", "µs");
        String time = Text.number(primary.path("score").asDouble(Double.NaN));
        double error = primary.path("scoreError").asDouble(Double.NaN);
        if (!Double.isNaN(error)) {
            time += " ± " + Text.number(error);
        }
        // JMH 1.x has put a dot in front of what profilers add.
        JsonNode secondary = result.path("secondaryMetrics");
        JsonNode garbage = secondary.has(GARBAGE) ? secondary.path(GARBAGE) : secondary.path('·' + GARBAGE);
        return time
                + ' '
                + unit
                + (garbage.isMissingNode()
                        ? ""
                        : "; " + Text.number(garbage.path("score").asDouble()) + " B");
    }
}
