package io.tunnelmux.benchmarks.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.benchmarks.relay.Scenario.Kind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rounds of all kinds with nothing between client and server, and with servers that fail. */
class LoadRoundTest {
    private static final Duration SHORT = Duration.ofMillis(50);
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    private final Random random = new Random(1);
    private LoadServer server;
    private Thread thread;

    /** What a test's own server does with its one connection. */
    private interface Serving {
        void serve(Socket socket) throws Exception;
    }

    @BeforeEach
    void start() throws IOException {
        server = LoadServer.open(new InetSocketAddress(LOOPBACK, 0));
        thread = new Thread(server, "load");
        thread.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.close();
        thread.join();
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 9, 125, 126, 1_024, 65_535, 65_536, 1_000_003})
    void messagesOfWebSocketsOfAnySizeComeBackUnchanged(int bytes) throws IOException {
        requireTrips(run(Kind.WEBSOCKET, bytes, 3));
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 1_024, 65_536, 1_000_003})
    void bytesOfAnyNumberComeBackUnchanged(int bytes) throws IOException {
        requireTrips(run(Kind.PING, bytes, 3));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 8, 1_024, 1_000_003})
    void requestsAreAnsweredWithBodiesOfAnySize(int bytes) throws IOException {
        requireTrips(run(Kind.HTTP, bytes, 3));
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"DOWN", "UP", "ECHO"})
    void bulkGoesEitherWayAndBoth(Kind kind) throws IOException {
        Round round = run(kind, 0, 2);

        assertThat(round.get(Figure.MEGABYTES_PER_SECOND)).isPositive();
        assertThat(round.get(Figure.P50_MICROS)).isNaN();
    }

    @Test
    void pingsGoBesideDownloads() throws IOException {
        Round round = run(Kind.BESIDE, 64, 2);

        requireTrips(round);
        assertThat(round.get(Figure.MEGABYTES_PER_SECOND)).isPositive();
    }

    @Test
    void pingsGoByTheClockAndNotAsFastAsTheyCan() throws IOException {
        Round round = LoadRound.run(
                        new Scenario("test", Kind.PACED, 1_024, 0), target(), Duration.ofMillis(300), random)
                .get(0);

        // One every 10 ms; beside these 30 there is the first, and those that a stall of the machine stands for.
        assertThat(round.get(Figure.MESSAGES_PER_SECOND)).isBetween(50.0, 150.0);
    }

    @Test
    void aStallIsAsManyLatePingsAsShouldHaveGoneMeanwhile() throws Exception {
        int stallMillis = 200;
        CompletableFuture<Void> stalled = new CompletableFuture<>();
        CountDownLatch goesOn = new CountDownLatch(1);
        try (OneConnection stalling = new OneConnection(socket -> {
            assertThat(socket.getInputStream().read()).isEqualTo(ServedConnection.WANTS_ECHO);
            for (int ping = 0; ; ping++) {
                byte[] message = socket.getInputStream().readNBytes(64);
                if (message.length < 64) {
                    return;
                }
                if (ping == 3) {
                    stalled.complete(null);
                    goesOn.await();
                }
                socket.getOutputStream().write(message);
            }
        })) {
            try (PacedPings pings = PacedPings.start("stalling", stalling.address(), 64, random)) {
                stalled.get(10, TimeUnit.SECONDS);
                pings.await(Duration.ofMillis(stallMillis));
                goesOn.countDown();

                Round round =
                        pings.finish(new RelayMeter.Reading(TimeUnit.SECONDS.toNanos(1), 0, OptionalDouble.empty()));

                // Three that were quick, and one for each 10 ms: 200, 190, … 10 ms late.
                assertThat(round.get(Figure.MESSAGES_PER_SECOND)).isGreaterThanOrEqualTo(3 + stallMillis / 10);
                assertThat(round.get(Figure.P50_MICROS)).isGreaterThan(stallMillis * 1_000 / 4.0);
            }
        }
    }

    @Test
    void whoRefusesIsAnErrorWithTheTargetsName() throws IOException {
        InetSocketAddress nobody;
        try (ServerSocket gone = new ServerSocket(0, 1, LOOPBACK)) {
            nobody = (InetSocketAddress) gone.getLocalSocketAddress();
        }
        Target dead = Target.of("dead", nobody, List.of());

        for (Kind kind : Kind.values()) {
            assertThatThrownBy(() -> LoadRound.run(new Scenario("test", kind, 64, 1), dead, SHORT, random))
                    .as("%s", kind)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("dead");
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aTargetThatClosesIsAnErrorAndNotAFigure(Kind kind) throws Exception {
        // More than one, as pings beside downloads have a connection of their own.
        try (OneConnection closing =
                new OneConnection(socket -> socket.getInputStream().read())) {
            Target target = Target.of("closing", closing.address(), List.of());

            assertThatThrownBy(() -> LoadRound.run(new Scenario("test", kind, 64, 1), target, SHORT, random))
                    .isInstanceOf(IOException.class);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"PING", "DOWN", "ECHO", "PACED"})
    void otherBytesThanTheseAreAnErrorAndNotAFigure(Kind kind) throws Exception {
        try (OneConnection lying = new OneConnection(socket -> {
            byte[] zeros = new byte[4_096];
            for (int count = socket.getInputStream().read();
                    count >= 0;
                    count = socket.getInputStream().read(new byte[64])) {
                socket.getOutputStream().write(zeros);
            }
        })) {
            Target target = Target.of("lying", lying.address(), List.of());

            assertThatThrownBy(() -> LoadRound.run(new Scenario("test", kind, 64, 1), target, SHORT, random))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("other bytes");
        }
    }

    @Test
    void targetsTakeTurnsAtWhatTheyCarryAndNothingElse() throws IOException {
        Target streams = new Target("streams", server.address(), null, List.of(), List.of());
        Scenario ping = new Scenario("test", Kind.PING, 64, 1);
        Scenario http = new Scenario("test", Kind.HTTP, 64, 1);

        Comparison comparison = Comparison.run(
                List.of(ping, http), List.of(target(), streams), List.of(), 1, 3, Duration.ofMillis(20), random);

        assertThat(comparison.rounds(ping, "direct")).hasSize(3);
        assertThat(comparison.rounds(ping, "streams")).hasSize(3);
        assertThat(comparison.rounds(http, "direct")).hasSize(3);
        assertThat(comparison.rounds(http, "streams")).isEmpty();
    }

    @Test
    void aRatioIsTheMedianOfTheRatiosOfNeighbours() {
        List<Round> slow = List.of(p50(30), p50(10), p50(20));
        List<Round> fast = List.of(p50(10), p50(10), p50(10));

        assertThat(Comparison.medianRatio(slow, fast, Figure.P50_MICROS)).isEqualTo(2);
        assertThat(Comparison.medianRatio(List.of(p50(30), p50(10)), fast, Figure.P50_MICROS))
                .isEqualTo(2);
        assertThat(Comparison.medianRatio(slow, List.of(), Figure.P50_MICROS)).isNaN();
        assertThat(Comparison.medianRatio(slow, fast, Figure.MEGABYTES_PER_SECOND))
                .isNaN();
        assertThat(Comparison.median(slow, Figure.P50_MICROS)).isEqualTo(20);
    }

    @Test
    void scenariosHaveKeysOfTheirOwn() {
        assertThat(Scenario.all()).extracting(Scenario::key).doesNotHaveDuplicates();
    }

    private Round run(Kind kind, int bytes, int connections) throws IOException {
        return LoadRound.run(new Scenario("test", kind, bytes, connections), target(), SHORT, random)
                .get(0);
    }

    private static void requireTrips(Round round) {
        assertThat(round.get(Figure.MESSAGES_PER_SECOND)).isPositive();
        assertThat(round.get(Figure.P50_MICROS)).isPositive();
        assertThat(round.get(Figure.P99_MICROS)).isGreaterThanOrEqualTo(round.get(Figure.P50_MICROS));
    }

    private Target target() {
        return Target.of("direct", server.address(), List.of());
    }

    private static Round p50(double micros) {
        return new Round(Map.of(Figure.P50_MICROS, micros));
    }

    /** A server that serves one connection after the other, and closes each when it is served. */
    private static final class OneConnection implements AutoCloseable {
        private final ServerSocket acceptor;
        private final Serving serving;
        private final Thread thread = new Thread(this::run, "server");

        OneConnection(Serving serving) throws IOException {
            acceptor = new ServerSocket(0, 50, LOOPBACK);
            this.serving = serving;
            thread.start();
        }

        InetSocketAddress address() {
            return (InetSocketAddress) acceptor.getLocalSocketAddress();
        }

        private void run() {
            while (!acceptor.isClosed()) {
                try (Socket socket = acceptor.accept()) {
                    socket.setTcpNoDelay(true);
                    serving.serve(socket);
                } catch (Exception e) {
                    // The client has closed, or the test has ended: what it saw is what is judged.
                }
            }
        }

        @Override
        public void close() throws Exception {
            acceptor.close();
            thread.join();
        }
    }
}
