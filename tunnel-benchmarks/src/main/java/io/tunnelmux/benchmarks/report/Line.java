package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.report.Limit.Grade;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One row of claims or goals: figures of one kind, for several sizes or loads, and the limit for all of them.
 *
 * @param subject what was measured
 * @param ways between or of which, as {@code [json / tcp]}
 * @param checks those that were measured, in order
 */
record Line(String subject, String ways, Limit limit, List<Check> checks) {

    /**
     * One figure.
     *
     * @param label size or load
     */
    record Check(String label, double value) {}

    Line {
        checks = List.copyOf(checks);
    }

    /** Collects what one row shows. What is not a number was not measured, and is left out. Belongs to one thread. */
    static final class Builder {
        private final String subject;
        private final String ways;
        private final Limit limit;
        private final List<Check> checks = new ArrayList<>();

        Builder(String subject, String ways, Limit limit) {
            this.subject = subject;
            this.ways = ways;
            this.limit = limit;
        }

        Builder with(String label, double value) {
            if (!Double.isNaN(value)) {
                checks.add(new Check(label, value));
            }
            return this;
        }

        Line build() {
            return new Line(subject, ways, limit, checks);
        }
    }

    /** False if nothing of it was measured: then it says nothing. */
    boolean isMeasured() {
        return !checks.isEmpty();
    }

    /** The worst of all. */
    Grade grade() {
        return checks.stream()
                .map(check -> limit.grade(check.value()))
                .max(Grade::compareTo)
                .orElseThrow(() -> new IllegalStateException("nothing measured: " + subject));
    }

    /** Whether a goal is met, in a word. */
    String result() {
        return switch (grade()) {
            case MET -> "pass";
            case WITHIN_NOISE -> "pass, within noise";
            case IN_PART -> "partly";
            case MISSED -> "**fail**";
        };
    }

    /** Whether a claim holds: for all, for some (which), or for none. */
    String verdict() {
        List<String> holds = labels(true);
        List<String> fails = labels(false);
        if (fails.isEmpty()) {
            return "holds";
        }
        if (holds.isEmpty()) {
            return "**refuted**";
        }
        return holds.size() <= fails.size()
                ? "for " + String.join("; ", holds) + " only"
                : "not for " + String.join("; ", fails);
    }

    private List<String> labels(boolean areMet) {
        return checks.stream()
                .filter(check -> meets(check) == areMet)
                .map(Check::label)
                .toList();
    }

    private boolean meets(Check check) {
        return limit.grade(check.value()).compareTo(Grade.WITHIN_NOISE) <= 0;
    }

    /** All figures, with those in bold that miss the limit. */
    String measured() {
        return checks.stream()
                .map(check -> {
                    String value = Text.number(check.value());
                    return (check.label() + ' ' + (meets(check) ? value : "**" + value + "**")).strip();
                })
                .collect(Collectors.joining("; "));
    }
}
