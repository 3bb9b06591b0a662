package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * What the modes of WebSockets cost, side by side: round trips of one connection, processor time of what many carry, and memory of connections that rest. Each mode
 * has a gateway and an agent of its own, as processes with their defaults; the modes take turns. Exit code 1 if something fails, 2 for a wrong option.
 */
public final class Modes {
    private static final String USAGE = """
            Usage: tunnel-benchmarks/compare-modes [OPTION]...
            Round trips, processor time and memory of WebSockets by mode, as a table. All keep to one processor. About 6 minutes.
              --rounds N             of each mode and size                    (default: 7)
              --seconds S            of a round                               (default: 2)
              --connections N        that carry messages of 16 KiB at once    (default: 64)
              --idle N               that rest, up to 1,000                   (default: 1000)
            Exit code 0: measured. 1: something failed. 2: wrong option. 3: not built (./mvnw -DskipTests package).""";

    private static final String DIRECT = "direct";
    private static final List<Integer> SIZES = List.of(64, 1024, 16_384);
    private static final int BULK_BYTES = 16_384;
    private static final Duration DEADLINE = Duration.ofSeconds(10);
    /** What rests has said something before. */
    private static final int IDLE_BYTES = 1024;

    private final Path root;
    private final Path log;
    private final int rounds;
    private final Duration round;
    private final int connections;
    private final int idle;
    private final Random random = new Random();

    private Modes(Path root, Options options) {
        this.root = root;
        log = options.log();
        rounds = options.number("--rounds", 7, 1, 1_000);
        round = Duration.ofSeconds(options.number("--seconds", 2, 1, 600));
        connections = options.number("--connections", 64, 1, 1_000);
        idle = options.number("--idle", 1_000, 1, 1_000);
    }

    /** The first argument is the project's root. */
    public static void main(String[] args) {
        List<String> all = Arrays.asList(args);
        System.exit(exitCodeOf(Path.of(all.get(0)), all.subList(1, all.size())));
    }

    static int exitCodeOf(Path root, List<String> args) {
        return Options.run("compare-modes", USAGE, args, options -> new Modes(root, options)::run);
    }

    private void run() throws IOException {
        try (ChildProcess echo = ChildProcess.start(log, RelayBench.class, "none", List.of("echo"));
                Pair zeroCopy = new Pair("zero-copy", echo);
                Pair aware = new Pair("aware", echo)) {
            List<Target> targets = List.of(
                    new Target(DIRECT, Target.parseAddress(addressOf(echo)), List.of()), zeroCopy.target, aware.target);
            Comparison single = compare(targets, SIZES, 1);
            Comparison many = compare(targets, List.of(BULK_BYTES), connections);
            List<String> heaps = new ArrayList<>();
            for (Target target : targets) {
                heaps.add(target.relays().isEmpty() ? "" : String.format(Locale.ROOT, "%.1f", heapOf(target) / 1e3));
            }
            report(targets, single, many, heaps);
        }
    }

    private static String addressOf(ChildProcess echo) {
        return echo.readyLine().replace("echo ready ", "");
    }

    /** A gateway and an agent. */
    private final class Pair implements AutoCloseable {
        private final ChildProcess gateway;
        private final ChildProcess agent;
        private final Target target;

        Pair(String mode, ChildProcess echo) throws IOException {
            Programs programs = new Programs(root, "", log);
            gateway = programs.startGateway("--websocket-mode " + mode);
            try {
                agent = programs.startAgent(gateway.readyValue("tunnel"), addressOf(echo));
            } catch (IOException e) {
                gateway.close();
                throw e;
            }
            target = new Target(
                    mode, Target.parseAddress(gateway.readyValue("http")), List.of(gateway.pid(), agent.pid()));
        }

        @Override
        public void close() {
            agent.close();
            gateway.close();
        }
    }

    private Comparison compare(List<Target> targets, List<Integer> sizes, int count) throws IOException {
        System.err.println("round trips of " + sizes + " bytes, " + count + " at once");
        return Comparison.run(new Load(sizes, count, 2, rounds, round, "/"), targets, random);
    }

    /** Bytes of objects that live at gateway and agent together for one connection that rests. */
    private double heapOf(Target target) throws IOException {
        System.err.println(idle + " that rest, " + target.name());
        // Whatever is made for the first ones and kept is there before.
        openAll(target, () -> 0);
        long before = ProcessMemory.liveHeapBytes(target.relays());
        long with = openAll(target, () -> ProcessMemory.liveHeapBytes(target.relays()));
        return (with - before) / (double) idle;
    }

    /** What can be measured, and can fail. */
    private interface Measurement {
        long get() throws IOException;
    }

    /** Measures while connections are open that have had an answer each. */
    private long openAll(Target target, Measurement measurement) throws IOException {
        List<EchoClient> clients = new ArrayList<>();
        try (Selector selector = Selector.open()) {
            for (int i = 0; i < idle; i++) {
                EchoClient client = EchoClient.open(target, "/", IDLE_BYTES, DEADLINE, selector, random);
                clients.add(client);
                client.send();
                awaitAnswer(target, selector, client);
            }
            long measured = measurement.get();
            for (EchoClient client : clients) {
                client.close(DEADLINE);
            }
            return measured;
        } finally {
            clients.forEach(EchoClient::abandon);
        }
    }

    private static void awaitAnswer(Target target, Selector selector, EchoClient client) throws IOException {
        boolean isAnswered = false;
        while (!isAnswered) {
            if (selector.select(DEADLINE.toMillis()) == 0) {
                throw new IOException(target.name() + " gave no sign of life for " + DEADLINE);
            }
            for (SelectionKey key : selector.selectedKeys()) {
                isAnswered |= key.attachment() == client && client.onReady() >= 0;
            }
            selector.selectedKeys().clear();
        }
    }

    private void report(List<Target> targets, Comparison single, Comparison many, List<String> heaps) {
        List<String> names = targets.stream().map(Target::name).toList();
        row("", names);
        row("---", names.stream().map(name -> "---").toList());
        for (int size : SIZES) {
            row(
                    "round trip p50; p99, µs, " + size + " B",
                    figures(single, size, names, RoundResult::p50Micros, "%.0f"),
                    figures(single, size, names, RoundResult::p99Micros, "%.0f"));
        }
        row(
                "messages of 16 KiB per second, " + connections + " at once",
                figures(many, BULK_BYTES, names, RoundResult::messagesPerSecond, "%.0f"));
        // An echo is carried twice by both.
        row(
                "processor time of gateway and agent, s/GB carried",
                figures(
                        many,
                        BULK_BYTES,
                        names,
                        result -> result.relayMicrosPerMessage() / 1e6 / (2 * BULK_BYTES / 1e9),
                        "%.2f"));
        row("heap of a connection, both programs, KB", heaps);
    }

    private static List<String> figures(
            Comparison comparison, int size, List<String> names, ToDoubleFunction<RoundResult> figure, String format) {
        return names.stream()
                .map(name -> String.format(Locale.ROOT, format, Report.median(comparison.rounds(size, name), figure)))
                .toList();
    }

    @SafeVarargs
    private static void row(String name, List<String>... columns) {
        StringBuilder row = new StringBuilder("| ").append(name).append(" |");
        for (int i = 0; i < columns[0].size(); i++) {
            int index = i;
            String cell =
                    Arrays.stream(columns).map(column -> column.get(index)).collect(Collectors.joining("; "));
            row.append(' ').append(cell).append(" |");
        }
        System.out.println(row);
    }
}
