package io.tunnelmux.benchmarks.report;

/**
 * What a figure must not exceed, or must reach.
 *
 * @param isUpper whether less is better
 * @param bound itself allowed
 * @param nearBound what is up to here met in part; {@code bound} if there is no such thing
 * @param unit behind the number, with its space; of a ratio " x"
 */
record Limit(boolean isUpper, double bound, double nearBound, String unit) {

    /** How well a figure meets it. */
    enum Grade {
        MET,
        IN_PART,
        MISSED
    }

    static Limit atMost(double bound, String unit) {
        return new Limit(true, bound, bound, unit);
    }

    static Limit atLeast(double bound, String unit) {
        return new Limit(false, bound, bound, unit);
    }

    /** The same, which is met in part up to {@code nearBound}. */
    Limit orInPart(double nearBound) {
        return new Limit(isUpper, bound, nearBound, unit);
    }

    Grade grade(double value) {
        if (isUpper ? value <= bound : value >= bound) {
            return Grade.MET;
        }
        return (isUpper ? value <= nearBound : value >= nearBound) ? Grade.IN_PART : Grade.MISSED;
    }

    @Override
    public String toString() {
        String sign = isUpper ? "≤ " : "≥ ";
        String near = nearBound == bound ? "" : " (in part: " + Text.number(nearBound) + ')';
        return sign + Text.number(bound) + unit + near;
    }
}
