package io.tunnelmux.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClaimsReportTest {
    private static final String HEAD = """
            "at": "2026-01-02T03:04:05Z", "java": "VM 17.0.1+1", "os": "Linux 6", "architecture": "amd64", "processors": 2,
            "processor": "Test", "memoryBytes": 1073741824, "commit": "abc", "rounds": 9, "roundMillis": 1000""";

    @TempDir
    Path directory;

    private Path docs;

    @BeforeEach
    void docs() throws IOException {
        docs = Files.createDirectory(directory.resolve("docs"));
    }

    private static String target(String name, double... p50Micros) {
        StringBuilder rounds = new StringBuilder();
        for (double micros : p50Micros) {
            rounds.append(rounds.isEmpty() ? "" : ",")
                    .append(String.format(
                            Locale.ROOT, "{\"p50Micros\": %s, \"garbageBytesPerMessage\": %s}", micros, micros * 4));
        }
        return '"' + name + "\": [" + rounds + ']';
    }

    private static String scenario(String group, String key, String... targets) {
        return "{\"group\": \"" + group + "\", \"key\": \"" + key + "\", \"targets\": {" + String.join(",", targets)
                + "}}";
    }

    private String report(String... scenarios) throws IOException {
        return reportOf(HEAD, scenarios);
    }

    private String reportOf(String head, String... scenarios) throws IOException {
        Files.writeString(
                directory.resolve("compare.json"),
                '{' + head + ", \"scenarios\": [" + String.join(",", scenarios) + "]}");
        ClaimsReport.write(directory, directory.resolve("jmh-full.json"), docs, "the-command");
        return Files.readString(docs.resolve("benchmarks.md"));
    }

    /** The one line that begins with, or after an empty cell has, this. */
    private static String line(String report, String part) {
        return report.lines()
                .filter(line -> line.contains("| " + part))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no line with " + part));
    }

    @Test
    void aClaimThatDoesNotHoldIsCalledRefutedWithWhatWasMeasured() throws IOException {
        String report = report(scenario("one", "ping-64x1", target("tcp", 50, 50, 50), target("json", 60, 60, 60)));

        assertThat(line(report, "p50 [json / tcp]")).contains("| ≥ 10 x | 64 B **1.20** | **refuted** |");
    }

    @Test
    void aClaimThatHoldsForOneSizeSaysForWhich() throws IOException {
        String report = report(
                scenario("one", "ping-64x1", target("tcp", 50), target("json", 60)),
                scenario("one", "ping-1024x1", target("tcp", 50), target("json", 70)),
                scenario("one", "ping-16384x1", target("tcp", 50), target("json", 600)));

        assertThat(line(report, "p50 [json / tcp]"))
                .contains("64 B **1.20**; 1 KiB **1.40**; 16 KiB 12 |")
                .contains("for 16 KiB only");
    }

    @Test
    void aClaimThatHoldsEverywhereHolds() throws IOException {
        String report = report(scenario("one", "ping-64x1", target("tcp", 50), target("json", 600)));

        assertThat(line(report, "p50 [json / tcp]")).endsWith("| 64 B 12 | holds |");
    }

    @Test
    void aGoalThatFailsShowsLimitAndMeasuredValue() throws IOException {
        String report = report(scenario("one", "ping-64x1", target("haproxy", 100), target("tcp", 110)));

        assertThat(line(report, "G1 latency | p50 [tcp / haproxy]"))
                .endsWith("| ≤ 0.97 x | 64 B **1.10** | **fail** |");
        assertThat(report).contains("Lines: 2. Passed: 0; within noise: 0; in part: 0; failed: 2.");
    }

    @Test
    void whatNoiseMayHaveDonePassesAndIsCountedApart() throws IOException {
        String report = report(
                scenario("one", "ping-64x1", target("haproxy", 1000), target("tcp", 999)),
                scenario("one", "ping-1024x1", target("haproxy", 1000), target("tcp", 1001)),
                scenario("beside", "beside-64x8", target("haproxy", 1000), target("tcp", 114)));

        assertThat(line(report, "G1 latency | p50 [tcp / haproxy]"))
                .as("1.001 is more than 3 % above 0.97")
                .endsWith("| 64 B 1.00; 1 KiB **1.00** | **fail** |");
        assertThat(line(report, "G5 urgent beside bulk | p50")).endsWith(" 0.11 | pass, within noise |");
        assertThat(report).contains("; within noise: 1;");
    }

    @Test
    void fewRoundsDoNotPassWithinNoise() throws IOException {
        String report = reportOf(
                HEAD.replace("\"rounds\": 9", "\"rounds\": 8"),
                scenario("one", "ping-64x1", target("haproxy", 1000), target("tcp", 980)));

        assertThat(line(report, "G1 latency | p50 [tcp / haproxy]"))
                .endsWith("| ≤ 0.97 x | 64 B **0.98** | **fail** |");
    }

    @Test
    void fewRoundsGiveNoAdvice() throws IOException {
        String report = reportOf(
                HEAD.replace("\"rounds\": 9, ", ""),
                scenario("one", "ping-64x1", target("tcp", 100), target("tcp-nio", 90)));

        assertThat(report).contains("Too few rounds for advice.").doesNotContain("**Use ");
    }

    @Test
    void aGoalMayBeMetInPart() throws IOException {
        String report = report(scenario("beside", "beside-64x8", target("haproxy", 1000), target("tcp", 150)));

        assertThat(line(report, "G5 urgent beside bulk | p50")).endsWith("| partly |");
    }

    @Test
    void ratiosAreMediansOfTheRatiosOfNeighbouringRounds() throws IOException {
        // The medians are 300 and 100.
        String report =
                report(scenario("one", "ping-64x1", target("haproxy", 10, 100, 1000), target("tcp", 5, 300, 400)));

        assertThat(line(report, "G1 latency | p50 [tcp / haproxy]")).contains("64 B 0.50 | pass");
        assertThat(line(report, "`tcp` | 300")).contains("300 (0.50)");
    }

    @Test
    void whatWasNotMeasuredHasNoRow() throws IOException {
        String report = report(scenario("one", "ping-64x1", target("haproxy", 100), target("tcp", 90)));

        assertThat(report)
                .doesNotContain("json / tcp", "against RSocket", "against gRPC", "ws-other-java")
                .doesNotContain("NaN", "## Which", "## JMH", "## At rest", "| ? |");
    }

    @Test
    void aFigureBelowZeroIsLeftOutAndNamed() throws IOException {
        String report = report(scenario("one", "ping-64x1", target("haproxy", 100), target("tcp", -1)));

        assertThat(report).contains("Left out, as they cannot be: ping-64x1 tcp p50Micros -1.0");
        assertThat(report).doesNotContain("[tcp / haproxy]");
    }

    @Test
    void ofFullStreamsTheLeastRoundIsTold() throws IOException {
        String report = report(
                scenario(
                        "full",
                        "full-0x16",
                        "\"tcp\": [{\"megabytesPerSecond\": 100}, {\"megabytesPerSecond\": 80}, {\"megabytesPerSecond\": 120}]"));

        assertThat(line(report, "`tcp` | 100")).endsWith("| 0.80 |");
    }

    @Test
    void theBestWayOfEachColumnIsMarkedAndAdviceFollows() throws IOException {
        String report = report(
                scenario("one", "ping-64x1", target("tcp", 100), target("tcp-nio", 101)),
                scenario("one", "ping-16384x1", target("tcp", 100), target("tcp-nio", 50)));

        assertThat(line(report, "NIO")).isEqualTo("| NIO | 101 (1.01) | **50 (0.50)** |");
        assertThat(report).contains("**Use NIO**: best, or as good as far as noise lets see, in 2 of 2 columns.\n");
    }

    @Test
    void memoryAtRestAndJmhAreReadWhereTheyAre() throws IOException {
        Files.writeString(directory.resolve("idle.json"), """
                [{"kind": "TCP", "program": "gateway", "heapBytes": 3000, "residentBytes": 3500},
                 {"kind": "WebSocket, zero-copy", "program": "agent", "heapBytes": 1000, "residentBytes": 2000},
                 {"kind": "WebSocket, aware", "program": "agent", "heapBytes": 3500, "residentBytes": 4000}]""");
        Files.writeString(directory.resolve("jmh-full.json"), """
                [{"benchmark": "a.b.CodecBenchmark.send", "params": {"size": "1024"}, "primaryMetric": {"score": 12.34,
                  "scoreError": "NaN", "scoreUnit": "us/op"}, "secondaryMetrics": {"gc.alloc.rate.norm": {"score": 24}}}]""");

        String report = report(scenario("one", "ping-64x1", target("tcp", 100)));

        assertThat(line(report, "G7 at rest | heap of a stream, TCP")).contains("| gateway **3,000** | **fail** |");
        assertThat(line(report, "heap of both programs, resting WebSocket [aware / zero-copy]"))
                .contains("| 3.50 | holds |");
        assertThat(line(report, "send")).isEqualTo("| send | 12.3 µs; 24 B |");
    }

    @Test
    void chartsAreWrittenAndLinked() throws IOException {
        String report = report(scenario("one", "ping-64x1", target("direct", 20), target("tcp", 100)));

        assertThat(report).contains("Made by `the-command`", "](benchmarks/latency.svg)", "](benchmarks/garbage.svg)");
        assertThat(docs.resolve("benchmarks/latency.svg")).content().contains("<svg");
        assertThat(docs.resolve("benchmarks/bulk.svg")).doesNotExist();
    }

    @Test
    void chartsOfWhatIsNotMeasuredAnyMoreGo() throws IOException {
        Files.createDirectory(docs.resolve("benchmarks"));
        Path stale = Files.writeString(docs.resolve("benchmarks/bulk.svg"), "old");

        report(scenario("one", "ping-64x1", target("direct", 20), target("tcp", 100)));

        assertThat(stale).doesNotExist();
    }

    @Test
    void whatIsNoJsonIsNamed() throws IOException {
        Path idle = Files.writeString(directory.resolve("idle.json"), "[{]");

        assertThatThrownBy(() -> report(scenario("one", "ping-64x1", target("tcp", 100))))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(idle + " is no JSON: ");
    }

    @Test
    void ofNothingThereIsNoReport() {
        assertThatThrownBy(this::report).isInstanceOf(IOException.class).hasMessageContaining("has no results");
        assertThat(docs).isEmptyDirectory();
    }

    @Test
    void withoutAComparisonThereIsNoReport() {
        assertThatThrownBy(() -> ClaimsReport.write(directory, directory.resolve("jmh-full.json"), docs, "the-command"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("compare.json");
    }
}
