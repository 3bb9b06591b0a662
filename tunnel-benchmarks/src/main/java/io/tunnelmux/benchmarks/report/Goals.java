package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.relay.Figure;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** What gateway and agent are to reach, line by line, as ratios to other ways and as bytes. */
final class Goals {
    private static final String TIMES = " x";
    private static final String BYTES = " B";
    private static final int[] SMALL = {64, 1024};
    private static final int LARGE = 16 * 1024;

    private static final String[] ONE = Lines.keys("ping", 1);
    private static final String[] ONE_SMALL = Lines.keys("ping", 1, SMALL);
    private static final String[] ONE_LARGE = Lines.keys("ping", 1, LARGE);
    private static final String[] ONE_KIB = Lines.keys("ping", 1, 1024);
    private static final String[] MANY = Lines.keys("ping", Lines.MANY);
    private static final String[] MANY_SMALL = Lines.keys("ping", Lines.MANY, SMALL);
    private static final String DOWN = "down-0x16";
    private static final String ECHO = "echo-0x16";
    private static final String LONE = "down-0x1";
    private static final String BESIDE = "beside-64x8";

    /** One line of a goal. */
    record Goal(String name, Line line) {}

    private final Results results;
    private final Lines lines;
    private final List<Goal> goals = new ArrayList<>();
    private String name = "";

    private Goals(Results results) {
        this.results = results;
        lines = new Lines(results);
    }

    /** Those of which something was measured, in order. */
    static List<Goal> of(Results results) {
        Goals goals = new Goals(results);
        goals.againstHaProxy();
        goals.besideBulk();
        goals.memory();
        goals.againstRSocket();
        goals.againstGrpc();
        goals.againstParsedMessages();
        return goals.goals;
    }

    private void add(Line line) {
        if (line.isMeasured()) {
            goals.add(new Goal(name, line));
        }
    }

    private static Limit atMost(double times) {
        return Limit.atMost(times, TIMES);
    }

    private static Limit atLeast(double times) {
        return Limit.atLeast(times, TIMES);
    }

    private void ratios(
            String subject, String target, String base, Figure figure, Limit limit, String group, String... keys) {
        add(lines.ratios(subject, target, base, figure, limit.within(results.noise(group)), group, keys));
    }

    private void haproxy(String subject, String target, Figure figure, Limit limit, String group, String... keys) {
        ratios(subject, target, "haproxy", figure, limit, group, keys);
    }

    private void againstHaProxy() {
        name = "G1 latency";
        haproxy("p50", "tcp", Figure.P50_MICROS, atMost(0.97), "one", ONE);
        haproxy("p99", "tcp", Figure.P99_MICROS, atMost(1.2), "one", ONE);
        name = "G2 latency with masks and TLS";
        haproxy("p50", "ws", Figure.P50_MICROS, atMost(1.0), "one", ONE_SMALL);
        haproxy("p50", "ws", Figure.P50_MICROS, atMost(1.15), "one", ONE_LARGE);
        haproxy("p50", "tls-boringssl", Figure.P50_MICROS, atMost(1.05), "one", ONE_SMALL);
        haproxy("p50", "tls-boringssl", Figure.P50_MICROS, atMost(1.25), "one", ONE_LARGE);
        name = "G3 many connections";
        haproxy("messages/s", "tcp", Figure.MESSAGES_PER_SECOND, atLeast(1.3), "many", MANY_SMALL);
        haproxy(
                "processor time for a message",
                "tcp",
                Figure.RELAY_MICROS_PER_MESSAGE,
                atMost(0.70),
                "many",
                MANY_SMALL);
        name = "G4 bulk";
        haproxy("MB/s", "tcp", Figure.MEGABYTES_PER_SECOND, atLeast(1.3), "bulk", DOWN);
        haproxy("MB/s", "tcp", Figure.MEGABYTES_PER_SECOND, atLeast(1.6), "bulk", ECHO);
        haproxy("processor time for a GB", "tcp", Figure.RELAY_SECONDS_PER_GIGABYTE, atMost(0.75), "bulk", DOWN, ECHO);
        String withMask = "wss-boringssl";
        String without = "tls-boringssl";
        ratios(
                "a mask of zero: processor time for a GB",
                withMask,
                without,
                Figure.RELAY_SECONDS_PER_GIGABYTE,
                atMost(1.05),
                "bulk",
                DOWN,
                ECHO);
        ratios(
                "a mask of zero: MB/s",
                withMask,
                without,
                Figure.MEGABYTES_PER_SECOND,
                atLeast(0.95),
                "bulk",
                DOWN,
                ECHO);
    }

    private void besideBulk() {
        name = "G5 urgent beside bulk";
        haproxy("p50 of a ping", "tcp", Figure.P50_MICROS, atMost(0.10).orInPart(0.20), "beside", BESIDE);
        haproxy("p99 of a ping", "tcp", Figure.P99_MICROS, atMost(0.20), "beside", BESIDE);
        haproxy("MB/s", "tcp", Figure.MEGABYTES_PER_SECOND, atLeast(1.0).orInPart(0.95), "bulk", LONE);
    }

    private void memory() {
        name = "G6 garbage";
        for (String ours : new String[] {"tcp", "ws"}) {
            Limit ofMessage = Limit.atMost(200, BYTES);
            Line.Builder line = new Line.Builder("for a round trip, both programs", '[' + ours + ']', ofMessage);
            ToDoubleFunction<Measured> garbage = one -> one.median(ours, Figure.GARBAGE_BYTES_PER_MESSAGE);
            lines.add(line, "one", ONE, garbage);
            lines.add(line, "many", MANY, garbage);
            add(line.build());
            add(lines.medians(
                    "for a KiB in bulk, both programs",
                    ours,
                    Figure.GARBAGE_BYTES_PER_KIBIBYTE,
                    Limit.atMost(3, BYTES),
                    "bulk",
                    Lines.BULK));
        }
        name = "G7 at rest";
        for (String kind : new String[] {"TCP", "WebSocket, zero-copy"}) {
            idle("heap of a stream, " + kind, kind, 2_048, Results.Idle::heapBytes);
            idle("resident memory of a stream, " + kind, kind, 4_096, Results.Idle::residentBytes);
        }
        idle("heap of a tunnel", "tunnel", 2_048, Results.Idle::heapBytes);
    }

    private void idle(String subject, String kind, int limitBytes, ToDoubleFunction<Results.Idle> bytes) {
        Line.Builder line = new Line.Builder(subject, "", Limit.atMost(limitBytes, BYTES));
        results.idle(kind).forEach(row -> line.with(row.program(), bytes.applyAsDouble(row)));
        add(line.build());
    }

    private void againstRSocket() {
        name = "G8 against RSocket";
        String base = "rsocket";
        ratios("p50", "tcp", base, Figure.P50_MICROS, atMost(0.85), "one", ONE);
        ratios("messages/s", "tcp", base, Figure.MESSAGES_PER_SECOND, atLeast(1.2), "many", MANY);
        ratios("garbage for a round trip", "tcp", base, Figure.GARBAGE_BYTES_PER_MESSAGE, atMost(0.1), "one", ONE);
        ratios("p50 of a ping beside downloads", "tcp", base, Figure.P50_MICROS, atMost(0.05), "beside", BESIDE);
    }

    private void againstGrpc() {
        name = "G9 against gRPC";
        String base = "grpc";
        ratios("p50", "tcp", base, Figure.P50_MICROS, atMost(0.6), "one", ONE);
        ratios("messages/s", "tcp", base, Figure.MESSAGES_PER_SECOND, atLeast(1.4), "many", MANY);
        ratios(
                "processor time for a GB",
                "tcp",
                base,
                Figure.RELAY_SECONDS_PER_GIGABYTE,
                atMost(0.55),
                "bulk",
                Lines.BULK);
        ratios("garbage for a round trip", "tcp", base, Figure.GARBAGE_BYTES_PER_MESSAGE, atMost(0.01), "one", ONE);
    }

    private void againstParsedMessages() {
        name = "G10 against parsed messages";
        String more = "json";
        ratios("processor time", more, "tcp", Figure.RELAY_MICROS_PER_MESSAGE, atLeast(5), "one", ONE_LARGE);
        ratios("p50", more, "tcp", Figure.P50_MICROS, atLeast(3), "one", ONE_LARGE);
        ratios("garbage", more, "tcp", Figure.GARBAGE_BYTES_PER_MESSAGE, atLeast(500), "one", ONE_LARGE);
        ratios("processor time", more, "tcp", Figure.RELAY_MICROS_PER_MESSAGE, atLeast(2), "one", ONE_KIB);
        ratios("p50", more, "tcp", Figure.P50_MICROS, atLeast(1.2), "one", ONE_KIB);
    }
}
