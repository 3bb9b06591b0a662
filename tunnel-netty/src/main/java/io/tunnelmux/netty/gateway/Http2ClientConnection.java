package io.tunnelmux.netty.gateway;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.codec.http2.DefaultHttp2GoAwayFrame;
import io.netty.handler.codec.http2.DefaultHttp2PingFrame;
import io.netty.handler.codec.http2.DefaultHttp2WindowUpdateFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2FrameCodec;
import io.netty.handler.codec.http2.Http2FrameStream;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2PingFrame;
import io.netty.handler.codec.http2.Http2SettingsFrame;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.netty.http.FlushOnce;
import io.tunnelmux.netty.http.Http2Codec;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client's connection that speaks HTTP/2: each of its streams is a channel with an {@link Http2Client} for its one request. It stays on the loop that accepted
 * it; what goes through tunnels of other loops crosses over, see {@link HandlerOnLoop}.
 *
 * <p>It ends in two steps, so that no request is lost (RFC 9113, 6.8): the client is told to open no more streams, and once its answer shows that it has heard
 * so, which was the last. Then what is under way may end.
 */
final class Http2ClientConnection extends ChannelInboundHandlerAdapter implements FrontConnection {

    private static final Logger LOG = LoggerFactory.getLogger(Http2ClientConnection.class);

    /** Of each field, beside its name and value (RFC 9113, 6.5.2). */
    private static final int FIELD_OVERHEAD_BYTES = 32;
    /** How long a client may take to hear that it is to open no more streams. */
    private static final long HEARING_NANOS = 1_000_000_000L;
    /** By this PING's answer it shows. */
    private static final long HEARD = 0x676f_6177_6179L;

    private enum Ending {
        NOT,
        /** The client has been told to open no more streams. */
        ANNOUNCED,
        /** It has been told which was the last. */
        LAST_SAID
    }

    private final HttpFront front;
    private final Channel channel;
    private final NettyLoop loop;
    private final GatewayConfig config;
    private final Deadlines deadlines;
    private final String scheme;
    private final Http2FrameCodec codec;
    private Ending ending = Ending.NOT;
    private boolean isClosing;
    /** What waited for the socket when that was last looked at. */
    private long stalledBytes;

    private int streams;
    private int requests;

    Http2ClientConnection(HttpFront front, Channel channel, NettyLoop loop) {
        this.front = front;
        this.channel = channel;
        this.loop = loop;
        config = front.config();
        deadlines = new Deadlines(loop, this::onDeadline);
        long headerListBytes = config.maxHeaderBytes() + (long) FIELD_OVERHEAD_BYTES * config.maxHeaders();
        codec = Http2Codec.server(config.maxConcurrentStreams(), headerListBytes);
        scheme = channel.pipeline().get(SslHandler.class) == null ? "http" : "https";
    }

    /**
     * Puts this connection's handlers at the end of the channel's pipeline.
     *
     * @param prefaceNanos until the client has said what every client says first
     */
    void begin(long prefaceNanos) {
        deadlines.set(Deadlines.Kind.HEAD, prefaceNanos);
        FloodGuard guard = new FloodGuard(this::onFlood);
        channel.pipeline()
                .addLast(
                        new FlushOnce(),
                        guard.bytes(),
                        codec,
                        guard.frames(),
                        new Http2MultiplexHandler(new ChannelInitializer<>() {
                            @Override
                            protected void initChannel(Channel stream) {
                                onStream((Http2StreamChannel) stream);
                            }
                        }),
                        this);
        int growth = Http2Codec.CONNECTION_WINDOW_BYTES - Http2Codec.STREAM_WINDOW_BYTES;
        channel.write(new DefaultHttp2WindowUpdateFrame(growth));
        loop.flushLater(channel);
    }

    private void onStream(Http2StreamChannel stream) {
        streams++;
        requests++;
        deadlines.clear(Deadlines.Kind.IDLE);
        stream.closeFuture().addListener(closed -> onStreamClosed());
        stream.config()
                .setOption(
                        ChannelOption.WRITE_BUFFER_WATER_MARK,
                        new WriteBufferWaterMark(NettyLoops.LOW_WATER_BYTES, NettyLoops.HIGH_WATER_BYTES));
        new Http2Client(front, this, stream, loop, scheme).begin();
        if (requests >= config.maxRequestsPerConnection()) {
            end();
        }
    }

    private void onStreamClosed() {
        streams--;
        if (streams == 0 && channel.isActive()) {
            switch (ending) {
                case NOT ->
                    deadlines.set(Deadlines.Kind.IDLE, config.keepAliveTimeout().toNanos());
                case ANNOUNCED -> {
                    // The next step comes by itself.
                }
                case LAST_SAID -> closeOnceWritten();
            }
        }
    }

    @Override
    public void drain() {
        channel.eventLoop().execute(this::end);
    }

    /** Takes no more requests. Further calls do nothing. */
    private void end() {
        if (ending == Ending.NOT && channel.isActive()) {
            ending = Ending.ANNOUNCED;
            deadlines.clear(Deadlines.Kind.IDLE);
            deadlines.set(Deadlines.Kind.RESPONSE, HEARING_NANOS);
            channel.write(new DefaultHttp2GoAwayFrame(Http2Error.NO_ERROR).setExtraStreamIds(Integer.MAX_VALUE));
            channel.write(new DefaultHttp2PingFrame(HEARD));
            loop.flushLater(channel);
        }
    }

    private void sayLast() {
        if (ending == Ending.ANNOUNCED && channel.isActive()) {
            ending = Ending.LAST_SAID;
            deadlines.clear(Deadlines.Kind.RESPONSE);
            channel.write(new DefaultHttp2GoAwayFrame(Http2Error.NO_ERROR));
            loop.flushLater(channel);
            if (streams == 0) {
                closeOnceWritten();
            }
        }
    }

    /** All that is left are a few words to the client, which it has a little time to take. */
    private void closeOnceWritten() {
        isClosing = true;
        deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
        channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof Http2SettingsFrame && deadlines.isSet(Deadlines.Kind.HEAD)) {
            deadlines.clear(Deadlines.Kind.HEAD);
            if (streams == 0) {
                deadlines.set(Deadlines.Kind.IDLE, config.keepAliveTimeout().toNanos());
            }
        } else if (message instanceof Http2PingFrame ping && ping.ack() && ping.content() == HEARD) {
            sayLast();
        }
        ReferenceCountUtil.release(message);
    }

    // Whether the client takes what it gets.

    /**
     * A stream was reset, of which nothing more is to be sent: what waits of it goes at once. A codec drops it only once the reset is written, which may take for ever
     * where the client reads nothing.
     */
    void onReset(Http2FrameStream stream) {
        Http2Stream reset = codec.connection().stream(stream.id());
        if (reset != null) {
            reset.close();
        }
        watchWriting();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (!channel.isWritable()) {
            watchWriting();
        }
        context.fireChannelWritabilityChanged();
    }

    /** From now on what waits for the socket has some time to be taken, or to become less. */
    private void watchWriting() {
        if (channel.isActive() && !deadlines.isSet(Deadlines.Kind.WRITE)) {
            stalledBytes = ChannelEnds.pendingBytes(channel);
            deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
            // Comes behind all of that.
            channel.write(Unpooled.EMPTY_BUFFER).addListener(written -> {
                if (!isClosing) {
                    deadlines.clear(Deadlines.Kind.WRITE);
                }
            });
            loop.flushLater(channel);
        }
    }

    private void onWriteDeadline() {
        long pending = ChannelEnds.pendingBytes(channel);
        if (isClosing || pending >= stalledBytes) {
            ChannelEnds.abort(channel);
        } else {
            stalledBytes = pending;
            deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        deadlines.clearAll();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        // The codec has told the client, where there is anything to tell, and closes.
        LOG.debug(
                "connection failed client={} cause=\"{}\"",
                Recorder.text(channel.remoteAddress()),
                Printable.quoted(cause.toString()));
    }

    private void onFlood() {
        LOG.debug("connection ended client={} cause=\"frames of no use\"", Recorder.text(channel.remoteAddress()));
        channel.writeAndFlush(new DefaultHttp2GoAwayFrame(Http2Error.ENHANCE_YOUR_CALM))
                .addListener(written -> ChannelEnds.abort(channel));
    }

    private void onDeadline(Deadlines.Kind kind) {
        switch (kind) {
            case HEAD -> ChannelEnds.abort(channel);
            case IDLE -> end();
            case RESPONSE -> sayLast();
            case WRITE -> onWriteDeadline();
            case BODY -> throw new IllegalStateException("never set");
        }
    }
}
