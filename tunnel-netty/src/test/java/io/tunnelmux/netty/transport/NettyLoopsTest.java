package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NettyLoopsTest {
    private static final long PATIENCE_SECONDS = 30;

    @Test
    void giveTheSameLoopForTheSameThread() {
        try (NettyLoops loops = NettyLoops.create(2, IoMode.NIO)) {
            NettyLoop first = loops.next();
            NettyLoop second = loops.next();

            assertThat(first).isNotSameAs(second);
            assertThat(loops.next()).isSameAs(first);
            assertThat(loops.of(second.eventLoop())).isSameAs(second);
            assertThat(loops.size()).isEqualTo(2);
        }
    }

    @Test
    void knowOnlyTheirOwn() {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.NIO);
                NettyLoops others = NettyLoops.create(1, IoMode.NIO)) {
            NettyLoop stranger = others.next();

            assertThatThrownBy(() -> loops.of(stranger.eventLoop())).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void automaticallyTakeEpollWhereItIs() {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.AUTO)) {
            assertThat(loops.mode()).isEqualTo(Epoll.isAvailable() ? IoMode.EPOLL : IoMode.NIO);
        }
    }

    @Test
    void sayWhyAKindIsNotAvailable() {
        // The natives of io_uring are not among the dependencies of these tests.
        assertThatThrownBy(() -> NettyLoops.create(1, IoMode.IO_URING))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("io_uring is not available here: ")
                .hasCauseInstanceOf(Throwable.class);
    }

    @Test
    void loopsRunTasksInOrderAndOnTime() throws Exception {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.AUTO)) {
            NettyLoop loop = loops.next();
            List<String> order = new ArrayList<>();
            CompletableFuture<Long> done = new CompletableFuture<>();

            loop.execute(() -> {
                long begin = loop.nanoTime();
                loop.schedule(() -> order.add("cancelled"), 0).cancel();
                loop.schedule(() -> done.complete(loop.nanoTime() - begin), 1_000_000);
                loop.execute(() -> order.add("later"));
                order.add("now");
            });

            assertThat(done.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isGreaterThanOrEqualTo(1_000_000);
            assertThat(order).containsExactly("now", "later");
            assertThat(loop.inLoop()).isFalse();
        }
    }

    @Test
    void tasksOfTheLoopItselfRunInOrderAndNeverWithinTheCall() throws Exception {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.AUTO)) {
            NettyLoop loop = loops.next();
            List<String> order = new ArrayList<>();
            CompletableFuture<List<String>> done = new CompletableFuture<>();

            loop.execute(() -> {
                loop.execute(() -> {
                    order.add("first");
                    loop.execute(() -> order.add("given by the first"));
                    order.add("still the first");
                });
                loop.execute(() -> order.add("second"));
                loop.execute(() -> {
                    order.add("third");
                    loop.execute(() -> done.complete(order));
                });
                order.add("giving");
            });

            assertThat(done.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .containsExactly("giving", "first", "still the first", "second", "third", "given by the first");
        }
    }

    @Test
    void whatAnotherThreadGivesComesBehindWhatTheLoopHasGivenItself() throws Exception {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.AUTO)) {
            NettyLoop loop = loops.next();
            List<String> order = new ArrayList<>();
            CountDownLatch given = new CountDownLatch(1);
            CountDownLatch both = new CountDownLatch(1);
            CompletableFuture<List<String>> done = new CompletableFuture<>();

            loop.execute(() -> {
                loop.execute(() -> order.add("of the loop"));
                given.countDown();
                awaitIn(both);
            });
            assertThat(given.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            loop.execute(() -> {
                order.add("of another thread");
                done.complete(order);
            });
            both.countDown();

            assertThat(done.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .containsExactly("of the loop", "of another thread");
        }
    }

    @Test
    void aTaskThatThrowsStopsNoneOfThoseBehindIt() throws Exception {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.AUTO)) {
            NettyLoop loop = loops.next();
            List<String> order = new ArrayList<>();
            CompletableFuture<List<String>> done = new CompletableFuture<>();

            loop.execute(() -> {
                for (int i = 0; i < 3; i++) {
                    String name = "task " + i;
                    loop.execute(() -> {
                        order.add(name);
                        loop.execute(() -> {
                            order.add("given by " + name);
                            if (order.size() == 6) {
                                done.complete(order);
                            }
                        });
                        throw new IllegalStateException("thrown on purpose");
                    });
                }
            });

            assertThat(done.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .containsExactly(
                            "task 0", "task 1", "task 2", "given by task 0", "given by task 1", "given by task 2");
        }
    }

    private static void awaitIn(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"NIO", "EPOLL"})
    void readBuffersHaveRoomInFrontAndGrow(IoMode mode) throws Exception {
        assumeTrue(mode != IoMode.EPOLL || Epoll.isAvailable());
        int total = 4 * 1024 * 1024;
        try (NettyLoops loops = NettyLoops.create(1, mode)) {
            CompletableFuture<Integer> biggest = new CompletableFuture<>();
            ChannelInboundHandlerAdapter reader = new ChannelInboundHandlerAdapter() {
                private int received;
                private int longest;

                @Override
                public void channelRead(ChannelHandlerContext ctx, Object msg) {
                    ByteBuf buf = (ByteBuf) msg;
                    if (buf.readerIndex() != HeadroomAllocator.HEADROOM_BYTES) {
                        biggest.completeExceptionally(new AssertionError("reads at " + buf.readerIndex()));
                    }
                    longest = Math.max(longest, buf.capacity());
                    received += buf.readableBytes();
                    buf.release();
                    if (received == total) {
                        biggest.complete(longest);
                    }
                }
            };
            Channel server = listen(
                    loops.serverBootstrap(), channel -> channel.pipeline().addLast(reader));
            Channel client = dial(loops, server);
            client.eventLoop()
                    .execute(() ->
                            client.writeAndFlush(client.alloc().buffer(total).writeZero(total)));

            assertThat(biggest.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(HeadroomAllocator.MAX_BYTES);
        }
    }

    @Test
    void aChannelIsFlushedOnceAtTheEndOfATurn() throws Exception {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.AUTO)) {
            NettyLoop loop = loops.next();
            Channel server = listen(loops.serverBootstrap(), channel -> {});
            AtomicInteger flushes = new AtomicInteger();
            List<Channel> channels = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                Channel channel = dial(loops, server);
                channel.pipeline().addLast(new ChannelOutboundHandlerAdapter() {
                    @Override
                    public void flush(ChannelHandlerContext ctx) {
                        flushes.incrementAndGet();
                        ctx.flush();
                    }
                });
                channels.add(channel);
            }
            CompletableFuture<Integer> during = new CompletableFuture<>();
            CompletableFuture<Integer> after = new CompletableFuture<>();

            loop.execute(() -> {
                for (int round = 0; round < 3; round++) {
                    channels.forEach(loop::flushLater);
                }
                during.complete(flushes.get());
                loop.execute(() -> after.complete(flushes.get()));
            });

            assertThat(during.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isZero();
            assertThat(after.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(100);
        }
    }

    @Test
    void boundWhatATunnelHasInTheKernel() throws Exception {
        assumeTrue(Epoll.isAvailable());
        try (NettyLoops loops = NettyLoops.create(1, IoMode.EPOLL)) {
            Channel channel = dial(loops, listen(loops.serverBootstrap(), accepted -> {}));

            loops.limitUnsent(channel);

            assertThat(channel.config().getOption(EpollChannelOption.TCP_NOTSENT_LOWAT))
                    .isEqualTo(32 * 1024);
        }
    }

    @RepeatedTest(20)
    void closingClosesAllChannelsAndTellsTheirHandlers() throws Exception {
        NettyLoops loops = NettyLoops.create(3, IoMode.AUTO);
        AtomicInteger inactive = new AtomicInteger();
        CountDownLatch accepted = new CountDownLatch(10);
        CountDownLatch echoing = new CountDownLatch(1_000);
        ChannelInboundHandlerAdapter echo = new ChannelInboundHandlerAdapter() {
            @Override
            public boolean isSharable() {
                return true;
            }

            @Override
            public void channelRead(ChannelHandlerContext ctx, Object msg) {
                echoing.countDown();
                ctx.writeAndFlush(msg);
            }

            @Override
            public void channelInactive(ChannelHandlerContext ctx) {
                inactive.incrementAndGet();
            }
        };
        Channel server = listen(loops.serverBootstrap(), channel -> {
            channel.pipeline().addLast(echo);
            accepted.countDown();
        });
        List<Channel> clients = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Channel client = dial(loops, server);
            client.pipeline().addLast(echo);
            client.writeAndFlush(client.alloc().buffer(100).writeZero(100)).sync();
            clients.add(client);
        }

        assertThat(accepted.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(echoing.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        loops.close();

        assertThat(server.isOpen()).isFalse();
        assertThat(clients).noneMatch(Channel::isOpen);
        assertThat(inactive.get()).isGreaterThanOrEqualTo(clients.size());
        loops.close();
    }

    private static Channel listen(ServerBootstrap bootstrap, Consumer<Channel> handler) throws Exception {
        return bootstrap
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        handler.accept(channel);
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .sync()
                .channel();
    }

    private static Channel dial(NettyLoops loops, Channel server) throws Exception {
        return loops.bootstrap(loops.next())
                .handler(new ChannelInboundHandlerAdapter())
                .connect(server.localAddress())
                .sync()
                .channel();
    }

    @Test
    void anOutOfMemoryErrorReachesTheHandlerOfItsThreadAndOtherErrorsDoNot() throws Exception {
        try (NettyLoops loops = NettyLoops.create(1, IoMode.AUTO)) {
            NettyLoop loop = loops.next();
            BlockingQueue<Throwable> uncaught = new LinkedBlockingQueue<>();
            OutOfMemoryError inTask = new OutOfMemoryError("in a task");
            OutOfMemoryError inTimer = new OutOfMemoryError("in a timer");
            OutOfMemoryError inHandler = new OutOfMemoryError("in a handler");

            loop.execute(
                    () -> Thread.currentThread().setUncaughtExceptionHandler((thread, error) -> uncaught.add(error)));
            loop.execute(() -> {
                throw new IllegalStateException("of no interest");
            });
            loop.execute(() -> {
                throw inTask;
            });
            loop.schedule(
                    () -> {
                        throw inTimer;
                    },
                    1);
            assertThat(uncaught.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isSameAs(inTask);
            assertThat(uncaught.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isSameAs(inTimer);
            loop.execute(() -> NettyLoop.tellIfOutOfMemory(inHandler));

            assertThat(uncaught.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isSameAs(inHandler);
            assertThat(loops.turn().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .isNull();
        }
    }
}
