package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.util.ReferenceCountUtil;
import java.util.Map;

/**
 * Tells a client of HTTP/2 that uses its connection from one that keeps it busy with frames that are of no use to anybody: SETTINGS, PING, PRIORITY,
 * WINDOW_UPDATE, empty or unknown ones. What it sends must not be more than a megabyte and eight times what was said by heads and bodies, in either direction.
 * (The rule is nginx's.) On the connection's loop.
 */
final class FloodGuard {

    private static final long FREE_BYTES = 1024 * 1024;
    private static final long FACTOR = 8;

    private final Runnable onFlood;
    private long receivedBytes;
    private long usefulBytes;
    private boolean isFlooded;

    /** @param onFlood run once; what comes after that is dropped */
    FloodGuard(Runnable onFlood) {
        this.onFlood = onFlood;
    }

    /** Belongs in front of the codec. */
    ChannelHandler bytes() {
        return new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext context, Object message) {
                if (isFlooded) {
                    ReferenceCountUtil.release(message);
                    return;
                }
                if (message instanceof ByteBuf bytes) {
                    receivedBytes += bytes.readableBytes();
                }
                context.fireChannelRead(message);
                if (receivedBytes > FREE_BYTES + FACTOR * usefulBytes) {
                    isFlooded = true;
                    onFlood.run();
                }
            }
        };
    }

    /** Belongs behind the codec. */
    ChannelHandler frames() {
        return new ChannelDuplexHandler() {
            @Override
            public void channelRead(ChannelHandlerContext context, Object message) {
                count(message);
                context.fireChannelRead(message);
            }

            @Override
            public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
                count(message);
                context.write(message, promise);
            }
        };
    }

    private void count(Object message) {
        if (message instanceof Http2DataFrame data) {
            usefulBytes += data.content().readableBytes();
        } else if (message instanceof Http2HeadersFrame headers) {
            for (Map.Entry<CharSequence, CharSequence> field : headers.headers()) {
                usefulBytes += field.getKey().length() + field.getValue().length();
            }
        }
    }
}
