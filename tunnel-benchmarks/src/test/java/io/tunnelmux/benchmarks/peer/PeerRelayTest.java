package io.tunnelmux.benchmarks.peer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PeerRelayTest {
    private final PrintStream original = System.err;
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Process> started = new ArrayList<>();

    @BeforeEach
    void listen() {
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    }

    @AfterEach
    void restore() {
        System.setErr(original);
        started.forEach(Process::destroy);
        threads.shutdownNow();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "json|usage: PeerRelay KIND back --upstream HOST:PORT, or KIND front --tunnel HOST:PORT",
                "xml back --upstream a:1|KIND is one of rsocket, grpc, json, cbor, not 'xml'",
                "json side --upstream a:1|a side is back or front, not 'side'",
                "json back --tunnel 127.0.0.1:1|back needs --upstream, not '--tunnel'",
                "json front --upstream 127.0.0.1:1|front needs --tunnel, not '--upstream'",
                "json back --upstream 127.0.0.1|--upstream is HOST:PORT, not '127.0.0.1'",
                "json back --upstream 127.0.0.1:70000|--upstream is HOST:PORT, not '127.0.0.1:70000'",
            })
    void aWrongOptionIsOneLineAndTwo(String line, String message) throws InterruptedException {
        assertThat(PeerRelay.run(List.of(line.split(" ")))).isEqualTo(2);
        assertThat(lines()).containsExactly("peer: " + message);
    }

    @Test
    void aFrontWithoutABackIsOneLineAndOne() throws InterruptedException {
        assertThat(PeerRelay.run(List.of("json", "front", "--tunnel", "127.0.0.1:1")))
                .isEqualTo(1);
        assertThat(lines()).hasSize(1);
    }

    private List<String> lines() {
        return said.toString(StandardCharsets.UTF_8).lines().toList();
    }

    @ParameterizedTest
    @EnumSource
    void processesSayWhereTheyListenAndRunUntilTheyAreEnded(PeerKind kind) throws Exception {
        TestUpstream upstream = TestUpstream.start(threads, TestUpstream::echo);
        Process back = start(
                kind, "back", "--upstream", "127.0.0.1:" + upstream.address().getPort());
        String tunnel = valueOf(back, "back ready tunnel=");
        Process front = start(kind, "front", "--tunnel", tunnel);
        int port = Integer.parseInt(valueOf(front, "front ready tcp=").split(":")[1]);

        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.getOutputStream().write(7);
            assertThat(socket.getInputStream().read()).isEqualTo(7);
        } finally {
            front.destroy();
            back.destroy();
            upstream.close();
        }
        assertThat(front.waitFor()).isEqualTo(128 + 15);
        assertThat(back.waitFor()).isEqualTo(128 + 15);
    }

    private Process start(PeerKind kind, String side, String option, String to) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        PeerRelay.class.getName(),
                        kind.toString(),
                        side,
                        option,
                        to)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        started.add(process);
        return process;
    }

    private static String valueOf(Process process, String prefix) throws IOException {
        String line = process.inputReader(StandardCharsets.UTF_8).readLine();
        assertThat(line).startsWith(prefix + "127.0.0.1:");
        return line.substring(prefix.length());
    }
}
