package io.tunnelmux.benchmarks.report;

/**
 * What a figure must not exceed, or must reach.
 *
 * @param isUpper whether less is better
 * @param bound itself allowed
 * @param nearBound what is up to here met in part; {@code bound} if there is no such thing
 * @param margin what noise may make of a figure, as part of it: what misses the bound by no more than that is met as far as can be seen
 * @param unit behind the number, with its space; of a ratio " x"
 */
record Limit(boolean isUpper, double bound, double nearBound, double margin, String unit) {

    /** How well a figure meets it. */
    enum Grade {
        MET,
        WITHIN_NOISE,
        IN_PART,
        MISSED
    }

    static Limit atMost(double bound, String unit) {
        return new Limit(true, bound, bound, 0, unit);
    }

    static Limit atLeast(double bound, String unit) {
        return new Limit(false, bound, bound, 0, unit);
    }

    /** The same, which is met in part up to {@code nearBound}. */
    Limit orInPart(double nearBound) {
        return new Limit(isUpper, bound, nearBound, margin, unit);
    }

    /** The same, of figures that are known to no more than {@code newMargin} of themselves. */
    Limit within(double newMargin) {
        return new Limit(isUpper, bound, nearBound, newMargin, unit);
    }

    Grade grade(double value) {
        if (isMet(value, bound)) {
            return Grade.MET;
        }
        if (isMet(value, isUpper ? bound * (1 + margin) : bound * (1 - margin))) {
            return Grade.WITHIN_NOISE;
        }
        return isMet(value, nearBound) ? Grade.IN_PART : Grade.MISSED;
    }

    private boolean isMet(double value, double limit) {
        return isUpper ? value <= limit : value >= limit;
    }

    @Override
    public String toString() {
        String sign = isUpper ? "≤ " : "≥ ";
        String near = nearBound == bound ? "" : " (in part: " + Text.number(nearBound) + ')';
        return sign + Text.number(bound) + unit + near;
    }
}
