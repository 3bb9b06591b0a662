package io.tunnelmux.benchmarks.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Numbers, sizes and tables in Markdown. Stateless; any thread. */
final class Text {
    private static final double KIBIBYTE = 1024;
    private static final MathContext THREE_DIGITS = new MathContext(3);

    private Text() {}

    /** To three digits; all digits before the point. */
    static String number(double value) {
        if (Double.isNaN(value)) {
            return "?";
        }
        if (Double.isInfinite(value)) {
            return "∞";
        }
        double rounded = new BigDecimal(value).round(THREE_DIGITS).doubleValue();
        double size = Math.abs(rounded);
        if (size >= 100) {
            return String.format(Locale.ROOT, "%,.0f", value);
        }
        if (size == 0 || value == Math.rint(value)) {
            return String.format(Locale.ROOT, "%.0f", rounded);
        }
        if (size >= 10) {
            return String.format(Locale.ROOT, "%.1f", rounded);
        }
        return String.format(Locale.ROOT, size >= 0.095 ? "%.2f" : "%.3f", rounded);
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
