package io.tunnelmux.netty.testing;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.DefaultHttp2WindowUpdateFrame;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2GoAwayFrame;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2SettingsFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.codec.http2.Http2StreamChannelBootstrap;
import io.netty.handler.ssl.SslContext;
import io.netty.util.ReferenceCountUtil;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A client that speaks HTTP/2, for threads that wait. Checks nothing that it sends. */
public final class H2Client implements AutoCloseable {

    public static final long PATIENCE_SECONDS = 20;

    private static final int CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024;

    private final List<H2Stream> calls = new CopyOnWriteArrayList<>();
    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final CompletableFuture<Http2Settings> settings = new CompletableFuture<>();
    private final CompletableFuture<Long> goAway = new CompletableFuture<>();
    private final Channel channel;

    private H2Client(InetSocketAddress address, @Nullable SslContext tls, Http2Settings own) throws Exception {
        channel = new Bootstrap()
                .group(group)
                .channel(NioSocketChannel.class)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel connection) {
                        if (tls != null) {
                            connection
                                    .pipeline()
                                    .addLast(tls.newHandler(connection.alloc(), "localhost", address.getPort()));
                        }
                        connection
                                .pipeline()
                                .addLast(
                                        Http2FrameCodecBuilder.forClient()
                                                .initialSettings(own)
                                                .validateHeaders(false)
                                                .encoderEnforceMaxConcurrentStreams(true)
                                                .decoupleCloseAndGoAway(true)
                                                .encoderIgnoreMaxHeaderListSize(true)
                                                .build(),
                                        new Http2MultiplexHandler(new ChannelInboundHandlerAdapter()),
                                        new Connection());
                    }
                })
                .connect(address)
                .sync()
                .channel();
        // Calls that are not read from must not stop the others on this side.
        channel.writeAndFlush(new DefaultHttp2WindowUpdateFrame(CONNECTION_WINDOW_BYTES));
    }

    public static H2Client connect(InetSocketAddress address) throws Exception {
        return new H2Client(address, null, settings());
    }

    /** @param tls offers h2 */
    public static H2Client connect(InetSocketAddress address, @Nullable SslContext tls, Http2Settings own)
            throws Exception {
        return new H2Client(address, tls, own);
    }

    public static Http2Settings settings() {
        return Http2Settings.defaultSettings()
                .pushEnabled(false)
                .maxHeaderListSize(1 << 20)
                .initialWindowSize(256 * 1024);
    }

    /** What the server has set. */
    public Http2Settings serverSettings() throws Exception {
        return settings.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** The code of the first GOAWAY. */
    public long goAway() throws Exception {
        return goAway.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    public void awaitClosed() throws Exception {
        if (!channel.closeFuture().await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the connection stands");
        }
    }

    public boolean isOpen() {
        return channel.isOpen();
    }

    /** For frames of a test's own. */
    public Channel channel() {
        return channel;
    }

    /** A head without checks; names and values in turn. */
    public static Http2Headers fields(String... fields) {
        Http2Headers headers = new DefaultHttp2Headers(false);
        for (int i = 0; i < fields.length; i += 2) {
            headers.add(fields[i], fields[i + 1]);
        }
        return headers;
    }

    public static Http2Headers request(String method, String path, String... fields) {
        return fields(":method", method, ":scheme", "http", ":authority", "a", ":path", path)
                .add(fields(fields));
    }

    public H2Stream gets(String path, String... fields) throws Exception {
        return sends(request("GET", path, fields), true);
    }

    public H2Stream sends(Http2Headers head, boolean isEnd) throws Exception {
        H2Stream call = new H2Stream();
        Http2StreamChannel stream =
                new Http2StreamChannelBootstrap(channel).handler(call).open().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        call.join(stream);
        calls.add(call);
        stream.writeAndFlush(new DefaultHttp2HeadersFrame(head, isEnd));
        return call;
    }

    @Override
    public void close() {
        // Netty keeps what was never read of a stream whose connection has gone.
        calls.forEach(call -> call.stream().config().setAutoRead(true));
        channel.close().awaitUninterruptibly(PATIENCE_SECONDS, TimeUnit.SECONDS);
        group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private final class Connection extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof Http2SettingsFrame frame) {
                settings.complete(frame.settings());
            } else if (message instanceof Http2GoAwayFrame frame) {
                goAway.complete(frame.errorCode());
            }
            ReferenceCountUtil.release(message);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }
}
