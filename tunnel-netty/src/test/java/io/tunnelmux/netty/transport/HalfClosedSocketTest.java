package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A peer that has ended its side gets all that is written to it, however slowly it takes it. */
class HalfClosedSocketTest {
    private static final int PATIENCE_SECONDS = 30;
    private static final int ROUNDS = 4;
    private static final int ROUND_BYTES = 4 * 1024 * 1024;

    /** Sockets of each kind, written to so many turns of the loop after the peer's end came. */
    static Stream<Arguments> modesAndTurns() {
        return Stream.of(IoMode.NIO, IoMode.EPOLL)
                .flatMap(mode -> IntStream.of(0, 1, 2, 3, 5, 50).mapToObj(turns -> Arguments.of(mode, turns)));
    }

    private static Channel listen(NettyLoops loops, ChannelInboundHandlerAdapter handler) throws Exception {
        return loops.serverBootstrap()
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(handler);
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .sync()
                .channel();
    }

    @ParameterizedTest
    @MethodSource("modesAndTurns")
    @Timeout(PATIENCE_SECONDS)
    void takesAllThatIsWritten(IoMode mode, int turns) throws Exception {
        assumeTrue(mode != IoMode.EPOLL || Epoll.isAvailable());
        try (NettyLoops loops = NettyLoops.create(1, mode)) {
            Writer writer = new Writer(turns);
            Channel server = listen(loops, writer);
            try (Socket client = new Socket()) {
                client.setReceiveBufferSize(16 * 1024);
                client.setSoTimeout(1_000 * PATIENCE_SECONDS);
                client.connect(server.localAddress());
                client.getOutputStream().write(1);
                client.shutdownOutput();

                InputStream in = client.getInputStream();
                for (int round = 0; round < ROUNDS; round++) {
                    // What is read only now the socket could not take at once.
                    writer.awaitBlocked(round);
                    assertThat(in.readNBytes(ROUND_BYTES)).hasSize(ROUND_BYTES);
                }
                assertThat(in.read()).isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5, 50})
    @Timeout(PATIENCE_SECONDS)
    void isMissedWhenItDiesEvenIfNothingIsWrittenToIt(int turns) throws Exception {
        assumeTrue(Epoll.isAvailable());
        CountDownLatch rested = new CountDownLatch(1);
        CountDownLatch missed = new CountDownLatch(1);
        try (NettyLoops loops = NettyLoops.create(1, IoMode.EPOLL)) {
            Channel server = listen(loops, new ChannelInboundHandlerAdapter() {
                @Override
                public void userEventTriggered(ChannelHandlerContext context, Object event) {
                    if (event instanceof ChannelInputShutdownEvent) {
                        Writer.after(turns, context.channel(), rested::countDown);
                    }
                }

                @Override
                public void channelInactive(ChannelHandlerContext context) {
                    missed.countDown();
                }
            });
            try (Socket client = new Socket()) {
                client.connect(server.localAddress());
                client.shutdownOutput();
                assertThat(rested.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
                client.setSoLinger(true, 0);
            }

            assertThat(missed.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        }
    }

    /** Writes a round once the peer has ended its side, and the next when all of it is taken; then ends its own. */
    private static final class Writer extends ChannelInboundHandlerAdapter {
        private final int turns;
        private final CountDownLatch[] blocked =
                Stream.generate(() -> new CountDownLatch(1)).limit(ROUNDS).toArray(CountDownLatch[]::new);

        Writer(int turns) {
            this.turns = turns;
        }

        void awaitBlocked(int round) throws InterruptedException {
            assertThat(blocked[round].await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ReferenceCountUtil.release(message);
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event instanceof ChannelInputShutdownEvent) {
                after(turns, context.channel(), () -> write(0, context.channel()));
            }
        }

        private static void after(int turnsLeft, Channel channel, Runnable task) {
            if (turnsLeft == 0) {
                task.run();
            } else {
                channel.eventLoop().execute(() -> after(turnsLeft - 1, channel, task));
            }
        }

        private void write(int round, Channel channel) {
            if (round == ROUNDS) {
                ((DuplexChannel) channel).shutdownOutput();
                return;
            }
            channel.writeAndFlush(Unpooled.wrappedBuffer(new byte[ROUND_BYTES])).addListener((ChannelFutureListener)
                    written -> {
                        if (written.isSuccess()) {
                            after(turns, channel, () -> write(round + 1, channel));
                        }
                    });
            blocked[round].countDown();
        }
    }
}
