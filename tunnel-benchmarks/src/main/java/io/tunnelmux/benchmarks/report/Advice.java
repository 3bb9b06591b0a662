package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.relay.Figure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Several ways to run the same programs side by side, the best of each column marked, and what follows from it. Never changes; any thread. */
final class Advice {
    private static final List<Column> COLUMNS = List.of(
            new Column("one", "ping-64x1", Figure.P50_MICROS, false),
            new Column("one", "ping-16384x1", Figure.P50_MICROS, false),
            new Column("many", "ping-64x64", Figure.MESSAGES_PER_SECOND, true),
            new Column("many", "ping-16384x64", Figure.MESSAGES_PER_SECOND, true),
            new Column("bulk", "down-0x16", Figure.MEGABYTES_PER_SECOND, true),
            new Column("bulk", "echo-0x16", Figure.MEGABYTES_PER_SECOND, true),
            new Column("bulk", "down-0x16", Figure.RELAY_SECONDS_PER_GIGABYTE, false),
            new Column("beside", "beside-64x8", Figure.P50_MICROS, false));

    private record Column(String group, String key, Figure figure, boolean isMoreBetter) {
        String label() {
            return figure.label() + ", " + Names.scenario(key);
        }
    }

    private final Results results;
    private final Map<String, String> names;
    private final String base;

    /** @param names of targets as they are shown, in order; ratios are to the first */
    private Advice(Results results, Map<String, String> names) {
        this.results = results;
        this.names = names;
        base = names.keySet().iterator().next();
    }

    /** Empty unless at least two of them were measured. */
    static String text(Results results, Map<String, String> names) {
        Map<String, String> measured = new LinkedHashMap<>(names);
        measured.keySet().retainAll(results.targets());
        return measured.size() < 2 ? "" : new Advice(results, measured).text();
    }

    private String text() {
        List<Column> columns = COLUMNS.stream()
                .filter(column -> names.keySet().stream().noneMatch(target -> Double.isNaN(ratio(column, target))))
                .toList();
        List<String> head = new ArrayList<>(List.of(""));
        columns.forEach(column -> head.add(column.label()));
        List<List<String>> rows = new ArrayList<>();
        names.forEach((target, name) -> {
            List<String> row = new ArrayList<>(List.of(name));
            for (Column column : columns) {
                String cell = Text.number(measured(column).median(target, column.figure));
                if (!target.equals(base)) {
                    cell += " (" + Text.number(ratio(column, target)) + ')';
                }
                row.add(target.equals(best(column)) ? "**" + cell + "**" : cell);
            }
            rows.add(row);
        });
        return Text.table(head, rows) + (results.hasManyRounds() ? rule(columns) : "Too few rounds for advice.")
                + "\n\n";
    }

    /** Which is best, or as good as the best, most often; and when another is better than it. */
    private String rule(List<Column> columns) {
        String winner = names.keySet().stream()
                .reduce((one, other) -> wins(columns, other) > wins(columns, one) ? other : one)
                .orElseThrow();
        StringBuilder text =
                new StringBuilder("**Use " + names.get(winner) + "**: best, or as good as far as noise lets see, in "
                        + wins(columns, winner) + " of " + columns.size()
                        + " columns.");
        names.forEach((target, name) -> {
            List<String> better = IntStream.range(0, columns.size())
                    .mapToObj(columns::get)
                    .filter(column -> target.equals(best(column)) && !isAsGood(column, winner))
                    .map(Column::label)
                    .toList();
            if (!better.isEmpty()) {
                text.append(' ')
                        .append(name)
                        .append(" is better in: ")
                        .append(String.join("; ", better))
                        .append('.');
            }
        });
        return text.toString();
    }

    private long wins(List<Column> columns, String target) {
        return columns.stream().filter(column -> isAsGood(column, target)).count();
    }

    private boolean isAsGood(Column column, String target) {
        return cost(column, target) <= cost(column, best(column)) * (1 + results.noise(column.group));
    }

    private String best(Column column) {
        return names.keySet().stream()
                .reduce((one, other) -> cost(column, other) < cost(column, one) ? other : one)
                .orElseThrow();
    }

    /** Less is better. */
    private double cost(Column column, String target) {
        double ratio = ratio(column, target);
        return column.isMoreBetter ? 1 / ratio : ratio;
    }

    private double ratio(Column column, String target) {
        return measured(column).ratio(target, base, column.figure);
    }

    private Measured measured(Column column) {
        return results.scenario(column.group, column.key);
    }
}
