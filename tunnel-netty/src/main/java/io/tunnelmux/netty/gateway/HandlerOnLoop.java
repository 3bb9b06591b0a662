package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands what comes on a stream over to a handler on another loop, in order. Bytes under way there are bounded by the stream's credit, messages by their number.
 * Called on the tunnel's loop, calls on the other.
 */
final class HandlerOnLoop implements StreamHandler {

    private static final Logger LOG = LoggerFactory.getLogger(HandlerOnLoop.class);

    /** More than any exchange has: nothing but a faulty agent sends so many. */
    private static final int MAX_MESSAGES = 64;

    private final StreamHandler handler;
    private final NettyLoop loop;
    private final AtomicInteger messages = new AtomicInteger();

    HandlerOnLoop(StreamHandler handler, NettyLoop loop) {
        this.handler = handler;
        this.loop = loop;
    }

    @Override
    public void onMessage(TunnelStream stream, Message message, boolean isEnd) {
        if (messages.incrementAndGet() > MAX_MESSAGES) {
            stream.cancel(ErrorCode.OVERLOADED, "more than " + MAX_MESSAGES + " messages at once");
            return;
        }
        handOver(stream, () -> {
            messages.decrementAndGet();
            handler.onMessage(stream, message, isEnd);
        });
    }

    @Override
    public void onData(TunnelStream stream, Frame.Data data) {
        try {
            handOver(stream, () -> handler.onData(stream, data));
        } catch (RejectedExecutionException e) {
            data.payload().release();
            throw e;
        }
    }

    @Override
    public void onWritable(TunnelStream stream) {
        handOver(stream, () -> handler.onWritable(stream));
    }

    @Override
    public void onClosed(TunnelStream stream, Outcome outcome) {
        handOver(stream, () -> handler.onClosed(stream, outcome));
    }

    private void handOver(TunnelStream stream, Runnable call) {
        loop.execute(() -> {
            try {
                call.run();
            } catch (RuntimeException e) {
                LOG.error("the handler of a stream failed stream={}", handler, e);
                stream.cancel(ErrorCode.INTERNAL_ERROR, "the stream's handler failed");
            }
        });
    }

    @Override
    public String toString() {
        return handler.toString();
    }
}
