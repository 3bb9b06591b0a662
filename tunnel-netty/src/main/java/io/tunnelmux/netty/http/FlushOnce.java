package io.tunnelmux.netty.http;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;

/**
 * Flushes a connection once at the end of a loop's turn, however many of its streams asked for it. Belongs between TLS and the codec of a connection that many
 * streams share.
 */
public final class FlushOnce extends ChannelOutboundHandlerAdapter {

    private boolean isDue;

    @Override
    public void flush(ChannelHandlerContext context) {
        if (!isDue) {
            isDue = true;
            context.executor().execute(() -> {
                isDue = false;
                context.flush();
            });
        }
    }
}
