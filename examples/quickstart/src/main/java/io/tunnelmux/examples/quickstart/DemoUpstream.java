package io.tunnelmux.examples.quickstart;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/**
 * The server that the tunnel leads to, an ordinary one that knows nothing of tunnels. {@code /} says hello, {@code /echo} answers with the
 * request's body, {@code /bytes?n=N} sends N bytes of the {@link Pattern}, {@code /sink} takes them and says whether they were right,
 * {@code /events?n=N} sends N server-sent events, ten a second, and {@code /ws} is a WebSocket that echoes.
 */
final class DemoUpstream implements AutoCloseable {

    private final EventLoopGroup loops =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("upstream", true), NioIoHandler.newFactory());
    private final Channel listening;

    DemoUpstream() throws InterruptedException {
        listening = new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new HttpServerCodec(), new DemoHandler());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .sync()
                .channel();
    }

    InetSocketAddress address() {
        return (InetSocketAddress) listening.localAddress();
    }

    @Override
    public void close() {
        listening.close();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
