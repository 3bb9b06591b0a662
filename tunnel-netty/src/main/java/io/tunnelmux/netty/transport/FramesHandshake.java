package io.tunnelmux.netty.transport;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.protocol.ErrorCode;
import org.jspecify.annotations.Nullable;

/**
 * The dialler's side where frames follow each other from the first byte on: the connection is a tunnel's as soon as it is there, over TLS as soon as both have
 * agreed on {@code tunnel/1}. The rest is said in HELLO. One loop.
 */
final class FramesHandshake extends ChannelInboundHandlerAdapter {
    private final NettyLoop loop;
    private final DialTarget target;
    private final ClientHandshake.Outcome outcome;
    private boolean hasEnded;

    FramesHandshake(NettyLoop loop, DialTarget target, ClientHandshake.Outcome outcome) {
        this.loop = loop;
        this.target = target;
        this.outcome = outcome;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        if (!target.isSecure()) {
            takeOver(ctx);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (!hasEnded && event instanceof SslHandshakeCompletionEvent handshake && handshake.isSuccess()) {
            String agreed = ctx.pipeline().get(SslHandler.class).applicationProtocol();
            if (TlsConfig.TUNNEL.equals(agreed)) {
                takeOver(ctx);
            } else {
                String message = "the gateway does not agree on " + TlsConfig.TUNNEL + " (ALPN), does it want wss://?";
                fail(ctx, ErrorCode.UNSUPPORTED, message, null);
            }
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        // Of a connection that has failed and is being closed.
        ReferenceCountUtil.release(msg);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        fail(ctx, ErrorCode.TRANSPORT_LOST, "the connection was closed before TLS was agreed on", null);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        fail(ctx, ErrorCode.TRANSPORT_LOST, "the handshake failed: " + DialHints.explained(cause, target), cause);
    }

    private void takeOver(ChannelHandlerContext ctx) {
        hasEnded = true;
        ctx.channel().config().setAutoRead(false);
        loop.loops().limitUnsent(ctx.channel());
        NettyTransport transport = NettyTransport.ofFrames(loop, ctx.channel(), true);
        ctx.pipeline().addLast(transport);
        ctx.pipeline().remove(this);
        outcome.onTunnel(transport);
    }

    private void fail(ChannelHandlerContext ctx, ErrorCode code, String message, @Nullable Throwable cause) {
        ctx.close();
        if (!hasEnded) {
            hasEnded = true;
            outcome.onFailure(new TunnelException(code, message, null, cause));
        }
    }
}
