package io.tunnelmux.netty.relay;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.transport.NettyLoop;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The last handler of a channel that is to close: sees all out that was written, then waits a little for the peer's end. */
final class LingeringClose extends ChannelInboundHandlerAdapter {

    /** A peer that takes not one byte for so long gets no more. */
    private static final long STALL_NANOS = TimeUnit.SECONDS.toNanos(60);
    /** How long the peer has to end its side. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Channel channel;
    private final NettyLoop loop;
    private boolean isInputEnded;
    private boolean isOutputEnded;
    private long lastPendingBytes;
    private TunnelLoop.@Nullable Timer timer;

    LingeringClose(Channel channel, NettyLoop loop, boolean isInputEnded) {
        this.channel = channel;
        this.loop = loop;
        this.isInputEnded = isInputEnded;
    }

    void begin() {
        channel.pipeline().addLast(this);
        lastPendingBytes = ChannelEnds.pendingBytes(channel);
        timer = loop.schedule(this::onStalled, STALL_NANOS);
        channel.config().setAutoRead(true);
        channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener((ChannelFutureListener) written -> onFlushed());
    }

    private void onFlushed() {
        cancelTimer();
        isOutputEnded = true;
        if (isInputEnded || !channel.isActive()) {
            channel.close();
            return;
        }
        timer = loop.schedule(channel::close, LINGER_NANOS);
        ChannelEnds.shutdownOutput(channel);
    }

    private void onStalled() {
        long pending = ChannelEnds.pendingBytes(channel);
        if (pending >= lastPendingBytes) {
            ChannelEnds.abort(channel);
        } else {
            lastPendingBytes = pending;
            timer = loop.schedule(this::onStalled, STALL_NANOS);
        }
    }

    private void onInputEnded() {
        isInputEnded = true;
        if (isOutputEnded) {
            channel.close();
        }
    }

    private void cancelTimer() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ReferenceCountUtil.release(message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent || event instanceof SslCloseCompletionEvent) {
            onInputEnded();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        cancelTimer();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        ChannelEnds.abort(channel);
    }
}
