package io.tunnelmux.netty.testing;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2GoAwayFrame;
import io.netty.handler.codec.http2.DefaultHttp2SettingsFrame;
import io.netty.handler.codec.http2.DefaultHttp2WindowUpdateFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.util.ReferenceCountUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A server that speaks HTTP/2 by prior knowledge, or through TLS, whose every answer a test gives by hand. */
public final class H2Server implements AutoCloseable {

    private static final int CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024;

    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final List<Channel> connections = new CopyOnWriteArrayList<>();
    private final BlockingQueue<H2Stream> calls = new LinkedBlockingQueue<>();
    private final Channel listening;

    private H2Server(Http2Settings settings, @Nullable SslContext tls, Consumer<H2Stream> onCall) throws Exception {
        listening = new ServerBootstrap()
                .group(group)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel connection) {
                        connections.add(connection);
                        if (tls != null) {
                            connection.pipeline().addLast(tls.newHandler(connection.alloc()));
                        }
                        connection
                                .pipeline()
                                .addLast(
                                        Http2FrameCodecBuilder.forServer()
                                                .initialSettings(settings)
                                                .validateHeaders(false)
                                                .decoupleCloseAndGoAway(true)
                                                .encoderIgnoreMaxHeaderListSize(true)
                                                .build(),
                                        new Http2MultiplexHandler(new ChannelInitializer<>() {
                                            @Override
                                            protected void initChannel(Channel stream) {
                                                H2Stream call = new H2Stream();
                                                call.join((Http2StreamChannel) stream);
                                                stream.pipeline().addLast(call);
                                                onCall.accept(call);
                                                calls.add(call);
                                            }
                                        }),
                                        new Connection());
                        connection.write(new DefaultHttp2WindowUpdateFrame(CONNECTION_WINDOW_BYTES));
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .sync()
                .channel();
    }

    public static H2Server start() throws Exception {
        return start(settings(), null, call -> {});
    }

    /** @param onCall given each request before anything of it has come */
    public static H2Server start(Http2Settings settings, @Nullable SslContext tls, Consumer<H2Stream> onCall)
            throws Exception {
        return new H2Server(settings, tls, onCall);
    }

    public static Http2Settings settings() {
        return Http2Settings.defaultSettings().maxHeaderListSize(1 << 20).initialWindowSize(256 * 1024);
    }

    public int port() {
        return ((InetSocketAddress) listening.localAddress()).getPort();
    }

    /** The next request. */
    public H2Stream next() throws InterruptedException {
        H2Stream call = calls.poll(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (call == null) {
            throw new AssertionError("no request came");
        }
        return call;
    }

    public boolean hasCall() {
        return !calls.isEmpty();
    }

    /** All that were ever accepted, in order. */
    public List<Channel> connections() {
        return connections;
    }

    /** Says which request was the last of a connection. */
    public void saysGoodbye(Channel connection) {
        connection.writeAndFlush(new DefaultHttp2GoAwayFrame(Http2Error.NO_ERROR));
    }

    public void sets(Channel connection, Http2Settings settings) {
        connection.writeAndFlush(new DefaultHttp2SettingsFrame(settings));
    }

    @Override
    public void close() {
        listening.close();
        for (Channel connection : connections) {
            connection.close().awaitUninterruptibly(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
        group.shutdownGracefully(0, 5, TimeUnit.SECONDS)
                .awaitUninterruptibly(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static final class Connection extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ReferenceCountUtil.release(message);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }
}
