package io.tunnelmux.netty.transport;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.TimeUnit;

/**
 * What is left of a connection whose handshake was refused: nothing more is sent, and what comes is dropped until the peer has closed, for
 * a second at most. To close at once would be rude where the peer still sends: its TCP could throw our answer away unread.
 */
final class RefusedHandler extends ChannelInboundHandlerAdapter {
    /** To be called when the answer has been written. */
    static final ChannelFutureListener SAY_NO_MORE = RefusedHandler::sayNoMore;

    private static final long LINGER_SECONDS = 1;

    private static void sayNoMore(ChannelFuture written) {
        SslHandler tls = written.channel().pipeline().get(SslHandler.class);
        if (!written.isSuccess()) {
            written.channel().close();
        } else if (tls != null) {
            tls.closeOutbound();
        } else if (written.channel() instanceof DuplexChannel channel) {
            channel.shutdownOutput();
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        // A channel that is closed by then stays so.
        ctx.executor().schedule(() -> ctx.close(), LINGER_SECONDS, TimeUnit.SECONDS);
        ctx.channel().config().setAutoRead(true);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        ReferenceCountUtil.release(msg);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        // The end of input, where half-close is allowed.
        ctx.close();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        ctx.close();
    }
}
