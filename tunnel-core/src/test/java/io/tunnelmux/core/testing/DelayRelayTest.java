package io.tunnelmux.core.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DelayRelayTest {

    private static final Duration DELAY = Duration.ofMillis(30);

    private ServerSocket server;
    private DelayRelay relay;
    private Socket client;
    private Socket accepted;

    @BeforeEach
    void connect() throws IOException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        server = new ServerSocket(0, 10, loopback);
        relay = DelayRelay.start(
                new InetSocketAddress(loopback, 0), new InetSocketAddress(loopback, server.getLocalPort()), DELAY);
        client = new Socket(loopback, relay.address().getPort());
        accepted = server.accept();
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        accepted.close();
        relay.close();
        server.close();
    }

    @Test
    void nothingArrivesBeforeItsTime() throws IOException {
        for (int i = 0; i < 10; i++) {
            long began = System.nanoTime();
            client.getOutputStream().write(i);
            assertThat(accepted.getInputStream().read()).isEqualTo(i);
            assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(DELAY.toNanos());

            began = System.nanoTime();
            accepted.getOutputStream().write(i);
            assertThat(client.getInputStream().read()).isEqualTo(i);
            assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(DELAY.toNanos());
        }
    }

    @Test
    void moreThanItHoldsArrivesInOrderBothWays() throws Exception {
        byte[] bytes = new byte[20_000_003];
        new Random(1).nextBytes(bytes);

        CompletableFuture<Void> up = send(client, bytes);
        CompletableFuture<Void> down = send(accepted, bytes);
        CompletableFuture<byte[]> atServer = receive(accepted, bytes.length);
        CompletableFuture<byte[]> atClient = receive(client, bytes.length);

        assertThat(atServer.get()).isEqualTo(bytes);
        assertThat(atClient.get()).isEqualTo(bytes);
        up.get();
        down.get();
    }

    @Test
    void anEndArrivesBehindTheBytesAndTheOtherWayGoesOn() throws IOException {
        client.getOutputStream().write(new byte[] {1, 2, 3});
        client.shutdownOutput();
        long began = System.nanoTime();

        assertThat(accepted.getInputStream().readAllBytes()).containsExactly(1, 2, 3);
        assertThat(System.nanoTime() - began).isGreaterThan(DELAY.toNanos() / 2);
        accepted.getOutputStream().write(4);
        assertThat(client.getInputStream().read()).isEqualTo(4);
        accepted.shutdownOutput();
        assertThat(client.getInputStream().read()).isEqualTo(-1);
    }

    @Test
    void aResetIsAReset() throws IOException {
        accepted.setSoLinger(true, 0);
        accepted.close();

        InputStream in = client.getInputStream();
        assertThatExceptionOfType(SocketException.class).isThrownBy(in::read);
    }

    @Test
    void whoWaitsForRoomHearsThatNobodyReadsAnyMore() throws Exception {
        CompletableFuture<Void> sending = send(client, new byte[200_000_000]);
        assertThat(accepted.getInputStream().readNBytes(1_000_000)).hasSize(1_000_000);

        accepted.setSoLinger(true, 0);
        accepted.close();

        assertThat(sending.handle((nothing, failure) -> failure).get()).isNotNull();
    }

    @Test
    void whereNobodyListensAConnectionIsReset() throws IOException {
        server.close();
        try (Socket late =
                new Socket(InetAddress.getLoopbackAddress(), relay.address().getPort())) {
            InputStream in = late.getInputStream();
            assertThatExceptionOfType(SocketException.class).isThrownBy(in::read);
        }
    }

    private static CompletableFuture<Void> send(Socket socket, byte[] bytes) {
        return run(() -> {
            socket.getOutputStream().write(bytes);
            return null;
        });
    }

    private static CompletableFuture<byte[]> receive(Socket socket, int length) {
        return run(() -> {
            byte[] bytes = new byte[length];
            new DataInputStream(socket.getInputStream()).readFully(bytes);
            return bytes;
        });
    }

    private interface Io<T> {
        T run() throws IOException;
    }

    private static <T> CompletableFuture<T> run(Io<T> task) {
        CompletableFuture<T> done = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                done.complete(task.run());
            } catch (IOException e) {
                done.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return done.orTimeout(50, TimeUnit.SECONDS);
    }
}
