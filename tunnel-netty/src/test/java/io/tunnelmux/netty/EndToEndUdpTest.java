package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.channel.epoll.Epoll;
import io.tunnelmux.netty.gateway.UdpForward;
import io.tunnelmux.netty.transport.IoMode;
import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Datagrams from clients through gateway and agent to a server and back, everything on real sockets. */
@ParameterizedClass
@EnumSource(names = {"NIO", "EPOLL"})
class EndToEndUdpTest {

    private static final int PATIENCE_SECONDS = ForwardRig.PATIENCE_SECONDS;
    private static final int LONGEST = 65_507;
    private static final long SEED = System.nanoTime();

    @Parameter
    IoMode mode = IoMode.AUTO;

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
    }

    /** Sends back what it gets, and remembers from where. */
    private static final class Echo implements AutoCloseable {
        private final DatagramSocket socket;
        private final Set<SocketAddress> clients = ConcurrentHashMap.newKeySet();

        Echo(int port) throws IOException {
            socket = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            Thread thread = new Thread(this::run);
            thread.setDaemon(true);
            thread.start();
        }

        private void run() {
            DatagramPacket packet = new DatagramPacket(new byte[LONGEST], LONGEST);
            try {
                while (true) {
                    packet.setLength(LONGEST);
                    socket.receive(packet);
                    clients.add(packet.getSocketAddress());
                    socket.send(packet);
                }
            } catch (IOException e) {
                // Closed.
            }
        }

        int port() {
            return socket.getLocalPort();
        }

        Set<SocketAddress> clients() {
            return clients;
        }

        @Override
        public void close() {
            socket.close();
        }
    }

    private Echo echo() throws IOException {
        Echo echo = new Echo(0);
        closeables.add(echo);
        return echo;
    }

    private void forwardTo(int port, UnaryOperator<UdpForward> configure) throws Exception {
        rig = new ForwardRig(
                mode,
                gateway -> gateway.udpForward(configure.apply(UdpForward.of(ForwardRig.FREE_PORT, ForwardRig.AGENT)))
                        .metricsAddress(ForwardRig.FREE_PORT),
                agent -> agent.udpTarget("only", InetSocketAddress.createUnresolved("127.0.0.1", port)));
    }

    private void forwardTo(int port) throws Exception {
        forwardTo(port, forward -> forward);
    }

    private DatagramSocket client() throws IOException {
        DatagramSocket client = new DatagramSocket(ForwardRig.FREE_PORT);
        client.setSoTimeout(1_000 * PATIENCE_SECONDS);
        closeables.add(0, client);
        return client;
    }

    /** Not connected: then the JDK would send no datagram without bytes. */
    private void send(DatagramSocket client, byte[] bytes) throws IOException {
        client.send(new DatagramPacket(
                bytes, bytes.length, rig.gateway().udpAddresses().get(0)));
    }

    private static byte[] receive(DatagramSocket client) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[LONGEST], LONGEST);
        client.receive(packet);
        return Arrays.copyOf(packet.getData(), packet.getLength());
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Asks until an answer comes: the first datagrams may be lost where something is about to come back. */
    private void awaitEcho(DatagramSocket client, String word) {
        ForwardRig.await("an echo", () -> {
            try {
                client.setSoTimeout(100);
                send(client, text(word));
                return Arrays.equals(receive(client), text(word));
            } catch (SocketTimeoutException e) {
                return false;
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
    }

    private long count(String name) {
        URI uri =
                URI.create("http://127.0.0.1:" + rig.gateway().metricsAddress().getPort() + "/status");
        try (InputStream body = uri.toURL().openStream()) {
            String status = new String(body.readAllBytes(), StandardCharsets.US_ASCII);
            Matcher found = Pattern.compile("\"protocol\":\"udp\"[^}]*\"" + name + "\":([0-9]+)")
                    .matcher(status);
            assertThat(found.find()).as(status).isTrue();
            return Long.parseLong(found.group(1));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void tenThousandDatagramsComeBackEachAsItWas() throws Exception {
        Echo echo = echo();
        forwardTo(echo.port());
        DatagramSocket client = client();
        Random random = new Random(SEED);
        Map<Integer, byte[]> awaited = new HashMap<>();
        int sent = 0;
        int came = 0;

        while (came < 10_000) {
            // As many under way as fit into any socket's buffer on the way.
            while (sent < 10_000 && awaited.size() < 24) {
                byte[] bytes = new byte[4 + random.nextInt(1_400)];
                random.nextBytes(bytes);
                ByteBuffer.wrap(bytes).putInt(0, sent);
                awaited.put(sent++, bytes);
                send(client, bytes);
            }
            byte[] back = receive(client);
            assertThat(back).isEqualTo(awaited.remove(ByteBuffer.wrap(back).getInt(0)));
            came++;
        }

        assertThat(echo.clients()).hasSize(1);
        assertThat(count("dropped_datagrams")).isZero();
        assertThat(count("accepted")).isEqualTo(1);
    }

    @Test
    void allLengthsComeBackAsTheyWere() throws Exception {
        forwardTo(echo().port());
        DatagramSocket client = client();
        Random random = new Random(SEED);

        for (int length : new int[] {1, 0, 0, 2, 1_472, 8_192, 32_767, 32_768, 32_769, 65_506, LONGEST, 0, 7}) {
            byte[] bytes = new byte[length];
            random.nextBytes(bytes);
            send(client, bytes);

            assertThat(receive(client)).as("%s bytes", length).isEqualTo(bytes);
        }
    }

    @Test
    void eachOfManyClientsGetsItsOwnAnswersAndIsToldApartByTheServer() throws Exception {
        Echo echo = echo();
        forwardTo(echo.port());
        List<DatagramSocket> clients = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            clients.add(client());
        }

        for (int round = 0; round < 5; round++) {
            for (int first = 0; first < clients.size(); first += 20) {
                for (int i = first; i < first + 20; i++) {
                    send(clients.get(i), text(round + " of " + i));
                }
                for (int i = first; i < first + 20; i++) {
                    assertThat(receive(clients.get(i))).isEqualTo(text(round + " of " + i));
                }
            }
        }

        assertThat(echo.clients()).hasSize(100);
        assertThat(count("open")).isEqualTo(100);
    }

    @Test
    void whoIsSilentIsForgottenAndMayComeBack() throws Exception {
        Echo echo = echo();
        forwardTo(echo.port(), forward -> forward.withIdleTimeout(Duration.ofMillis(200)));
        DatagramSocket client = client();
        send(client, text("once"));
        assertThat(receive(client)).isEqualTo(text("once"));

        ForwardRig.await("the client to be forgotten", () -> count("open") == 0);
        ForwardRig.await("its stream to end", () -> rig.agent().tunnels().get(0).openStreams() == 0);
        awaitEcho(client, "again");

        assertThat(echo.clients()).hasSize(2);
        assertThat(count("refused")).isZero();
    }

    @Test
    void moreClientsThanAllowedAreNotHeard() throws Exception {
        forwardTo(echo().port(), forward -> forward.withMaxClients(2));
        for (int i = 0; i < 2; i++) {
            DatagramSocket client = client();
            send(client, text("in"));
            assertThat(receive(client)).isEqualTo(text("in"));
        }

        DatagramSocket third = client();
        send(third, text("out"));
        ForwardRig.await("the third to be refused", () -> count("refused") == 1);

        assertThat(count("dropped_datagrams")).isEqualTo(1);
        assertThat(count("open")).isEqualTo(2);
    }

    @Test
    void whoIsRefusedByTheAgentDoesNotAskAgainWithEachDatagram() throws Exception {
        forwardTo(echo().port(), forward -> forward.withTarget("no-such"));
        DatagramSocket client = client();
        long began = System.nanoTime();
        ForwardRig.await("many to be dropped", () -> {
            try {
                send(client, text("knock"));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
            return count("dropped_datagrams") >= 50;
        });

        long accepted = count("accepted");
        long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began);
        assertThat(accepted).isBetween(1L, 2 + seconds);
        assertThat(count("refused")).isPositive();
    }

    @Test
    void whoListensLaterIsReachedLater() throws Exception {
        int port;
        try (Echo closed = new Echo(0)) {
            port = closed.port();
        }
        forwardTo(port);
        DatagramSocket client = client();
        for (int i = 0; i < 10; i++) {
            send(client, text("anybody"));
        }

        closeables.add(new Echo(port));

        awaitEcho(client, "there");
    }

    @Test
    void aFloodIsDroppedAndOthersAreHeard() throws Exception {
        forwardTo(echo().port());
        DatagramSocket flooding = client();
        DatagramSocket quiet = client();
        awaitEcho(quiet, "before");
        CompletableFuture<Void> flooded = CompletableFuture.runAsync(() -> {
            try {
                byte[] bytes = new byte[8_000];
                for (int i = 0; i < 20_000; i++) {
                    send(flooding, bytes);
                }
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });

        awaitEcho(quiet, "meanwhile");
        flooded.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        awaitEcho(quiet, "after");

        assertThat(rig.gateway().tunnels(ForwardRig.AGENT)).hasSize(1);
    }

    @Test
    void withoutItsAgentAForwardIsDeafUntilItComesBack() throws Exception {
        forwardTo(echo().port());
        DatagramSocket client = client();
        awaitEcho(client, "before");
        long heard = count("dropped_datagrams");

        rig.agent().close(Duration.ofMillis(1));
        ForwardRig.await("the agent to be missed", () -> rig.gateway().agents().isEmpty());
        ForwardRig.await("a datagram to be dropped", () -> {
            try {
                send(client, text("nobody"));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
            return count("dropped_datagrams") > heard;
        });

        assertThat(count("open")).isZero();
    }

    @Test
    void aGatewayThatGoesDownWaitsOnlyForWhoMovesSomething() throws Exception {
        forwardTo(echo().port());
        DatagramSocket client = client();
        awaitEcho(client, "before");

        rig.gateway()
                .close(Duration.ofSeconds(10 * PATIENCE_SECONDS))
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
}
