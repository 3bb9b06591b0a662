package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.relay.Figure;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What is often claimed for relays that carry the bytes of WebSockets as they are, against those that make parsed messages of them; each held against what
 * was measured here of both kinds. A claim that does not hold stays in, and says so.
 */
final class Claims {
    private static final String TIMES = " x";
    private static final String MICROS = " µs";
    private static final String BYTES = " B";

    private static final Limit TEN_TIMES = Limit.atLeast(10, TIMES);
    private static final Limit FIVE_TIMES = Limit.atLeast(5, TIMES);
    private static final Limit THREE_TIMES = Limit.atLeast(3, TIMES);
    private static final Limit ONE_MILLI = Limit.atMost(1_000, MICROS);
    private static final Limit FIVE_MILLIS = Limit.atLeast(5_000, MICROS);
    private static final Limit HALF_A_PERCENT = Limit.atMost(0.5, " %");
    private static final Limit TWO_PERCENT = Limit.atLeast(2, " %");
    private static final Limit EIGHT_KIB = Limit.atMost(8 * 1024, BYTES);
    private static final Limit TWELVE_KIB = Limit.atLeast(12 * 1024, BYTES);

    private static final String[] ONE = Lines.keys("ping", 1);
    private static final String[] MANY = Lines.keys("ping", Lines.MANY);
    private static final String[] WEBSOCKET = Lines.keys("websocket", 1);
    private static final String[] WEBSOCKETS = Lines.keys("websocket", Lines.MANY);
    private static final String[] PACED = {"paced-1024x0"};

    /** One claim, and one way to hold it against figures. */
    record Claim(String words, Line line) {}

    private final Results results;
    private final Lines lines;
    private final List<Claim> claims = new ArrayList<>();

    private Claims(Results results) {
        this.results = results;
        lines = new Lines(results);
    }

    /** Those of which something was measured, in order. */
    static List<Claim> of(Results results) {
        Claims claims = new Claims(results);
        claims.latency();
        claims.processor();
        claims.memory();
        claims.copies();
        return claims.claims;
    }

    private void add(String words, Line line) {
        if (line.isMeasured()) {
            claims.add(new Claim(words, line));
        }
    }

    private void latency() {
        String tenTimes = "Latency: 10 times lower";
        for (String ours : new String[] {"tcp", "ws"}) {
            ratios(tenTimes, "p50", "json", ours, Figure.P50_MICROS, TEN_TIMES);
        }
        webSocketRatios(tenTimes, "p50, WebSockets", Figure.P50_MICROS, TEN_TIMES);
        String short1 = "Latency: 0–1 ms";
        for (String ours : new String[] {"tcp", "ws"}) {
            added(short1, "p50 added", ours, Figure.P50_MICROS, ONE_MILLI, "one", ONE);
            added(short1, "p99 added", ours, Figure.P99_MICROS, ONE_MILLI, "one", ONE);
        }
        added(short1, "p50 added, WebSockets", "ws", Figure.P50_MICROS, ONE_MILLI, "websocket", WEBSOCKET);
        added(short1, "p99 added, WebSockets", "ws", Figure.P99_MICROS, ONE_MILLI, "websocket", WEBSOCKET);
        String long1 = "Latency with parsing: 5–10 ms";
        added(long1, "p50 added", "json", Figure.P50_MICROS, FIVE_MILLIS, "one", ONE);
        added(long1, "p50 added, WebSockets", "aware", Figure.P50_MICROS, FIVE_MILLIS, "websocket", WEBSOCKET);
    }

    private void processor() {
        String fiveTimes = "Processor: 5 times less";
        ratios(
                fiveTimes,
                "processor time for a round trip",
                "json",
                "tcp",
                Figure.RELAY_MICROS_PER_MESSAGE,
                FIVE_TIMES);
        add(
                fiveTimes,
                lines.ratios(
                        "the same, pings by the clock",
                        "json",
                        "tcp",
                        Figure.RELAY_MICROS_PER_MESSAGE,
                        FIVE_TIMES,
                        "paced",
                        PACED));
        add(
                fiveTimes,
                lines.ratios(
                        "processor time for a GB",
                        "json",
                        "tcp",
                        Figure.RELAY_SECONDS_PER_GIGABYTE,
                        FIVE_TIMES,
                        "bulk",
                        Lines.BULK));
        webSocketRatios(
                fiveTimes, "processor time for a message and its echo", Figure.RELAY_MICROS_PER_MESSAGE, FIVE_TIMES);
        share("Processor: 0.5 %", "tcp", HALF_A_PERCENT);
        share("Processor: 0.5 %", "ws", HALF_A_PERCENT);
        share("Processor with parsing: 2–3 %", "json", TWO_PERCENT);
    }

    private void memory() {
        String threeTimes = "Memory: 3 times less for a connection";
        idleRatio(threeTimes, "heap of both programs", Results.Idle::heapBytes);
        idleRatio(threeTimes, "resident memory of both programs", Results.Idle::residentBytes);
        idle("Memory: 4–8 KB for a connection", "zero-copy", EIGHT_KIB);
        idle("Memory with parsing: 12–24 KB for a connection", "aware", TWELVE_KIB);
        add(
                "Memory: 3 times less",
                new Line.Builder(
                                "resident memory of both programs after all this",
                                Lines.between("json", "tcp"),
                                THREE_TIMES)
                        .with("", results.residentBytes("json") / results.residentBytes("tcp"))
                        .build());
    }

    private void copies() {
        String words = "Zero-copy: the heap does not see the payload";
        for (String ours : new String[] {"tcp", "ws"}) {
            add(
                    words,
                    lines.medians(
                            "garbage for a round trip of 16 KiB each way",
                            ours,
                            Figure.GARBAGE_BYTES_PER_MESSAGE,
                            Limit.atMost(1024, BYTES),
                            "one",
                            "ping-16384x1"));
            add(
                    words,
                    lines.medians(
                            "garbage for a KiB",
                            ours,
                            Figure.GARBAGE_BYTES_PER_KIBIBYTE,
                            Limit.atMost(16, BYTES),
                            "bulk",
                            Lines.BULK));
        }
    }

    /** Round trips of one connection and of many. */
    private void ratios(String words, String subject, String theirs, String ours, Figure figure, Limit limit) {
        Line.Builder line = new Line.Builder(subject, Lines.between(theirs, ours), limit);
        lines.add(line, "one", ONE, measured -> measured.ratio(theirs, ours, figure));
        lines.add(line, "many", MANY, measured -> measured.ratio(theirs, ours, figure));
        add(words, line.build());
    }

    private void webSocketRatios(String words, String subject, Figure figure, Limit limit) {
        Line.Builder line = new Line.Builder(subject, Lines.between("aware", "ws"), limit);
        lines.add(line, "websocket", WEBSOCKET, measured -> measured.ratio("aware", "ws", figure));
        lines.add(line, "websocket", WEBSOCKETS, measured -> measured.ratio("aware", "ws", figure));
        add(words, line.build());
    }

    private void added(
            String words, String subject, String target, Figure figure, Limit limit, String group, String[] keys) {
        Line.Builder line = new Line.Builder(subject, "[" + target + " − direct]", limit);
        lines.add(line, group, keys, measured -> measured.added(target, "direct", figure));
        add(words, line.build());
    }

    /** Of one processor, while pings go by the clock. */
    private void share(String words, String target, Limit limit) {
        Line.Builder line = new Line.Builder("share of a processor, pings by the clock", '[' + target + ']', limit);
        lines.add(
                line,
                "paced",
                PACED,
                measured -> measured.median(
                        target,
                        Figure.RELAY_MICROS_PER_MESSAGE,
                        Figure.MESSAGES_PER_SECOND,
                        (micros, messages) -> micros * messages / 1e6 * 100));
        add(words, line.build());
    }

    private void idleRatio(String words, String subject, ToDoubleFunction<Results.Idle> bytes) {
        add(
                words,
                new Line.Builder(subject + ", resting WebSocket", Lines.between("aware", "zero-copy"), THREE_TIMES)
                        .with("", idleBytes("aware", bytes) / idleBytes("zero-copy", bytes))
                        .build());
    }

    private void idle(String words, String mode, Limit limit) {
        add(
                words,
                new Line.Builder("both programs, resting WebSocket", '[' + mode + ']', limit)
                        .with("heap", idleBytes(mode, Results.Idle::heapBytes))
                        .with("resident", idleBytes(mode, Results.Idle::residentBytes))
                        .build());
    }

    private double idleBytes(String mode, ToDoubleFunction<Results.Idle> bytes) {
        List<Results.Idle> rows = results.idle("WebSocket, " + mode);
        return rows.isEmpty() ? Double.NaN : rows.stream().mapToDouble(bytes).sum();
    }
}
