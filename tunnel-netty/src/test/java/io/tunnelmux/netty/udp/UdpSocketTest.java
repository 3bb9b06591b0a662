package io.tunnelmux.netty.udp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.epoll.Epoll;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(names = {"NIO", "EPOLL"})
class UdpSocketTest {

    private static final int PATIENCE_SECONDS = 10;
    private static final InetSocketAddress FREE_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    @Parameter
    IoMode mode = IoMode.AUTO;

    private final BlockingQueue<String> came = new LinkedBlockingQueue<>();
    private @Nullable NettyLoops loops;
    private @Nullable DatagramSocket peer;

    @BeforeEach
    void open() throws Exception {
        assumeTrue(mode != IoMode.EPOLL || Epoll.isAvailable());
        loops = NettyLoops.create(1, mode);
        peer = new DatagramSocket(FREE_PORT);
        peer.setSoTimeout(1_000 * PATIENCE_SECONDS);
    }

    @AfterEach
    void close() {
        if (peer != null) {
            peer.close();
        }
        if (loops != null) {
            loops.close();
        }
    }

    private UdpSocket open(NettyLoop loop, InetSocketAddress at) throws Exception {
        return UdpSocket.open(loops, loop, at, new UdpSocket.Receiver() {
                    @Override
                    public void onDatagram(ByteBuf bytes, InetSocketAddress from) {
                        came.add(bytes.readableBytes() + " bytes from " + from.getPort());
                        bytes.release();
                    }

                    @Override
                    public void onFailure(IOException cause) {
                        came.add("failure");
                    }
                })
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private interface Work<T> {
        T run() throws Exception;
    }

    private static <T> T on(NettyLoop loop, Work<T> work) throws Exception {
        CompletableFuture<T> done = new CompletableFuture<>();
        loop.execute(() -> {
            try {
                done.complete(work.run());
            } catch (Exception e) {
                done.completeExceptionally(e);
            }
        });
        return done.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static void send(DatagramSocket from, int length, UdpSocket to) throws IOException {
        from.send(new DatagramPacket(
                new byte[length],
                length,
                InetAddress.getLoopbackAddress(),
                to.address().getPort()));
    }

    private int receivedBytes() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[UdpSocket.MAX_BYTES], UdpSocket.MAX_BYTES);
        peer.receive(packet);
        return packet.getLength();
    }

    private String next() throws InterruptedException {
        return String.valueOf(came.poll(PATIENCE_SECONDS, TimeUnit.SECONDS));
    }

    @Test
    void sendsAndReceivesAllLengthsAlsoNone() throws Exception {
        NettyLoop loop = loops.next();
        UdpSocket socket = open(loop, FREE_PORT);
        InetSocketAddress to = (InetSocketAddress) peer.getLocalSocketAddress();

        for (int length : new int[] {0, 1, 0, 1_500, 65_507}) {
            assertThat(on(loop, () -> socket.send(Unpooled.wrappedBuffer(new byte[length]), to)))
                    .isTrue();
            assertThat(receivedBytes()).isEqualTo(length);
            send(peer, length, socket);
            assertThat(next()).isEqualTo(length + " bytes from " + peer.getLocalPort());
        }
    }

    @Test
    void mayBeRestrictedToOnePeer() throws Exception {
        NettyLoop loop = loops.next();
        UdpSocket socket = open(loop, new InetSocketAddress(0));
        InetSocketAddress to = (InetSocketAddress) peer.getLocalSocketAddress();
        on(loop, () -> {
            socket.receiveOnlyFrom(to);
            return true;
        });

        try (DatagramSocket stranger = new DatagramSocket(FREE_PORT)) {
            send(stranger, 3, socket);
            send(peer, 0, socket);
            send(peer, 4, socket);

            assertThat(next()).isEqualTo("0 bytes from " + peer.getLocalPort());
            assertThat(next()).isEqualTo("4 bytes from " + peer.getLocalPort());
            assertThat(on(loop, () -> socket.send(Unpooled.EMPTY_BUFFER, to))).isTrue();
            assertThat(receivedBytes()).isZero();
        }
    }

    @Test
    void tellsThatNobodyListensAndGoesOn() throws Exception {
        assumeTrue(mode != IoMode.NIO);
        NettyLoop loop = loops.next();
        UdpSocket socket = open(loop, new InetSocketAddress(0));
        InetSocketAddress to = (InetSocketAddress) peer.getLocalSocketAddress();
        peer.close();
        on(loop, () -> {
            socket.receiveOnlyFrom(to);
            return socket.send(Unpooled.wrappedBuffer(new byte[1]), to);
        });
        assertThat(next()).isEqualTo("failure");

        peer = new DatagramSocket(to);
        send(peer, 5, socket);

        String last = next();
        while (last.equals("failure")) {
            last = next();
        }
        assertThat(last).isEqualTo("5 bytes from " + to.getPort());
    }

    @Test
    void whatIsTooLongIsLost() throws Exception {
        NettyLoop loop = loops.next();
        UdpSocket socket = open(loop, FREE_PORT);
        InetSocketAddress to = (InetSocketAddress) peer.getLocalSocketAddress();

        on(loop, () -> socket.send(Unpooled.wrappedBuffer(new byte[65_508]), to));

        assertThat(next()).isEqualTo("failure");
        on(loop, () -> socket.send(Unpooled.wrappedBuffer(new byte[10]), to));
        peer.setSoTimeout(1_000 * PATIENCE_SECONDS);
        assertThat(receivedBytes()).isEqualTo(10);
    }

    @Test
    void anAddressInUseIsAnError() {
        InetSocketAddress taken = (InetSocketAddress) peer.getLocalSocketAddress();

        assertThatThrownBy(() -> open(loops.next(), taken))
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(IOException.class);
    }
}
