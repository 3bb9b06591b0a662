package io.tunnelmux.benchmarks.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RelayBenchTest {
    private static final Duration SHORT = Duration.ofMillis(50);

    private static final int SWITCHING_BYTES =
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            + "Sec-WebSocket-Accept: \r\n\r\n")
                    .length();

    private final Random random = new Random(1);
    private EchoServer server;
    private Thread thread;

    @BeforeEach
    void start() throws IOException {
        server = EchoServer.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        thread = new Thread(server, "echo");
        thread.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.close();
        thread.join();
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 9, 125, 126, 1_024, 65_535, 65_536, 1_000_003})
    void messagesOfAnySizeComeBackUnchanged(int size) throws IOException {
        RoundResult result = LoadRound.run(load(List.of(size), 3, 1), target(), size, random);

        assertThat(result.messagesPerSecond()).isPositive();
        assertThat(result.p99Micros()).isGreaterThanOrEqualTo(result.p50Micros());
    }

    @Test
    void framesAreAnsweredHoweverTheyAreSplit() throws IOException {
        ByteBuffer frames = ByteBuffer.allocate(2 * (6 + 5));
        for (int start : new int[] {0, 11}) {
            WebSocketFrames.putMaskedHeader(frames, start, WebSocketFrames.BINARY_FINAL, 5, 0x0badcafe);
            frames.put(start + 6, new byte[] {1, 2, 3, 4, 5});
            WebSocketFrames.mask(frames, start + 6, 5, 0x0badcafe);
        }
        for (int split = 1; split < frames.capacity(); split++) {
            try (Socket socket =
                    new Socket(server.address().getAddress(), server.address().getPort())) {
                socket.setTcpNoDelay(true);
                socket.getOutputStream().write("GET / HTTP/1.1\r\nSec-WebSocket-Key: k\r\n\r\n".getBytes());
                socket.getOutputStream().write(frames.array(), 0, split);
                socket.getOutputStream().write(frames.array(), split, frames.capacity() - split);
                String accept = WebSocketFrames.acceptFor("k");
                byte[] head = socket.getInputStream().readNBytes(SWITCHING_BYTES + accept.length());
                assertThat(new String(head)).startsWith("HTTP/1.1 101 ").endsWith(accept + "\r\n\r\n");
                assertThat(socket.getInputStream().readNBytes(14))
                        .containsExactly(0x82, 5, 1, 2, 3, 4, 5, 0x82, 5, 1, 2, 3, 4, 5);
            }
        }
    }

    @Test
    void comparisonHoldsNeighbouringRoundsAgainstEachOther(@TempDir Path dir) throws IOException {
        Target again = new Target(
                "again", server.address(), List.of(ProcessHandle.current().pid()));
        Comparison comparison = Comparison.run(load(List.of(64, 1_024), 1, 3), List.of(target(), again), random);
        Report report = new Report(comparison, List.of("direct"));
        report.writeJson(dir.resolve("result.json"));

        assertThat(comparison.rounds().get(64).get("again")).hasSize(3);
        assertThat(report.table().lines()).hasSize(5);
        assertThat(Files.readString(dir.resolve("result.json"))).contains("\"target\" : \"again\"", "\"ratioTo\"");
    }

    @Test
    void ratioIsTheMedianOfTheRatiosOfEachRound() {
        List<RoundResult> slow = List.of(p50(30), p50(10), p50(20));
        List<RoundResult> fast = List.of(p50(10), p50(10), p50(10));

        assertThat(Report.medianRatio(slow, fast, RoundResult::p50Micros)).isEqualTo(2);
        assertThat(Report.medianRatio(slow, List.of(), RoundResult::p50Micros)).isNaN();
    }

    @Test
    void targetThatClosesIsAnErrorAndNotAFigure() throws IOException {
        try (ServerSocket refusing = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            InetSocketAddress address = (InetSocketAddress) refusing.getLocalSocketAddress();
            refusing.close();
            Target dead = new Target("dead", address, List.of());

            assertThatThrownBy(() -> LoadRound.run(load(List.of(64), 1, 1), dead, 64, random))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("dead");
        }
    }

    @Test
    void processorTimeIsReadBehindANameOfAnyKind() {
        assertThat(ProcessorTime.ticks("7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14"))
                .isEqualTo(11 + 12);
    }

    private Target target() {
        return new Target("direct", server.address(), List.of());
    }

    private static Load load(List<Integer> sizes, int connections, int rounds) {
        return new Load(sizes, connections, 1, rounds, SHORT, "/");
    }

    private static RoundResult p50(double micros) {
        return new RoundResult(micros, micros, 1, 1);
    }
}
