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

    /** Null as long as nothing has had to wait. */
    private @Nullable PieceQueue waiting;

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
            PieceQueue queue = waiting;
            if (queue == null) {
                queue = new PieceQueue();
                waiting = queue;
            }
            queue.add(bytes, context.alloc());
            if (queue.size() > 1) {
                writeFirst(context, queue);
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
        if (context.channel().isWritable() && waiting != null && waiting.size() > 0) {
            writeAll(context);
            context.flush();
        }
        context.fireChannelWritabilityChanged();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        if (context.channel().isActive()) {
            writeAll(context);
        } else if (waiting != null) {
            waiting.clear();
        }
    }

    private void writeAll(ChannelHandlerContext context) {
        PieceQueue queue = waiting;
        while (queue != null && queue.size() > 0) {
            writeFirst(context, queue);
        }
    }

    private static void writeFirst(ChannelHandlerContext context, PieceQueue queue) {
        @Nullable ByteBuf first = queue.poll();
        if (first != null) {
            context.write(first, context.voidPromise());
        }
    }
}
