package io.tunnelmux.netty.agent;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.codec.http2.DefaultHttp2PingFrame;
import io.netty.handler.codec.http2.DefaultHttp2WindowUpdateFrame;
import io.netty.handler.codec.http2.Http2GoAwayFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2SettingsFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.codec.http2.Http2StreamChannelBootstrap;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.http.FlushOnce;
import io.tunnelmux.netty.http.Http2Codec;
import io.tunnelmux.netty.http.Http2Framing;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.relay.SmallWrites;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A connection to an upstream that speaks HTTP/2. It is ready when the upstream has said how many streams it takes; from then on each request is a stream, which looks
 * to an exchange as a connection of HTTP/1.1 does.
 *
 * <p>An upstream that says goodbye gets no more requests, and those that it has may end. One that nothing comes from for 30 seconds, while it owes an answer, is asked
 * by PING whether it is there, and lost if it does not say so within 20. On the loop.
 */
final class Http2Upstream extends ChannelInboundHandlerAdapter {

    /** More streams than that wait for another connection, whatever the upstream would take. */
    static final int MAX_STREAMS = 100;

    private static final long MAX_HEADER_LIST_BYTES =
            ResponseDecoder.MAX_HEAD_BYTES + 32L * ResponseDecoder.MAX_HEADERS;
    /** A request that crosses the upstream's goodbye is refused and not lost, so that these may be kept longer than connections of HTTP/1.1. */
    private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long PING_NANOS = TimeUnit.SECONDS.toNanos(20);

    private final Upstream upstream;
    private final Channel channel;
    private final NettyLoop loop;
    private @Nullable Consumer<Http2Upstream> onReady;
    private @Nullable Consumer<Http2Upstream> onRoom;
    private @Nullable BiConsumer<Http2Upstream, @Nullable IOException> onGone;
    private TunnelLoop.@Nullable Timer timer;
    private @Nullable IOException failure;
    private long lastReadNanos;
    private long maxStreams;
    private int streams;
    private boolean isReady;
    private boolean isPinged;
    private boolean isRetired;
    private boolean isGone;

    Http2Upstream(Upstream upstream, Channel channel, NettyLoop loop) {
        this.upstream = upstream;
        this.channel = channel;
        this.loop = loop;
    }

    /** Puts this connection's handlers at the end of the channel's pipeline, and says hello. */
    void begin() {
        channel.pipeline()
                .addLast(
                        new FlushOnce(),
                        new Reads(),
                        Http2Codec.client(MAX_HEADER_LIST_BYTES),
                        new Http2MultiplexHandler(new ChannelInitializer<>() {
                            @Override
                            protected void initChannel(Channel pushed) {
                                // Pushes are off.
                                pushed.close();
                            }
                        }),
                        this);
        int growth = Http2Codec.CONNECTION_WINDOW_BYTES - Http2Codec.STREAM_WINDOW_BYTES;
        channel.write(new DefaultHttp2WindowUpdateFrame(growth));
        loop.flushLater(channel);
        lastReadNanos = loop.nanoTime();
        timer = loop.schedule(this::onNotReady, PING_NANOS);
    }

    /**
     * Whom to tell of what becomes of it.
     *
     * @param ready once, when streams can be opened
     * @param room whenever a stream has ended
     * @param gone once, last, with what broke it, if anything did
     */
    void onReady(
            Consumer<Http2Upstream> ready,
            Consumer<Http2Upstream> room,
            BiConsumer<Http2Upstream, @Nullable IOException> gone) {
        onReady = ready;
        onRoom = room;
        onGone = gone;
    }

    private void onNotReady() {
        failure = new IOException(upstream + " does not answer in HTTP/2");
        abort();
    }

    /** Whether another stream may be opened. */
    boolean hasRoom() {
        return isReady && !isRetired && !isGone && channel.isActive() && streams < Math.min(maxStreams, MAX_STREAMS);
    }

    boolean isIdle() {
        return streams == 0;
    }

    /** Opens a stream for one request. */
    UpstreamConnection open() {
        streams++;
        if (streams == 1) {
            lastReadNanos = loop.nanoTime();
            watch(SILENCE_NANOS);
        }
        Future<Http2StreamChannel> opened = new Http2StreamChannelBootstrap(channel)
                .option(
                        ChannelOption.WRITE_BUFFER_WATER_MARK,
                        new WriteBufferWaterMark(NettyLoops.LOW_WATER_BYTES, NettyLoops.HIGH_WATER_BYTES))
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel stream) {
                        stream.pipeline().addLast(new Http2Framing(loop, isWaiting -> {}));
                        SmallWrites.addTo(stream.pipeline());
                        stream.pipeline()
                                .addLast(
                                        new Http2MessageCodec(upstream.isTls()),
                                        new UpstreamConnection(upstream, stream, null));
                    }
                })
                .open();
        if (!opened.isSuccess()) {
            throw new IllegalStateException("a stream takes its time", opened.cause());
        }
        Http2StreamChannel stream = opened.getNow();
        stream.closeFuture().addListener(closed -> onStreamClosed());
        return stream.pipeline().get(UpstreamConnection.class);
    }

    private void onStreamClosed() {
        streams--;
        if (isGone) {
            return;
        }
        if (streams == 0 && isRetired) {
            close();
        } else {
            if (streams == 0) {
                watch(IDLE_NANOS);
            }
            if (onRoom != null) {
                onRoom.accept(this);
            }
        }
    }

    /** Opens no more streams, and closes behind those that there are. */
    void retire() {
        isRetired = true;
        if (streams == 0) {
            close();
        }
    }

    /** With a word of goodbye, if the upstream takes it in time. */
    private void close() {
        channel.close();
        watch(PING_NANOS);
    }

    /** Closes at once, whatever it carries. */
    void abort() {
        isRetired = true;
        ChannelEnds.abort(channel);
    }

    private void watch(long nanos) {
        if (timer != null) {
            timer.cancel();
        }
        timer = isGone ? null : loop.schedule(this::onTimer, nanos);
    }

    private void onTimer() {
        timer = null;
        long silentNanos = loop.nanoTime() - lastReadNanos;
        if (streams == 0 && isRetired) {
            abort();
        } else if (streams == 0) {
            retire();
        } else if (silentNanos < SILENCE_NANOS) {
            isPinged = false;
            watch(SILENCE_NANOS - silentNanos);
        } else if (isPinged) {
            failure = new IOException(upstream + " is silent");
            abort();
        } else {
            isPinged = true;
            channel.write(new DefaultHttp2PingFrame(0));
            loop.flushLater(channel);
            watch(PING_NANOS);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof Http2SettingsFrame frame) {
            Long allowed = frame.settings().maxConcurrentStreams();
            if (allowed != null) {
                maxStreams = allowed;
            } else if (!isReady) {
                maxStreams = MAX_STREAMS;
            }
            onSettings();
        } else if (message instanceof Http2GoAwayFrame) {
            retire();
        }
        ReferenceCountUtil.release(message);
    }

    private void onSettings() {
        if (!isReady) {
            isReady = true;
            watch(IDLE_NANOS);
            if (onReady != null) {
                onReady.accept(this);
            }
        } else if (onRoom != null) {
            onRoom.accept(this);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        isGone = true;
        watch(0);
        if (onGone != null) {
            onGone.accept(this, failure);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        if (failure == null) {
            failure = cause instanceof IOException io ? io : new IOException(cause.getMessage(), cause);
        }
        // What is no fault of HTTP/2 the codec does not close for.
        abort();
    }

    @Override
    public String toString() {
        return streams + " streams to " + upstream;
    }

    /** Notes that something came. */
    private final class Reads extends ChannelInboundHandlerAdapter {
        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            lastReadNanos = loop.nanoTime();
            context.fireChannelReadComplete();
        }
    }
}
