package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.ReferenceCountUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A socket that is opened in the place of one closed in the same turn of the loop hears nothing of what was reported of that. */
class ReusedDescriptorTest {
    private static final int PATIENCE_SECONDS = 30;
    private static final int ATTEMPTS = 20;

    @Test
    @Timeout(PATIENCE_SECONDS)
    void whatWasReportedOfAClosedSocketIsNotToldToTheNext() throws Exception {
        assumeTrue(Epoll.isAvailable());
        int reused = 0;
        try (NettyLoops loops = NettyLoops.create(1, IoMode.EPOLL)) {
            for (int i = 0; i < ATTEMPTS; i++) {
                Swap swap = new Swap(loops);
                swap.bothReadableInOneTurn();

                assertThat(swap.dialled.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isNull();
                reused += swap.isReused ? 1 : 0;
            }
        }
        assertThat(reused).as("dials with the descriptor of what was closed").isPositive();
    }

    /** Two accepted connections: the one that is read first closes the other, of which something is reported as well, and dials. */
    private static final class Swap {
        private final NettyLoops loops;
        private final CompletableFuture<Throwable> dialled = new CompletableFuture<>();
        private final List<Channel> accepted = new ArrayList<>();
        private final CountDownLatch both = new CountDownLatch(2);
        private final Channel server;
        private volatile boolean isReused;

        Swap(NettyLoops loops) throws InterruptedException {
            this.loops = loops;
            server = loops.serverBootstrap()
                    .childHandler(new Accepted())
                    .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                    .sync()
                    .channel();
        }

        void bothReadableInOneTurn() throws Exception {
            CountDownLatch readable = new CountDownLatch(1);
            try (Socket one = new Socket();
                    Socket other = new Socket()) {
                one.connect(server.localAddress());
                other.connect(server.localAddress());
                assertThat(both.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
                server.eventLoop().execute(() -> {
                    try {
                        assertThat(readable.await(PATIENCE_SECONDS, TimeUnit.SECONDS))
                                .isTrue();
                    } catch (InterruptedException e) {
                        dialled.completeExceptionally(e);
                    }
                });
                one.getOutputStream().write(1);
                other.getOutputStream().write(1);
                readable.countDown();
                dialled.handle((failure, error) -> null).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            } finally {
                server.close().sync();
            }
        }

        private void swap(Channel read) {
            Channel closed = accepted.get(read == accepted.get(0) ? 1 : 0);
            int descriptor = descriptorOf(closed);
            closed.close();
            ChannelFuture connecting = loops.bootstrap(loops.of(read.eventLoop()))
                    .handler(new Dialled())
                    .connect(server.localAddress());
            isReused = descriptorOf(connecting.channel()) == descriptor;
            connecting.addListener(connected -> {
                dialled.complete(connected.cause());
                connecting.channel().close();
            });
        }

        private static int descriptorOf(Channel channel) {
            return ((UnixChannel) channel).fd().intValue();
        }

        /** Of the server. */
        @ChannelHandler.Sharable
        private final class Accepted extends ChannelInboundHandlerAdapter {
            @Override
            public void channelActive(ChannelHandlerContext context) {
                accepted.add(context.channel());
                both.countDown();
            }

            @Override
            public void channelRead(ChannelHandlerContext context, Object message) {
                ReferenceCountUtil.release(message);
                swap(context.channel());
            }
        }

        private final class Dialled extends ChannelInboundHandlerAdapter {
            @Override
            public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                dialled.complete(cause);
            }
        }
    }
}
