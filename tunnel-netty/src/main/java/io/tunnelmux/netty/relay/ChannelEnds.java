package io.tunnelmux.netty.relay;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.ssl.SslHandler;
import io.tunnelmux.netty.transport.NettyLoop;

/** The ways in which a channel ends. All calls on the channel's loop. */
public final class ChannelEnds {

    private ChannelEnds() {}

    /**
     * Cuts the connection, so that the far side cannot take it for a clean end: with a reset where the channel is a TCP connection, and without
     * TLS's word of goodbye; of a stream of HTTP/2, with a reset of the stream alone. What was written goes out as far as the socket takes it at once; the rest is dropped.
     */
    public static void abort(Channel channel) {
        channel.flush();
        if (!channel.isOpen()) {
            // Before this, or by the flush that found the connection lost.
            return;
        }
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
        ChannelPipeline pipeline = channel.pipeline();
        ChannelHandlerContext first = pipeline.firstContext();
        if (first == null) {
            channel.close();
        } else {
            // From here nothing is asked on the way to the socket: TLS would say goodbye.
            first.close();
        }
    }

    /**
     * Closes when all that was written has gone out, and so that it arrives: a socket closed over unread bytes resets its connection, and a
     * reset can overtake the end of an answer. So the output ends first, and what still comes is dropped for a few seconds. A peer that takes
     * nothing more is cut off after a while.
     *
     * <p>The caller's own handlers must be out of the pipeline.
     *
     * @param isInputEnded whether the peer has ended its side, so that there is nothing to wait for
     */
    public static void closeGently(Channel channel, NettyLoop loop, boolean isInputEnded) {
        if (channel.isOpen()) {
            new LingeringClose(channel, loop, isInputEnded).begin();
        }
    }

    /**
     * Ends the output once all that was written has gone out. The input goes on.
     *
     * @return completes when that is done
     */
    static ChannelFuture endOutput(Channel channel) {
        if (channel instanceof Http2StreamChannel) {
            return channel.writeAndFlush(new DefaultHttp2DataFrame(true));
        }
        return channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener((ChannelFutureListener) written -> {
            if (written.isSuccess()) {
                shutdownOutput(channel);
            }
        });
    }

    /** What was written and is not with the kernel yet; of a stream of HTTP/2, not with the connection yet. */
    public static long pendingBytes(Channel channel) {
        if (channel instanceof Http2StreamChannel) {
            return channel.isWritable()
                    ? channel.config().getWriteBufferHighWaterMark() + 1 - channel.bytesBeforeUnwritable()
                    : channel.config().getWriteBufferLowWaterMark() - 1 + channel.bytesBeforeWritable();
        }
        ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
        return buffer == null ? 0 : buffer.totalPendingWriteBytes();
    }

    /** Ends the output at once. */
    static void shutdownOutput(Channel channel) {
        SslHandler ssl = channel.pipeline().get(SslHandler.class);
        if (ssl != null) {
            ssl.closeOutbound();
        } else if (channel instanceof DuplexChannel duplex) {
            duplex.shutdownOutput();
        } else if (channel instanceof Http2StreamChannel) {
            endOutput(channel);
        } else {
            channel.close();
        }
    }
}
