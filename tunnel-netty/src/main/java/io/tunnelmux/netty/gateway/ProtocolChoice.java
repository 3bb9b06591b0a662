package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.TlsConfig;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client's connection of which it is not known yet what it speaks: TLS agrees on it (ALPN); without TLS the first bytes tell, where HTTP/2 is served that way at
 * all (RFC 9113, 3.3). What then serves it has the rest of the time that a connection has to its first request.
 */
final class ProtocolChoice implements FrontConnection {

    private static final Logger LOG = LoggerFactory.getLogger(ProtocolChoice.class);

    private final HttpFront front;
    private final Channel channel;
    private final NettyLoop loop;
    private final long deadlineNanos;
    private final TunnelLoop.Timer timer;

    ProtocolChoice(HttpFront front, Channel channel, NettyLoop loop) {
        this.front = front;
        this.channel = channel;
        this.loop = loop;
        long nanos = front.config().headTimeout().toNanos();
        deadlineNanos = loop.nanoTime() + nanos;
        timer = loop.schedule(channel::close, nanos);
    }

    /** Puts the handlers into the channel's pipeline that it needs to find out. */
    void begin() {
        TlsConfig tls = front.config().tls();
        if (tls != null) {
            channel.pipeline().addLast(tls.newHttpServerHandler(channel.alloc()), new Agreed());
        } else if (front.config().h2c()) {
            channel.pipeline().addLast(new FirstBytes());
        } else {
            serveHttp1();
        }
    }

    @Override
    public void drain() {
        channel.eventLoop().execute(() -> {
            if (front.isServedBy(channel, this)) {
                channel.close();
            }
        });
    }

    private void serveHttp1() {
        timer.cancel();
        ClientConnection connection = new ClientConnection(front, channel, loop);
        connection.begin(Math.max(0, deadlineNanos - loop.nanoTime()));
        front.serve(channel, connection);
    }

    private void serveHttp2() {
        timer.cancel();
        Http2ClientConnection connection = new Http2ClientConnection(front, channel, loop);
        connection.begin(Math.max(0, deadlineNanos - loop.nanoTime()));
        front.serve(channel, connection);
    }

    private void onFailed(Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        LOG.debug(
                "connection failed client={} cause=\"{}\"",
                Recorder.text(channel.remoteAddress()),
                Printable.quoted(cause.toString()));
        timer.cancel();
        ChannelEnds.abort(channel);
    }

    /** Waits for the end of the TLS handshake. */
    private final class Agreed extends ChannelInboundHandlerAdapter {

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event instanceof SslHandshakeCompletionEvent handshake && handshake.isSuccess()) {
                SslHandler tls = channel.pipeline().get(SslHandler.class);
                if (ApplicationProtocolNames.HTTP_2.equals(tls.applicationProtocol())) {
                    serveHttp2();
                } else {
                    serveHttp1();
                }
                context.pipeline().remove(this);
            }
            context.fireUserEventTriggered(event);
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            timer.cancel();
            context.fireChannelInactive();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            onFailed(cause);
        }
    }

    /** Compares what comes with what every client of HTTP/2 says first; no request of HTTP/1.1 begins so. */
    private final class FirstBytes extends ByteToMessageDecoder {
        private final ByteBuf preface = Http2CodecUtil.connectionPrefaceBuf();

        @Override
        protected void decode(ChannelHandlerContext context, ByteBuf bytes, List<Object> out) {
            int length = Math.min(bytes.readableBytes(), preface.readableBytes());
            for (int i = 0; i < length; i++) {
                if (bytes.getByte(bytes.readerIndex() + i) != preface.getByte(i)) {
                    serveHttp1();
                    context.pipeline().remove(this);
                    return;
                }
            }
            if (length == preface.readableBytes()) {
                serveHttp2();
                context.pipeline().remove(this);
            }
        }

        @Override
        protected void handlerRemoved0(ChannelHandlerContext context) {
            preface.release();
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) throws Exception {
            timer.cancel();
            super.channelInactive(context);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            onFailed(cause);
        }
    }
}
