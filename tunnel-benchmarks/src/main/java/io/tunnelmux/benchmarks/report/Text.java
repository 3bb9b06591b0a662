package io.tunnelmux.benchmarks.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Numbers, sizes and tables in Markdown. Stateless; any thread. */
final class Text {
    private static final double KIBIBYTE = 1024;

    private Text() {}

    /** About three digits; all digits before the point. */
    static String number(double value) {
        double size = Math.abs(value);
        if (Double.isInfinite(value)) {
            return "∞";
        }
        if (size >= 100 || size == 0 || size >= 1 && value == Math.rint(value)) {
            return String.format(Locale.ROOT, "%,.0f", value);
        }
        if (size >= 10) {
            return String.format(Locale.ROOT, "%.1f", value);
        }
        return String.format(Locale.ROOT, size >= 0.095 ? "%.2f" : "%.3f", value);
    }

    /** Of at most 999 MiB. */
    static String bytes(double bytes) {
        if (bytes < KIBIBYTE) {
            return number(bytes) + " B";
        }
        return bytes < KIBIBYTE * KIBIBYTE
                ? number(bytes / KIBIBYTE) + " KiB"
                : number(bytes / KIBIBYTE / KIBIBYTE) + " MiB";
    }

    static String table(List<String> head, List<List<String>> rows) {
        List<List<String>> all = new ArrayList<>();
        all.add(head);
        all.add(head.stream().map(cell -> "---").toList());
        all.addAll(rows);
        StringBuilder text = new StringBuilder();
        for (List<String> row : all) {
            text.append("| ").append(String.join(" | ", row)).append(" |\n");
        }
        return text.append('\n').toString();
    }
}
