package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import java.util.function.Supplier;

/**
 * A connection that was accepted, and of which it is not known yet whether it bears frames or a WebSocket. TLS agrees on that (ALPN); without TLS the first
 * byte tells, for the type of a frame that may begin a tunnel is no character that a request may begin with. Gives way to the HTTP codec, or to nothing
 * but the event {@link #FRAMES}. One loop.
 */
final class TransportChoice extends ChannelInboundHandlerAdapter {
    /** Fired before the first byte where there are frames. */
    static final Object FRAMES = new Object();

    /** The highest type of a frame that is neither reserved nor an extension, which would be letters. Those from DATA on are breaches that can be answered. */
    private static final int LAST_TYPE = 0x09;

    private final boolean isSecure;
    private final Supplier<ChannelHandler> http;

    /**
     * @param isSecure whether TLS is in front of this in the pipeline
     * @param http makes the handler that takes its place for a WebSocket
     */
    TransportChoice(boolean isSecure, Supplier<ChannelHandler> http) {
        this.isSecure = isSecure;
        this.http = http;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (isSecure && event instanceof SslHandshakeCompletionEvent handshake && handshake.isSuccess()) {
            String agreed = ctx.pipeline().get(SslHandler.class).applicationProtocol();
            choose(ctx, TlsConfig.TUNNEL.equals(agreed));
        }
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        if (!(msg instanceof ByteBuf bytes) || !bytes.isReadable()) {
            ReferenceCountUtil.release(msg);
            return;
        }
        choose(ctx, bytes.getUnsignedByte(bytes.readerIndex()) <= LAST_TYPE);
        ctx.fireChannelRead(bytes);
    }

    /** Afterwards what {@code ctx} fires reaches whatever took the place of this. */
    private void choose(ChannelHandlerContext ctx, boolean hasFrames) {
        if (hasFrames) {
            ctx.pipeline().remove(this);
            ctx.fireUserEventTriggered(FRAMES);
        } else {
            ctx.pipeline().replace(this, null, http.get());
        }
    }
}
