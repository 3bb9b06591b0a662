package io.tunnelmux.benchmarks.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.util.ResourceLeakDetector;
import io.tunnelmux.benchmarks.Limits;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyLoops;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What gateway and agent do for each message, held against {@code limits.properties}: heap, system calls, and buffers beside those that sockets are read into. None
 * of it is time, so that it is the same on every machine.
 */
class RelayCostTest {
    private static final int ECHO = 0;
    private static final int SINK = 1;
    private static final int SOURCE = 2;
    private static final int WINDOW = 500;
    private static final int MOST_WINDOWS = 60;
    private static final int BULK_BYTES = 50_000_000;
    private static final int MOST_BULKS = 6;
    private static final int BURST = 64;
    private static final int MOST_BURSTS = 20;
    private static final long PATIENCE_SECONDS = 30;

    private static ResourceLeakDetector.Level level;

    private final Semaphore sunkBytes = new Semaphore(0);
    private final List<AutoCloseable> open = new ArrayList<>();
    private LoopbackRelay relay;
    private LoopCounters gateway;
    private LoopCounters agent;

    /** Every buffer that is watched for leaks is some more garbage. */
    @BeforeAll
    static void watchNoLeaks() {
        level = ResourceLeakDetector.getLevel();
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    }

    @AfterAll
    static void watchLeaks() {
        ResourceLeakDetector.setLevel(level);
    }

    @AfterEach
    void close() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "NIO, TCP, 64", "NIO, TCP, 16384", "NIO, WEBSOCKET, 64", "NIO, WEBSOCKET, 16384",
        "EPOLL, TCP, 64", "EPOLL, TCP, 16384", "EPOLL, WEBSOCKET, 64", "EPOLL, WEBSOCKET, 16384"
    })
    void roundTripMakesLittleGarbage(IoMode mode, SocketBenchmark.Way way, int size) throws Exception {
        start(mode);
        EchoCaller caller = call(way, size);
        Limits.requireWithin(name("heap-bytes", mode, way, size), MOST_WINDOWS, () -> {
            long before = gateway.allocatedBytes() + agent.allocatedBytes();
            roundTrips(caller);
            return (gateway.allocatedBytes() + agent.allocatedBytes() - before) / (double) WINDOW;
        });
    }

    @ParameterizedTest
    @CsvSource({"TCP, 64", "TCP, 16384", "WEBSOCKET, 64", "WEBSOCKET, 16384"})
    void roundTripTakesFewSystemCalls(SocketBenchmark.Way way, int size) throws Exception {
        assumeTrue(LoopCounters.countsCalls(), "reads and writes are counted by thread");
        start(IoMode.NIO);
        EchoCaller caller = call(way, size);
        Limits.requireWithin(name("system-calls", IoMode.NIO, way, size), MOST_WINDOWS, () -> {
            long before = gateway.calls() + agent.calls();
            roundTrips(caller);
            return (gateway.calls() + agent.calls() - before) / (double) WINDOW;
        });
    }

    @Test
    void whatComesInOneTurnLeavesInOneWrite() throws Exception {
        assumeTrue(LoopCounters.countsCalls(), "reads and writes are counted by thread");
        start(IoMode.NIO);
        List<EchoCaller> callers = new ArrayList<>();
        for (int i = 0; i < BURST; i++) {
            callers.add(opened(EchoCaller.connect(relay.tcpAddress(SINK), 64)));
            callers.get(i).send();
        }
        awaitSunk(BURST * 64);
        TunnelLoop loop = relay.gatewayTunnel().loop();
        Limits.requireWithin("writes.burst-of-64", MOST_BURSTS, () -> {
            CountDownLatch held = new CountDownLatch(1);
            CountDownLatch released = new CountDownLatch(1);
            loop.execute(() -> {
                held.countDown();
                awaitQuietly(released);
            });
            assertThat(held.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            for (EchoCaller caller : callers) {
                caller.send();
            }
            long before = gateway.writes();
            released.countDown();
            awaitSunk(BURST * 64);
            return (double) (gateway.writes() - before);
        });
    }

    @ParameterizedTest
    @EnumSource(
            value = SocketBenchmark.Way.class,
            names = {"TCP", "WEBSOCKET"})
    void largeMessagesAreNotCopied(SocketBenchmark.Way way) throws Exception {
        start(IoMode.NIO);
        EchoCaller caller = call(way, 16_384);
        requireUncopied(name("copied-bytes", IoMode.NIO, way, 16_384), 2L * WINDOW * 16_384, () -> roundTrips(caller));
    }

    @Test
    void bulkUpTheTunnelIsNotCopied() throws Exception {
        start(IoMode.NIO);
        SocketChannel connection = opened(SocketChannel.open(relay.tcpAddress(SINK)));
        requireUncopied("copied-bytes.bulk.to-agent", BULK_BYTES, () -> upload(connection));
    }

    @Test
    void bulkDownTheTunnelIsHardlyCopied() throws Exception {
        start(IoMode.NIO);
        SocketChannel connection = opened(SocketChannel.open(relay.tcpAddress(SOURCE)));
        requireUncopied("copied-bytes.bulk.to-gateway", BULK_BYTES, () -> download(connection));
    }

    @Test
    void bulkMakesLittleGarbage() throws Exception {
        start(IoMode.NIO);
        SocketChannel up = opened(SocketChannel.open(relay.tcpAddress(SINK)));
        SocketChannel down = opened(SocketChannel.open(relay.tcpAddress(SOURCE)));
        Limits.requireWithin("heap-bytes.bulk.kilobyte", MOST_BULKS, () -> {
            long before = gateway.allocatedBytes() + agent.allocatedBytes();
            upload(up);
            download(down);
            return (gateway.allocatedBytes() + agent.allocatedBytes() - before) * 1_000.0 / (2 * BULK_BYTES);
        });
    }

    /** What one attempt relays. */
    private interface Transfer {
        void run() throws Exception;
    }

    /** Requires that few bytes of buffers are taken for each byte that goes through both, beside those that sockets are read into. */
    private void requireUncopied(String limit, long bytes, Transfer transfer) throws Exception {
        StringBuilder places = new StringBuilder();
        Limits.requireWithin(
                limit,
                MOST_BULKS,
                () -> {
                    try (BufferRecording recording = new BufferRecording()) {
                        transfer.run();
                        recording.stop(gateway, agent);
                        places.replace(0, places.length(), recording.toString());
                        assertThat(recording.readBytes())
                                .as("bytes read, of %s", recording)
                                .isGreaterThanOrEqualTo(bytes);
                        return recording.otherBytes() / (double) bytes;
                    }
                },
                places::toString);
    }

    private void start(IoMode mode) throws Exception {
        assumeTrue(mode != IoMode.EPOLL || hasEpoll(), "epoll is there");
        LoopbackServer upgrading = opened(LoopbackServer.start(LoopbackServer::upgradeAndEcho));
        LoopbackServer echo = opened(LoopbackServer.start(LoopbackServer::echo));
        LoopbackServer sink = opened(LoopbackServer.start(this::sink));
        LoopbackServer source = opened(LoopbackServer.start(LoopbackServer::send));
        relay = opened(LoopbackRelay.start(
                mode, upgrading.address(), List.of(echo.address(), sink.address(), source.address())));
        gateway = LoopCounters.of(relay.gatewayTunnel());
        agent = LoopCounters.of(relay.agentTunnel());
    }

    private static boolean hasEpoll() {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.EPOLL)) {
            return loops.mode() == IoMode.EPOLL;
        } catch (UnsupportedOperationException e) {
            return false;
        }
    }

    private EchoCaller call(SocketBenchmark.Way way, int size) throws IOException {
        return opened(
                way == SocketBenchmark.Way.TCP
                        ? EchoCaller.connect(relay.tcpAddress(ECHO), size)
                        : EchoCaller.upgrade(relay.httpAddress(), size));
    }

    private static void roundTrips(EchoCaller caller) throws IOException {
        for (int i = 0; i < WINDOW; i++) {
            caller.roundTrip();
        }
    }

    private void sink(SocketChannel connection, ByteBuffer buffer) throws IOException {
        for (int count = connection.read(buffer); count >= 0; count = connection.read(buffer.clear())) {
            sunkBytes.release(count);
        }
    }

    private void awaitSunk(int bytes) throws InterruptedException {
        assertThat(sunkBytes.tryAcquire(bytes, PATIENCE_SECONDS, TimeUnit.SECONDS))
                .isTrue();
    }

    private void upload(SocketChannel connection) throws Exception {
        ByteBuffer chunk = ByteBuffer.allocateDirect(256 * 1024);
        int left = BULK_BYTES;
        while (left > 0) {
            left -= connection.write(chunk.clear().limit(Math.min(left, chunk.capacity())));
        }
        awaitSunk(BULK_BYTES);
    }

    private static void download(SocketChannel connection) throws IOException {
        connection.write(ByteBuffer.allocate(Long.BYTES).putLong(0, BULK_BYTES));
        ByteBuffer chunk = ByteBuffer.allocateDirect(256 * 1024);
        int left = BULK_BYTES;
        while (left > 0) {
            int count = connection.read(chunk.clear());
            if (count < 0) {
                throw new IOException("the connection ended " + left + " bytes too soon");
            }
            left -= count;
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private <T extends AutoCloseable> T opened(T closeable) {
        open.add(closeable);
        return closeable;
    }

    private static String name(String figure, IoMode mode, SocketBenchmark.Way way, int size) {
        return (figure + "." + mode + "." + way + "." + size).toLowerCase(Locale.ROOT);
    }
}
