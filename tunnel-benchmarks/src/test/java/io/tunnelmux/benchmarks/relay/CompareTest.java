package io.tunnelmux.benchmarks.relay;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The comparison as a process, as it pins itself to a processor, and what it reads of others. */
class CompareTest {
    private static final int PATIENCE_SECONDS = 60;

    @Test
    @EnabledOnOs(OS.LINUX)
    void allRoundsAreWrittenAsJson(@TempDir Path dir) throws Exception {
        Path json = dir.resolve("deeper/result.json");
        Path said = dir.resolve("said");
        List<String> command = new ArrayList<>(List.of(
                ChildProcess.JAVA,
                "-cp",
                System.getProperty("java.class.path"),
                Compare.class.getName(),
                dir.toString()));
        command.addAll(List.of("--targets", "direct", "--rounds", "1", "--millis", "50", "--warm-up", "0"));
        command.addAll(List.of("--scenarios", "one,bulk", "--json", json.toString()));
        Process compare = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        try {
            assertThat(compare.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        } finally {
            compare.destroy();
        }

        assertThat(compare.exitValue()).as(Files.readString(said)).isZero();
        JsonNode results = new ObjectMapper().readTree(json.toFile());
        List<Scenario> expected = Scenario.all().stream()
                .filter(scenario -> List.of("one", "bulk").contains(scenario.group()))
                .toList();
        assertThat(results.get("roundMillis").asInt()).isEqualTo(50);
        assertThat(results.get("scenarios")).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            JsonNode scenario = results.get("scenarios").get(i);
            JsonNode rounds = scenario.get("targets").get("direct");
            Figure figure = expected.get(i).kind().isBulk() ? Figure.MEGABYTES_PER_SECOND : Figure.P50_MICROS;
            assertThat(scenario.get("key").asText()).isEqualTo(expected.get(i).key());
            assertThat(rounds).hasSize(1);
            assertThat(rounds.get(0).get(figure.key()).asDouble()).isPositive();
        }
    }

    @Test
    void whatAJvmAllocatesSinceAMarkIsCounted(@TempDir Path dir) throws IOException {
        int bodyBytes = 4_000_000;
        try (ChildProcess server = ChildProcess.start(dir.resolve("log"), LoadServer.class, List.of());
                Allocation allocation = Allocation.of(server.pid())) {
            InetSocketAddress address = Target.parseAddress(server.readyValue("at"));
            allocation.mark();
            try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
                socket.getOutputStream()
                        .write(("GET /" + bodyBytes + " HTTP/1.1\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1));
                InputStream in = socket.getInputStream();
                assertThat(in.readNBytes(bodyBytes)).hasSize(bodyBytes);
            }

            // The answer is put together in an array.
            assertThat(allocation.bytesSinceMark()).isBetween((long) bodyBytes, 4L * bodyBytes);
            allocation.mark();
            assertThat(allocation.bytesSinceMark()).isLessThan(bodyBytes);
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void processorTimeIsThatOfAnotherProcessFromTheStartOn() throws IOException {
        Process busy = new ProcessBuilder("sh", "-c", "echo; read LINE; while :; do :; done").start();
        try {
            busy.getInputStream().read();
            ProcessorTime time = ProcessorTime.start(List.of(busy.pid()));
            assertThat(time.seconds()).as("of one that waits").isLessThan(0.005);

            busy.getOutputStream().write('\n');
            busy.getOutputStream().flush();
            while (time.seconds() <= 0.05) {
                Thread.onSpinWait();
            }

            assertThat(ProcessorTime.start(List.of(busy.pid())).seconds()).isLessThan(0.05);
        } finally {
            busy.destroyForcibly();
        }
    }

    @Test
    void noProcessesTakeNoProcessorTime() throws IOException {
        assertThat(ProcessorTime.start(List.of()).seconds()).isZero();
    }
}
