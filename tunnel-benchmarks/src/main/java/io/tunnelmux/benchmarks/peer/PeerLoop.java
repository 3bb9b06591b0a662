package io.tunnelmux.benchmarks.peer;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.function.Consumer;

/** The one event loop of a side, and its sockets. Any thread. */
final class PeerLoop implements AutoCloseable {
    private final NettyLoops loops = NettyLoops.create(1, IoMode.AUTO);
    private final NettyLoop loop = loops.next();

    NettyLoop loop() {
        return loop;
    }

    NettyLoops loops() {
        return loops;
    }

    /**
     * Listens on a free port of the loopback interface.
     *
     * @param onAccepted on the loop, before anything is read
     */
    InetSocketAddress listen(Consumer<Channel> onAccepted) throws IOException {
        return (InetSocketAddress) await(loops.serverBootstrap()
                        .childHandler(initializer(onAccepted))
                        .bind(PeerRelay.freePort()))
                .localAddress();
    }

    /**
     * Connects, and waits for that.
     *
     * @param onCreated on the loop, before it is connected
     */
    Channel connect(InetSocketAddress to, Consumer<Channel> onCreated) throws IOException {
        return await(loops.bootstrap(loop).handler(initializer(onCreated)).connect(to));
    }

    /** Begins to connect. On the loop. {@return a channel that nothing has come from yet} */
    Channel dial(InetSocketAddress to) {
        return loops.bootstrap(loop)
                .handler(initializer(channel -> {}))
                .connect(to)
                .channel();
    }

    private static ChannelInitializer<Channel> initializer(Consumer<Channel> action) {
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                action.accept(channel);
            }
        };
    }

    private static Channel await(ChannelFuture future) throws IOException {
        future.awaitUninterruptibly();
        if (!future.isSuccess()) {
            throw new IOException(future.cause());
        }
        return future.channel();
    }

    @Override
    public void close() {
        loops.close();
    }
}
