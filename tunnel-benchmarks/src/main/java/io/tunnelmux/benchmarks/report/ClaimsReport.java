package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.relay.Figure;
import io.tunnelmux.benchmarks.relay.Scenario;
import io.tunnelmux.benchmarks.report.Limit.Grade;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** Writes {@code benchmarks.md} and its charts. Exit code 1 and one line if something cannot be read or written, 2 for wrong arguments. */
public final class ClaimsReport {
    private static final String USAGE =
            "Usage: ClaimsReport FROM JMH_FILE DOCS COMMAND (see tunnel-benchmarks/report --help)";
    private static final String NOT_KNOWN = "unknown";

    private final Results results;
    private final StringBuilder text = new StringBuilder();

    private ClaimsReport(Results results) {
        this.results = results;
    }

    /** Arguments: the directory with what was measured; JMH's file, which may be missing; the directory to write to; the command that is named as the origin. */
    public static void main(String[] args) {
        System.exit(run(List.of(args)));
    }

    private static int run(List<String> args) {
        if (args.size() != 4) {
            System.err.println(USAGE);
            return 2;
        }
        try {
            write(Path.of(args.get(0)), Path.of(args.get(1)), Path.of(args.get(2)), args.get(3));
            return 0;
        } catch (IOException e) {
            System.err.println("report: " + e);
            return 1;
        }
    }

    /** Reads {@code compare.json} and what else there is in {@code from}, and writes {@code benchmarks.md} and {@code benchmarks/*.svg}. */
    static void write(Path from, Path jmh, Path docs, String command) throws IOException {
        Results results = Results.read(from, jmh);
        if (results.scenarios().isEmpty()) {
            throw new IOException(from.resolve("compare.json") + " has no results");
        }
        Map<String, String> charts = Charts.write(results, docs.resolve("benchmarks"));
        Path file = docs.resolve("benchmarks.md");
        Files.writeString(file, new ClaimsReport(results).all(command, haproxyVersion(from), charts));
        System.out.println("written: " + file + " and " + charts.size() + " charts");
    }

    private static String haproxyVersion(Path from) throws IOException {
        Path file = from.resolve("haproxy-version.txt");
        return Files.exists(file) ? Files.readString(file).strip() : NOT_KNOWN;
    }

    private String all(String command, String haproxy, Map<String, String> charts) throws IOException {
        head(command, haproxy);
        claims();
        goals();
        section("Charts");
        charts.forEach((name, title) -> text.append("![")
                .append(title)
                .append("](benchmarks/")
                .append(name)
                .append(")\n\n"));
        figures();
        advice();
        rest();
        jmh();
        method();
        return text.toString().strip() + '\n';
    }

    private void head(String command, String haproxy) throws IOException {
        text.append("# Benchmarks\n\nMade by `").append(command).append("`; do not edit. ");
        text.append("**Only ratios mean something on another machine.**\n\n");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("measured", results.head("at").replaceAll("T.*", "") + ", commit " + results.head("commit")));
        rows.add(List.of(
                "machine",
                results.head("processor") + ", " + results.head("processors") + " processors, "
                        + Text.number(results.headNumber("memoryBytes") / (1 << 30)) + " GiB, " + results.head("os")
                        + ", " + results.head("architecture")));
        String other = otherJava();
        rows.add(List.of("JDK", results.head("java") + (other.isEmpty() ? "" : "; `ws-other-java`: " + other)));
        rows.add(List.of("HAProxy", haproxy));
        rows.add(List.of(
                "rounds",
                Text.number(results.headNumber("rounds")) + " of " + Text.number(results.headNumber("roundMillis"))
                        + " ms for each way and load, of half that where all processes share one processor"));
        text.append(Text.table(List.of("", ""), rows));
        List<List<String>> ways = new ArrayList<>();
        results.targets()
                .forEach(target -> ways.add(List.of('`' + target + '`', Names.TARGETS.getOrDefault(target, ""))));
        text.append(Text.table(List.of("way", ""), ways));
    }

    /** Empty without another JDK. */
    private String otherJava() throws IOException {
        Properties release = new Properties();
        release.load(new StringReader(results.head("otherJava")));
        String version = release.getProperty("JAVA_RUNTIME_VERSION", release.getProperty("JAVA_VERSION", ""));
        return version.isEmpty() ? "" : "Java " + version.replace("\"", "");
    }

    private void section(String title) {
        text.append("## ").append(title).append("\n\n");
    }

    private void claims() {
        List<Claims.Claim> claims = Claims.of(results);
        section("Claims");
        text.append("""
                What is often claimed for relays that carry a WebSocket's bytes as they are, against those that make parsed messages of them. What \
                it is held against: the same relay by parsed messages (`json`), and WebSockets that are parsed (`aware`). [a / b] is a ratio, \
                [a − b] a difference, of rounds of one turn; 1 KiB × 64 is that size \
                on 64 connections at once. Figures that do not meet what is claimed are bold.

                """);
        List<List<String>> rows = new ArrayList<>();
        String last = "";
        for (Claims.Claim claim : claims) {
            Line line = claim.line();
            rows.add(List.of(
                    claim.words().equals(last) ? "" : claim.words(),
                    line.subject() + ' ' + line.ways(),
                    line.limit().toString(),
                    line.measured(),
                    line.verdict()));
            last = claim.words();
        }
        text.append(Text.table(List.of("claimed", "measured as", "needs", "measured here", "holds?"), rows));
    }

    private void goals() {
        List<Goals.Goal> goals = Goals.of(results);
        section("Goals");
        text.append("""
                Two HAProxys in TCP mode are about what three TCP hops cost at least: they copy bytes and know nothing of streams, credit and \
                tunnels. Many goals are ratios to them. On a shared machine ratios are known to 3 % where all processes share one processor, and to 15 % where they \
                do not, if there are at least 9 rounds; what misses its limit by no more counts as noise. Figures that miss it by more are bold.

                """);
        text.append("Lines: ").append(goals.size());
        text.append(". Passed: ").append(count(goals, Grade.MET));
        text.append("; within noise: ").append(count(goals, Grade.WITHIN_NOISE));
        text.append("; in part: ").append(count(goals, Grade.IN_PART));
        text.append("; failed: ").append(count(goals, Grade.MISSED)).append(".\n\n");
        List<List<String>> rows = new ArrayList<>();
        String last = "";
        for (Goals.Goal goal : goals) {
            Line line = goal.line();
            rows.add(List.of(
                    goal.name().equals(last) ? "" : goal.name(),
                    (line.subject() + ' ' + line.ways()).strip(),
                    line.limit().toString(),
                    line.measured(),
                    line.result()));
            last = goal.name();
        }
        text.append(Text.table(List.of("goal", "measured as", "limit", "measured here", ""), rows));
    }

    private static long count(List<Goals.Goal> goals, Grade grade) {
        return goals.stream().filter(goal -> goal.line().grade() == grade).count();
    }

    private void figures() {
        section("All figures");
        text.append("Medians of rounds; in brackets medians of the ratios to `haproxy`.\n\n");
        if (!results.impossible().isEmpty()) {
            text.append("Left out, as they cannot be: ")
                    .append(String.join("; ", results.impossible()))
                    .append(".\n\n");
        }
        Set<String> groups =
                results.scenarios().stream().map(Measured::group).collect(Collectors.toCollection(LinkedHashSet::new));
        for (String group : groups) {
            text.append("### ").append(Names.GROUPS.getOrDefault(group, group)).append("\n\n");
            for (Measured scenario : results.scenarios(group)) {
                figures(scenario);
            }
        }
    }

    private void figures(Measured scenario) {
        boolean isFull = scenario.group().equals("full");
        List<Figure> figures = new ArrayList<>();
        for (Figure figure : Figure.values()) {
            if (scenario.targets().keySet().stream()
                    .anyMatch(target -> !Double.isNaN(scenario.median(target, figure)))) {
                figures.add(figure);
            }
        }
        List<String> head = new ArrayList<>(List.of(Names.scenario(scenario.key())));
        figures.forEach(figure -> head.add(figure.label()));
        if (isFull) {
            head.add("least round / median round, MB/s");
        }
        List<List<String>> rows = new ArrayList<>();
        for (String target : scenario.targets().keySet()) {
            List<String> row = new ArrayList<>(List.of('`' + target + '`'));
            figures.forEach(figure -> row.add(cell(scenario, target, figure)));
            if (isFull) {
                row.add(Text.number(scenario.leastToMedian(target, Figure.MEGABYTES_PER_SECOND)));
            }
            rows.add(row);
        }
        text.append(Text.table(head, rows));
    }

    private static String cell(Measured scenario, String target, Figure figure) {
        double median = scenario.median(target, figure);
        double ratio = scenario.ratio(target, "haproxy", figure);
        if (Double.isNaN(median)) {
            return "";
        }
        boolean hasRatio = Double.isFinite(ratio) && !target.equals("haproxy");
        return Text.number(median) + (hasRatio ? " (" + Text.number(ratio) + ')' : "");
    }

    private void advice() throws IOException {
        Map<String, String> io = new LinkedHashMap<>();
        io.put("tcp", "epoll");
        io.put("tcp-nio", "NIO");
        io.put("tcp-io_uring", "io_uring");
        String aboutIo = Advice.text(results, io);
        if (!aboutIo.isEmpty()) {
            section("Which I/O to use");
            text.append(
                            "With `--io`; in brackets ratios to the first. The best of each column, by the ratio, is bold.\n\n")
                    .append(aboutIo);
        }
        Map<String, String> jdks = new LinkedHashMap<>();
        jdks.put("ws", "Java " + results.head("java").replaceAll("^.* ", ""));
        jdks.put("ws-other-java", otherJava());
        String aboutJdks = Advice.text(results, jdks);
        if (!aboutJdks.isEmpty()) {
            section("Which Java to use");
            text.append(aboutJdks);
        }
    }

    private void rest() {
        if (results.idle().isEmpty()) {
            return;
        }
        section("At rest");
        List<List<String>> rows = results.idle().stream()
                .map(row -> List.of(
                        row.kind(), row.program(), Text.number(row.heapBytes()), Text.number(row.residentBytes())))
                .toList();
        text.append(Text.table(List.of("one that rests", "program", "heap, B", "resident, B"), rows));
    }

    private void jmh() {
        String tables = JmhTables.text(results.jmh());
        if (!tables.isEmpty()) {
            section("JMH");
            text.append("One thread, in memory, but for `SocketBenchmark`; what each does is told in "
                    + "[tunnel-benchmarks](../tunnel-benchmarks/README.md).\n\n");
            text.append(tables);
        }
    }

    private void method() {
        section("How it is measured");
        text.append("""
                - **In turns**, each time in another order: A B C, C A B, … What disturbs the machine for longer than a turn meets all ways. A ratio is the median of the ratios of \
                rounds of one turn; a number by itself is the median of rounds.
                """);
        text.append("- **Processors**: all processes share one in ")
                .append(groups(Scenario::isPinned))
                .append(": a round trip is then the sum of all work. Not in ")
                .append(groups(scenario -> !scenario.isPinned()))
                .append(": what is bulky needs room, or it shows how the kernel shares one processor.\n");
        text.append("""
                - **Warm-up**: unmeasured passes over all ways and loads go before. Client and upstream are the same for all, and check what comes back.
                - **Pings by the clock** count what should have been sent while an answer was late, each as late as it would have been (coordinated omission). \
                Other round trips follow each other.
                - **Processor time** is user and system time of the relays' processes alone, from `/proc`, JIT compilers and collectors included.
                - **Garbage** is what the threads of the relays' JVMs allocated on the heap, as `ThreadMXBean` tells; HAProxy has none.
                - **At rest**: heap is what a full collection leaves; resident is that, and what the process has in memory beside its heap.
                - **Not measured**: memory of the kernel's (buffers of sockets); counts of instructions, which a JIT compiler makes different in each run; \
                networks, as all is on 127.0.0.1.
                """);
    }

    private static String groups(Predicate<Scenario> which) {
        return Scenario.all().stream()
                .filter(which)
                .map(Scenario::group)
                .distinct()
                .map(group -> '“' + Names.GROUPS.getOrDefault(group, group) + '”')
                .collect(Collectors.joining(", "));
    }
}
