package io.tunnelmux.netty.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2WindowUpdateFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2ResetFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.codec.http2.Http2StreamChannelOption;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.netty.relay.PieceQueue;
import io.tunnelmux.netty.transport.NettyLoop;
import org.jspecify.annotations.Nullable;

/**
 * Makes of one stream of an HTTP/2 connection what other handlers know of a socket: bytes come and go as buffers, {@code autoRead} stops them, and the end of
 * what the peer sends is a {@link ChannelInputShutdownEvent}. Heads and trailers stay frames, and keep their place among the bytes.
 *
 * <pre>
 * DATA             → ByteBuf, and credit for it once it was handed on       ByteBuf                  → DATA
 * HEADERS          → Http2HeadersFrame                                      frames                   → as they are
 * with END_STREAM  → behind it, ChannelInputShutdownEvent                   an empty buffer          → nothing; written when all before it is
 * </pre>
 *
 * What comes while {@code autoRead} is off waits here, and not in Netty's stream channel, whose queue keeps each frame and the whole buffer that it came in. So a
 * stream that nobody reads costs its window and not many times as much.
 *
 * <p>First in the pipeline of its stream. On the connection's loop.
 */
public final class Http2Framing extends ChannelDuplexHandler {

    /** Told whether the peer takes what is written. */
    @FunctionalInterface
    public interface Listener {
        /**
         * Something began to wait for being written to the socket, or something that waited was.
         *
         * @param isWaiting whether something waits now
         */
        void onWriteProgress(boolean isWaiting);
    }

    private final NettyLoop loop;
    private final Listener listener;
    private final PieceQueue waiting = new PieceQueue();
    private @Nullable Http2HeadersFrame trailers;
    private @Nullable ChannelFuture lastWrite;
    private int waitingBytes;
    private int pendingWrites;
    private boolean isHeadDelivered;
    private boolean isEndReceived;
    private boolean isEndDelivered;
    private boolean isReset;
    private boolean isDelivering;

    public Http2Framing(NettyLoop loop, Listener listener) {
        this.loop = loop;
        this.listener = listener;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        if (!(context.channel() instanceof Http2StreamChannel)) {
            throw new IllegalStateException("not a stream of HTTP/2: " + context.channel());
        }
        context.channel().config().setOption(Http2StreamChannelOption.AUTO_STREAM_FLOW_CONTROL, false);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof Http2DataFrame data) {
            onData(context, data);
        } else if (message instanceof Http2HeadersFrame headers) {
            isEndReceived |= headers.isEndStream();
            if (isHeadDelivered && headers.isEndStream() && isHeldBack(context)) {
                trailers = headers;
                return;
            }
            isHeadDelivered = true;
            context.fireChannelRead(headers);
        } else {
            ReferenceCountUtil.release(message);
        }
        deliverEnd(context);
    }

    private void onData(ChannelHandlerContext context, Http2DataFrame data) {
        isEndReceived |= data.isEndStream();
        ByteBuf bytes = data.content();
        int length = bytes.readableBytes();
        credit(context, data.initialFlowControlledBytes() - length);
        if (length == 0) {
            bytes.release();
        } else if (isHeldBack(context)) {
            waiting.add(bytes, context.alloc());
            waitingBytes += length;
        } else {
            context.fireChannelRead(bytes);
            credit(context, length);
        }
    }

    private boolean isHeldBack(ChannelHandlerContext context) {
        return waitingBytes > 0
                || trailers != null
                || !context.channel().config().isAutoRead();
    }

    private void credit(ChannelHandlerContext context, int bytes) {
        if (bytes > 0 && context.channel().isActive()) {
            context.write(new DefaultHttp2WindowUpdateFrame(bytes));
            loop.flushLater(context.channel());
        }
    }

    /** Asked for by {@code autoRead}: it is on, or was turned on again. */
    @Override
    public void read(ChannelHandlerContext context) {
        if (!isDelivering && (isHeldBack(context) || isEndReceived && !isEndDelivered)) {
            deliver(context, false);
        }
        context.read();
    }

    private void deliver(ChannelHandlerContext context, boolean isForced) {
        isDelivering = true;
        try {
            while (waitingBytes > 0 && (isForced || context.channel().config().isAutoRead())) {
                ByteBuf piece = waiting.poll();
                if (piece == null) {
                    throw new IllegalStateException(waitingBytes + " bytes are missing");
                }
                int length = piece.readableBytes();
                waitingBytes -= length;
                context.fireChannelRead(piece);
                credit(context, length);
            }
            Http2HeadersFrame last = trailers;
            if (waitingBytes == 0
                    && last != null
                    && (isForced || context.channel().config().isAutoRead())) {
                trailers = null;
                context.fireChannelRead(last);
            }
            deliverEnd(context);
        } finally {
            isDelivering = false;
        }
        context.fireChannelReadComplete();
    }

    private void deliverEnd(ChannelHandlerContext context) {
        boolean isNext = isEndReceived && !isEndDelivered && waitingBytes == 0 && trailers == null;
        if (isNext
                && (context.channel().config().isAutoRead()
                        || !context.channel().isActive())) {
            isEndDelivered = true;
            context.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        context.fireChannelReadComplete();
        if (!context.channel().config().isAutoRead()) {
            // For this handler itself, which stores what comes.
            context.read();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof Http2ResetFrame reset && !(isEndReceived && isWithoutError(reset))) {
            isReset = true;
            clear();
        }
        context.fireUserEventTriggered(event);
    }

    /** Whether the peer only asks not to be sent more (RFC 9113, 8.1). */
    private static boolean isWithoutError(Http2ResetFrame reset) {
        return reset.errorCode() == Http2Error.NO_ERROR.code();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (isEndReceived && !isReset) {
            // Where both sides have ended a stream it closes. What the peer said to the end is to be heard all the
            // same.
            deliver(context, true);
        }
        clear();
        context.fireChannelInactive();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        clear();
    }

    private void clear() {
        waiting.clear();
        waitingBytes = 0;
        trailers = null;
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (message instanceof ByteBuf bytes) {
            if (bytes.isReadable()) {
                writeTracked(context, new DefaultHttp2DataFrame(bytes), promise);
            } else {
                bytes.release();
                succeedBehind(lastWrite, promise);
            }
        } else {
            writeTracked(context, message, promise);
        }
    }

    private void writeTracked(ChannelHandlerContext context, Object frame, ChannelPromise promise) {
        // Netty would tell of a failure by an exception in the pipeline, but who has to know is told of the stream's
        // end.
        ChannelPromise written = promise.isVoid() ? context.newPromise() : promise;
        lastWrite = written;
        pendingWrites++;
        context.write(frame, written);
        if (written.isDone()) {
            pendingWrites--;
            return;
        }
        written.addListener(done -> {
            pendingWrites--;
            listener.onWriteProgress(pendingWrites > 0);
        });
        if (pendingWrites == 1) {
            listener.onWriteProgress(true);
        }
    }

    private static void succeedBehind(@Nullable ChannelFuture last, ChannelPromise promise) {
        if (promise.isVoid()) {
            return;
        }
        if (last == null || last.isDone()) {
            promise.trySuccess();
        } else {
            last.addListener((ChannelFutureListener) done -> promise.trySuccess());
        }
    }
}
