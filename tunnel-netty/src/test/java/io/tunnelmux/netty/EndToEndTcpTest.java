package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.channel.epoll.Epoll;
import io.tunnelmux.core.StreamReport;
import io.tunnelmux.netty.gateway.TcpForward;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.transport.IoMode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** TCP connections from a client through gateway and agent to a server, everything on real sockets. */
@ParameterizedClass
@EnumSource(names = {"NIO", "EPOLL"})
class EndToEndTcpTest {

    private static final int MIB = 1024 * 1024;
    private static final int PATIENCE_SECONDS = ForwardRig.PATIENCE_SECONDS;
    private static final long SEED = System.nanoTime();

    @Parameter
    IoMode mode = IoMode.AUTO;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<AutoCloseable> closeables = new ArrayList<>();
    private @Nullable ForwardRig rig;

    @BeforeEach
    void requireMode() {
        assumeTrue(mode != IoMode.EPOLL || Epoll.isAvailable());
    }

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable closeable : closeables) {
            closeable.close();
        }
        if (rig != null) {
            rig.close();
        }
        threads.shutdownNow();
    }

    private ScriptedServer server(ScriptedServer.Script script) {
        ScriptedServer server = new ScriptedServer(script);
        closeables.add(server);
        return server;
    }

    /** One forward, to the only target of the agent. */
    private void forwardTo(ScriptedServer server) throws Exception {
        forwardTo(server, forward -> forward);
    }

    private void forwardTo(ScriptedServer server, UnaryOperator<TcpForward> configure) throws Exception {
        rig = new ForwardRig(
                mode,
                gateway -> gateway.tcpForward(configure.apply(TcpForward.of(ForwardRig.FREE_PORT, ForwardRig.AGENT)))
                        .metricsAddress(ForwardRig.FREE_PORT),
                agent -> agent.tcpTarget("only", addressOf(server)));
    }

    private static InetSocketAddress addressOf(ScriptedServer server) {
        return InetSocketAddress.createUnresolved("127.0.0.1", server.port());
    }

    private Socket connect() throws IOException {
        Socket socket = rig.connect(0);
        closeables.add(0, socket);
        return socket;
    }

    private <T> Future<T> soon(Callable<T> work) {
        return threads.submit(work);
    }

    private static <T> T of(Future<T> future) throws Exception {
        return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    // Random bytes by the mebibyte, and their digests.

    private static String writeRandom(OutputStream out, long seed, int bytes) throws Exception {
        DigestOutputStream digested = new DigestOutputStream(out, sha256());
        Random random = new Random(seed);
        byte[] piece = new byte[64 * 1024];
        for (int left = bytes; left > 0; left -= piece.length) {
            random.nextBytes(piece);
            digested.write(piece, 0, Math.min(left, piece.length));
        }
        digested.flush();
        return digest(digested.getMessageDigest());
    }

    private static String readAll(InputStream in) throws Exception {
        DigestInputStream digested = new DigestInputStream(in, sha256());
        digested.transferTo(OutputStream.nullOutputStream());
        return digest(digested.getMessageDigest());
    }

    private static MessageDigest sha256() throws Exception {
        return MessageDigest.getInstance("SHA-256");
    }

    private static String digest(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String read(Socket socket, int bytes) throws IOException {
        return new String(socket.getInputStream().readNBytes(bytes), StandardCharsets.ISO_8859_1);
    }

    /** Reads until the connection ends; returns whether that was a reset. */
    private static boolean isReset(InputStream in) throws IOException {
        try {
            in.transferTo(OutputStream.nullOutputStream());
            return false;
        } catch (SocketException e) {
            return true;
        }
    }

    /** Whether a client does not take what the gateway has for it, and not only for a moment. */
    private boolean isConsumerAwaited() {
        return rig.gateway().tunnels(ForwardRig.AGENT).stream()
                .map(tunnel -> tunnel.report().toCompletableFuture().join())
                .flatMap(report -> report.streams().stream())
                .map(StreamReport::receiving)
                .anyMatch(half -> half.waitsFor() == StreamReport.Wait.CONSUMER
                        && half.waited().toMillis() > 200);
    }

    private static void echo(ScriptedServer.Connection connection) throws IOException {
        try {
            connection.input().transferTo(connection.output());
            connection.endOutput();
        } catch (SocketException e) {
            // Cut by the test, which looks at the client's side.
        }
    }

    @Test
    void manyMegabytesComeBackWhileMoreAreSent() throws Exception {
        forwardTo(server(EndToEndTcpTest::echo));
        Socket client = connect();

        Future<String> sent = soon(() -> {
            String digest = writeRandom(client.getOutputStream(), SEED, 32 * MIB);
            client.shutdownOutput();
            return digest;
        });
        Future<String> received = soon(() -> readAll(client.getInputStream()));

        assertThat(of(received)).isEqualTo(of(sent));
    }

    @Test
    void aClientThatHasEndedItsUploadGetsALongAnswerHoweverSlowlyItReads() throws Exception {
        CompletableFuture<String> uploaded = new CompletableFuture<>();
        CompletableFuture<String> answered = new CompletableFuture<>();
        forwardTo(server(connection -> {
            uploaded.complete(readAll(connection.input()));
            answered.complete(writeRandom(connection.output(), SEED + 1, 20 * MIB));
        }));
        Socket client = rig.connect(0, 16 * 1024);
        closeables.add(0, client);

        String sent = writeRandom(client.getOutputStream(), SEED, 3 * MIB + 17);
        client.shutdownOutput();
        assertThat(of(uploaded)).isEqualTo(sent);
        ForwardRig.await("a stalled download", this::isConsumerAwaited);
        assertThat(readAll(client.getInputStream())).isEqualTo(of(answered));
    }

    @Test
    void aServerThatHasEndedItsAnswerGetsALongUploadHoweverSlowlyItReads() throws Exception {
        CountDownLatch mayRead = new CountDownLatch(1);
        CompletableFuture<String> uploaded = new CompletableFuture<>();
        forwardTo(server(connection -> {
            connection.write("no more from me");
            connection.endOutput();
            mayRead.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
            uploaded.complete(readAll(connection.input()));
        }));
        Socket client = connect();

        assertThat(client.getInputStream().readAllBytes()).asString().isEqualTo("no more from me");
        Future<String> sent = soon(() -> {
            String digest = writeRandom(client.getOutputStream(), SEED, 10 * MIB);
            client.shutdownOutput();
            return digest;
        });
        mayRead.countDown();

        assertThat(of(uploaded)).isEqualTo(of(sent));
    }

    @Test
    void aServerMaySpeakFirst() throws Exception {
        forwardTo(server(connection -> {
            connection.write("220 ready");
            connection.awaitEnd();
        }));

        assertThat(read(connect(), 9)).isEqualTo("220 ready");
    }

    @Test
    void aClientThatSaysAllAtOnceAndEndsIsHeard() throws Exception {
        forwardTo(server(EndToEndTcpTest::echo));
        for (int i = 0; i < 20; i++) {
            Socket client = connect();
            write(client, "short " + i);
            client.shutdownOutput();

            assertThat(client.getInputStream().readAllBytes()).asString().isEqualTo("short " + i);
        }
    }

    @Test
    void twoHundredConnectionsAtOnceGetWhatIsTheirs() throws Exception {
        forwardTo(server(EndToEndTcpTest::echo));
        int count = 200;
        List<Socket> clients = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            clients.add(connect());
        }
        List<Future<String>> received = new ArrayList<>();
        List<Future<String>> sent = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Socket client = clients.get(i);
            long seed = SEED + i;
            int bytes = i * 331;
            received.add(soon(() -> readAll(client.getInputStream())));
            sent.add(soon(() -> {
                String digest = writeRandom(client.getOutputStream(), seed, bytes);
                client.shutdownOutput();
                return digest;
            }));
        }

        for (int i = 0; i < count; i++) {
            assertThat(of(received.get(i))).isEqualTo(of(sent.get(i)));
        }
    }

    @Test
    void aClientsResetIsAResetForTheServer() throws Exception {
        CompletableFuture<Boolean> wasReset = new CompletableFuture<>();
        forwardTo(server(connection -> {
            connection.read(5);
            connection.write("heard");
            wasReset.complete(isReset(connection.input()));
        }));
        Socket client = connect();
        write(client, "hello");
        assertThat(read(client, 5)).isEqualTo("heard");

        client.setSoLinger(true, 0);
        client.close();

        assertThat(of(wasReset)).isTrue();
    }

    @Test
    void aServersResetIsAResetForTheClient() throws Exception {
        forwardTo(server(connection -> {
            connection.write("hello");
            connection.read(3);
            connection.reset();
        }));
        Socket client = connect();
        assertThat(read(client, 5)).isEqualTo("hello");
        write(client, "die");

        assertThat(isReset(client.getInputStream())).isTrue();
    }

    @Test
    void aServersResetBehindItsClientsEndIsAResetForTheClient() throws Exception {
        forwardTo(server(connection -> {
            connection.write("half an answer");
            connection.input().transferTo(OutputStream.nullOutputStream());
            connection.reset();
        }));
        Socket client = connect();
        assertThat(read(client, 14)).isEqualTo("half an answer");
        client.shutdownOutput();

        assertThat(isReset(client.getInputStream())).isTrue();
    }

    @Test
    void whoDoesNotReadStallsItselfAlone() throws Exception {
        AtomicLong written = new AtomicLong();
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        forwardTo(server(connection -> {
            if (connection.number() > 1) {
                echo(connection);
                return;
            }
            byte[] piece = new byte[64 * 1024];
            try {
                while (true) {
                    connection.write(piece);
                    written.addAndGet(piece.length);
                }
            } catch (SocketException e) {
                ended.complete(true);
            }
        }));
        Socket stalled = rig.connect(0, 16 * 1024);
        closeables.add(0, stalled);
        assertThat(stalled.getInputStream().read()).isZero();

        for (int i = 0; i < 50; i++) {
            Socket other = connect();
            Future<String> received = soon(() -> readAll(other.getInputStream()));
            String sent = writeRandom(other.getOutputStream(), SEED + i, 256 * 1024);
            other.shutdownOutput();
            assertThat(of(received)).isEqualTo(sent);
        }
        // What the windows and the sockets on the way hold, which do not grow for who does not read.
        assertThat(written.get()).isLessThan(24L * MIB);
        stalled.setSoLinger(true, 0);
        stalled.close();
        assertThat(of(ended)).isTrue();
    }

    @Test
    void anAgentThatDiesIsAReset() throws Exception {
        forwardTo(server(connection -> {
            connection.write("hello");
            connection.awaitEnd();
        }));
        Socket client = connect();
        assertThat(read(client, 5)).isEqualTo("hello");

        rig.agent().close(Duration.ofMillis(1));

        assertThat(isReset(client.getInputStream())).isTrue();
        assertThatThrownBy(() -> {
                    Socket late = connect();
                    if (late.getInputStream().read() < 0) {
                        throw new AssertionError("a clean end");
                    }
                })
                .isInstanceOf(IOException.class);
    }

    @Test
    void whatTheAgentHasNoTargetForIsReset() throws Exception {
        ScriptedServer server = server(EndToEndTcpTest::echo);
        int closedPort;
        try (ScriptedServer closed = new ScriptedServer(connection -> {})) {
            closedPort = closed.port();
        }
        rig = new ForwardRig(
                mode,
                gateway -> {
                    TcpForward forward = TcpForward.of(ForwardRig.FREE_PORT, ForwardRig.AGENT);
                    return gateway.tcpForward(forward.withTarget("db"))
                            .tcpForward(forward.withHost("localhost", server.port()))
                            .tcpForward(forward.withTarget("no-such"))
                            .tcpForward(forward.withHost("localhost", closedPort))
                            .tcpForward(forward)
                            .tcpForward(forward.withTarget("closed"))
                            .tcpForward(forward.withTarget("unknown"))
                            .tcpForward(TcpForward.of(ForwardRig.FREE_PORT, "nobody"));
                },
                agent -> agent.tcpTarget("db", addressOf(server))
                        .tcpTarget("closed", InetSocketAddress.createUnresolved("localhost", closedPort))
                        .tcpTarget("unknown", InetSocketAddress.createUnresolved("no-such-host.invalid", 1))
                        .allow(InetSocketAddress.createUnresolved("LOCALHOST", server.port())));

        for (int allowed = 0; allowed < 2; allowed++) {
            try (Socket client = rig.connect(allowed)) {
                write(client, "echo");
                assertThat(read(client, 4)).isEqualTo("echo");
            }
        }
        for (int refused = 2; refused < 8; refused++) {
            try (Socket client = rig.connect(refused)) {
                assertThat(isReset(client.getInputStream()))
                        .as("forward %s", refused)
                        .isTrue();
            } catch (SocketException e) {
                // It came before the connection was looked at.
                assertThat(e).hasMessageContaining("reset");
            }
        }
        assertThat(server.accepted()).isEqualTo(2);
    }

    @Test
    void moreConnectionsThanAllowedAreReset() throws Exception {
        forwardTo(server(EndToEndTcpTest::echo), forward -> forward.withMaxConnections(2));
        Socket first = connect();
        Socket second = connect();
        write(first, "one");
        write(second, "two");
        assertThat(read(first, 3)).isEqualTo("one");
        assertThat(read(second, 3)).isEqualTo("two");

        try (Socket third = rig.connect(0)) {
            assertThat(isReset(third.getInputStream())).isTrue();
        }
        first.shutdownOutput();
        assertThat(first.getInputStream().read()).isEqualTo(-1);
        first.close();
        ForwardRig.await("a place for one more", () -> {
            try (Socket another = rig.connect(0)) {
                write(another, "three");
                return read(another, 5).equals("three");
            } catch (IOException e) {
                return false;
            }
        });
    }

    @Test
    void aGatewayThatGoesDownLetsConnectionsEnd() throws Exception {
        forwardTo(server(EndToEndTcpTest::echo));
        InetSocketAddress address = rig.gateway().tcpAddresses().get(0);
        Socket client = connect();
        write(client, "before");
        assertThat(read(client, 6)).isEqualTo("before");

        CompletableFuture<Void> closed =
                rig.gateway().close(Duration.ofSeconds(PATIENCE_SECONDS)).toCompletableFuture();

        ForwardRig.await("no more connections", () -> {
            try (Socket late = new Socket(address.getAddress(), address.getPort())) {
                return false;
            } catch (IOException e) {
                return true;
            }
        });
        write(client, "after");
        assertThat(read(client, 5)).isEqualTo("after");
        assertThat(closed).isNotDone();
        client.shutdownOutput();
        assertThat(client.getInputStream().read()).isEqualTo(-1);
        closed.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    @Test
    void aGatewayThatCannotWaitCutsConnectionsOff() throws Exception {
        forwardTo(server(EndToEndTcpTest::echo));
        Socket client = connect();
        write(client, "before");
        assertThat(read(client, 6)).isEqualTo("before");

        rig.gateway().close(Duration.ofMillis(50));

        assertThat(isReset(client.getInputStream())).isTrue();
    }

    @Test
    void operatorsSeeTheConnections() throws Exception {
        forwardTo(server(EndToEndTcpTest::echo));
        Socket client = connect();
        write(client, "echo");
        assertThat(read(client, 4)).isEqualTo("echo");

        String status = status();

        assertThat(status)
                .contains(
                        "\"forwards\":[{\"protocol\":\"tcp\",\"listen\":\"127.0.0.1:"
                                + rig.gateway().tcpAddresses().get(0).getPort()
                                + "\",\"agent_id\":\"demo\",\"target\":null,\"host\":null,\"port\":0,\"open\":1,\"accepted\":1,\"refused\":0}]")
                .contains("\"what\":\"TCP to the agent's only target for /127.0.0.1:" + client.getLocalPort());
    }

    private String status() throws IOException {
        URI uri =
                URI.create("http://127.0.0.1:" + rig.gateway().metricsAddress().getPort() + "/status?streams=all");
        try (InputStream body = uri.toURL().openStream()) {
            return new String(body.readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    @Test
    void anAddressInUseEndsTheStartAndNamesIt() throws Exception {
        ScriptedServer taken = server(connection -> {});
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", taken.port());

        assertThatThrownBy(() -> rig = new ForwardRig(
                        mode, gateway -> gateway.tcpForward(TcpForward.of(address, "demo")), agent -> agent))
                .hasRootCauseInstanceOf(IOException.class)
                .hasStackTraceContaining("cannot listen on 127.0.0.1:" + taken.port());
    }
}
