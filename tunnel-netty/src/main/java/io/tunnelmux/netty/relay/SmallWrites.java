package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import org.jspecify.annotations.Nullable;

/**
 * Puts together the small buffers that are written while the channel takes nothing, see {@link PieceQueue}: credit bounds the bytes that wait for a stopped
 * reader, but not in how many buffers they come, and each one costs some 200 bytes in the channel's queue. What must wait behind other bytes is copied if it
 * fills little of its buffer: else a few bytes of each read could keep all that was read. While the channel keeps up, all passes as it is.
 *
 * <p>What was put together goes out before whatever else is written, once it is full, and when the channel takes more. Writes with a promise are never put
 * together. Belongs behind TLS and in front of what encodes.
 */
public final class SmallWrites extends ChannelDuplexHandler {

    private final PieceQueue waiting = new PieceQueue();

    private SmallWrites() {}

    /** Puts one at the end of a pipeline, unless there is one in it. */
    public static void addTo(ChannelPipeline pipeline) {
        if (pipeline.get(SmallWrites.class) == null) {
            pipeline.addLast(new SmallWrites());
        }
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (!context.channel().isWritable() && promise.isVoid() && message instanceof ByteBuf bytes) {
            waiting.add(bytes, context.alloc());
            if (waiting.size() > 1) {
                writeFirst(context);
            }
        } else {
            writeAll(context);
            boolean mustWait = context.channel().bytesBeforeUnwritable()
                    < context.channel().config().getWriteBufferHighWaterMark();
            context.write(
                    mustWait && message instanceof ByteBuf bytes ? PieceQueue.compact(bytes, context.alloc()) : message,
                    promise);
        }
    }

    @Override
    public void flush(ChannelHandlerContext context) {
        if (context.channel().isWritable()) {
            writeAll(context);
        }
        context.flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (context.channel().isWritable() && waiting.size() > 0) {
            writeAll(context);
            context.flush();
        }
        context.fireChannelWritabilityChanged();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        if (context.channel().isActive()) {
            writeAll(context);
        } else {
            waiting.clear();
        }
    }

    private void writeAll(ChannelHandlerContext context) {
        while (waiting.size() > 0) {
            writeFirst(context);
        }
    }

    private void writeFirst(ChannelHandlerContext context) {
        @Nullable ByteBuf first = waiting.poll();
        if (first != null) {
            context.write(first, context.voidPromise());
        }
    }
}
