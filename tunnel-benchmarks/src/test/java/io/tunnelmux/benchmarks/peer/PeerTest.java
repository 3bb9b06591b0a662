package io.tunnelmux.benchmarks.peer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PeerTest {
    private static final int MIB = 1024 * 1024;
    /** Most of it in the kernel, which has buffers of several MiB for each of the three connections on the way. */
    private static final long MOST_UNDER_WAY_BYTES = 32L * MIB;

    private static final int SMALL_BUFFER_BYTES = 64 * 1024;
    private static final Duration SOON = Duration.ofSeconds(60);
    /** As long as this a source that can write would not wait. */
    private static final int STILL_MILLIS = 2_000;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<AutoCloseable> open = new ArrayList<>();

    private Peer back;
    private Peer front;

    /** Starts a pair before an upstream. */
    private void start(PeerKind kind, TestUpstream.Conversation conversation) throws IOException {
        TestUpstream upstream = TestUpstream.start(threads, conversation);
        open.add(upstream);
        back = kind.back(upstream.address());
        open.add(back);
        front = kind.front(back.address());
        open.add(front);
    }

    @AfterEach
    void close() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
        threads.shutdownNow();
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket();
        open.add(socket);
        socket.setReceiveBufferSize(SMALL_BUFFER_BYTES);
        socket.connect(front.address());
        socket.setTcpNoDelay(true);
        socket.setSoTimeout((int) SOON.toMillis());
        return socket;
    }

    @ParameterizedTest
    @EnumSource
    void bytesOfSeveralConnectionsComeBackUnchanged(PeerKind kind) throws Exception {
        start(kind, TestUpstream::echo);
        List<Future<?>> writers = new ArrayList<>();
        List<Future<byte[]>> readers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Socket socket = connect();
            byte[] sent = bytes(i, 2 * MIB + i);
            writers.add(threads.submit(() -> {
                socket.getOutputStream().write(sent);
                socket.shutdownOutput();
                return null;
            }));
            readers.add(threads.submit(() -> socket.getInputStream().readAllBytes()));
        }
        for (int i = 0; i < 4; i++) {
            writers.get(i).get();
            assertThat(readers.get(i).get()).isEqualTo(bytes(i, 2 * MIB + i));
        }
        assertNoStreams();
    }

    @ParameterizedTest
    @EnumSource
    void anUpstreamMaySpeakFirstAndEndFirst(PeerKind kind) throws Exception {
        byte[] question = bytes(2, 3 * MIB);
        TestUpstream.Questions asked = new TestUpstream.Questions();
        start(kind, connection -> {
            connection.getOutputStream().write("hello".getBytes());
            connection.shutdownOutput();
            asked.add(connection.getInputStream().readAllBytes());
        });
        Socket socket = connect();

        assertThat(socket.getInputStream().readAllBytes()).asString().isEqualTo("hello");
        socket.getOutputStream().write(question);
        socket.shutdownOutput();
        assertThat(asked.next()).isEqualTo(question);
        assertNoStreams();
    }

    @ParameterizedTest
    @EnumSource
    void aLongAnswerComesThroughBehindTheEndOfTheQuestion(PeerKind kind) throws Exception {
        byte[] answer = bytes(1, 8 * MIB);
        start(kind, connection -> {
            connection.getInputStream().readAllBytes();
            connection.getOutputStream().write(answer);
            connection.shutdownOutput();
        });
        Socket socket = connect();
        socket.getOutputStream().write(1);
        socket.shutdownOutput();

        assertThat(socket.getInputStream().readAllBytes()).isEqualTo(answer);
        assertNoStreams();
    }

    @ParameterizedTest
    @EnumSource
    void aClientThatDoesNotReadStopsTheUpstream(PeerKind kind) throws Exception {
        TestUpstream.Sockets accepted = new TestUpstream.Sockets();
        start(kind, accepted::keep);
        Socket client = connect();

        assertStopsAndGoesOn(accepted.next().getChannel(), client);
    }

    @ParameterizedTest
    @EnumSource
    void anUpstreamThatDoesNotReadStopsTheClient(PeerKind kind) throws Exception {
        TestUpstream.Sockets accepted = new TestUpstream.Sockets();
        start(kind, accepted::keep);
        SocketChannel client = SocketChannel.open(front.address());
        open.add(client);

        assertStopsAndGoesOn(client, accepted.next());
    }

    /** Writes until nobody takes any more, then reads all of it. */
    private static void assertStopsAndGoesOn(SocketChannel source, Socket reader) throws IOException {
        source.setOption(StandardSocketOptions.SO_SNDBUF, SMALL_BUFFER_BYTES);
        source.configureBlocking(false);
        long written = 0;
        try (Selector selector = Selector.open()) {
            source.register(selector, SelectionKey.OP_WRITE);
            while (selector.select(STILL_MILLIS) > 0) {
                selector.selectedKeys().clear();
                written += source.write(ByteBuffer.wrap(pattern(written, 64 * 1024)));
                assertThat(written).isLessThan(MOST_UNDER_WAY_BYTES);
            }
        }
        for (long read = 0; read < written; ) {
            byte[] run = reader.getInputStream().readNBytes((int) Math.min(64 * 1024, written - read));
            assertThat(run).isNotEmpty().isEqualTo(pattern(read, run.length));
            read += run.length;
        }
        assertThat(source.write(ByteBuffer.wrap(pattern(written, 1)))).isEqualTo(1);
        assertThat(reader.getInputStream().read()).isEqualTo(pattern(written, 1)[0] & 0xff);
    }

    @ParameterizedTest
    @EnumSource(names = {"RSOCKET", "GRPC"})
    void aClientThatDoesNotReadStopsNobodyElse(PeerKind kind) throws Exception {
        TestUpstream.Sockets accepted = new TestUpstream.Sockets();
        start(kind, connection -> {
            if (connection.getInputStream().read() == 'e') {
                TestUpstream.echo(connection);
            } else {
                accepted.keep(connection);
            }
        });
        connect().getOutputStream().write('s');
        fill(accepted.next().getChannel());
        Socket other = connect();
        other.getOutputStream().write('e');
        other.getOutputStream().write(bytes(3, 100_000));

        assertThat(other.getInputStream().readNBytes(100_000)).isEqualTo(bytes(3, 100_000));
    }

    private static void fill(SocketChannel source) throws IOException {
        source.configureBlocking(false);
        try (Selector selector = Selector.open()) {
            source.register(selector, SelectionKey.OP_WRITE);
            while (selector.select(STILL_MILLIS) > 0) {
                selector.selectedKeys().clear();
                source.write(ByteBuffer.allocate(64 * 1024));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void manyConnectionsLeaveNoStreamBehindHoweverTheyEnd(PeerKind kind) throws Exception {
        start(kind, TestUpstream::echo);
        for (int i = 0; i < 300; i++) {
            try (Socket socket = connect()) {
                open.remove(open.size() - 1);
                socket.getOutputStream().write(bytes(i, 1_000));
                if (i % 3 == 0) {
                    socket.setSoLinger(true, 0);
                } else if (i % 3 == 1) {
                    socket.shutdownOutput();
                    assertThat(socket.getInputStream().readAllBytes()).isEqualTo(bytes(i, 1_000));
                }
            }
        }
        assertNoStreams();
    }

    @ParameterizedTest
    @EnumSource
    void aRefusedConnectionIsNotAnEnd(PeerKind kind) throws Exception {
        try (ServerSocket nobody = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            back = kind.back((InetSocketAddress) nobody.getLocalSocketAddress());
        }
        open.add(back);
        front = kind.front(back.address());
        open.add(front);
        Socket socket = connect();

        assertThat(isCut(socket)).isTrue();
        assertNoStreams();
    }

    @ParameterizedTest
    @EnumSource
    void aTunnelThatIsGoneCutsItsClients(PeerKind kind) throws Exception {
        start(kind, TestUpstream::echo);
        Socket socket = connect();
        socket.getOutputStream().write(1);
        assertThat(socket.getInputStream().read()).isEqualTo(1);
        back.close();

        assertThat(isCut(socket)).isTrue();
        assertThat(front.awaitNoStreams(SOON)).isTrue();
    }

    private static boolean isCut(Socket socket) throws IOException {
        try {
            socket.getInputStream().read();
            return false;
        } catch (SocketException e) {
            return true;
        }
    }

    private void assertNoStreams() throws InterruptedException {
        assertThat(front.awaitNoStreams(SOON)).isTrue();
        assertThat(back.awaitNoStreams(SOON)).isTrue();
    }

    private static byte[] bytes(int seed, int count) {
        byte[] bytes = new byte[count];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Bytes that tell where they belong. */
    private static byte[] pattern(long from, int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) ((from + i) % 251);
        }
        return bytes;
    }
}
