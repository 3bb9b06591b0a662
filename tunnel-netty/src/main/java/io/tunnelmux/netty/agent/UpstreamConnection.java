package io.tunnelmux.netty.agent;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.transport.NettyLoop;
import java.io.IOException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * A connection to an upstream, used by one exchange at a time; or a stream of one that speaks HTTP/2, used by one exchange. Everything happens on its loop, which is that of the tunnel whose stream it
 * serves.
 */
final class UpstreamConnection extends ChannelInboundHandlerAdapter {

    /** What an exchange hears of its connection. After {@link #onBroken} nothing more comes. */
    interface User {
        /** The head of an answer, perhaps an invalid one. */
        void onResponse(HttpResponse response);

        /** Bytes of the answer, which are taken; perhaps the last, perhaps invalid. */
        void onContent(HttpContent content);

        /** What was written has left, or nearly so. */
        void onUpstreamWritable();

        /**
         * The upstream closed the connection, or it broke, with the answer not complete.
         *
         * @param cause what broke it, or null for an orderly close
         */
        void onBroken(@Nullable Throwable cause);
    }

    private final Upstream upstream;
    private final Channel channel;
    /** Null of a stream of HTTP/2, which carries one answer and no more. */
    private final @Nullable ResponseDecoder decoder;

    private final ReadGate gate;

    private @Nullable User user;
    private @Nullable Throwable failure;
    private boolean isEndProven;
    private boolean wasUsed;
    private long idleUntilNanos;

    UpstreamConnection(Upstream upstream, Channel channel, @Nullable ResponseDecoder decoder) {
        this.upstream = upstream;
        this.channel = channel;
        this.decoder = decoder;
        gate = new ReadGate(channel);
        isEndProven = !upstream.isTls() || decoder == null;
    }

    Upstream upstream() {
        return upstream;
    }

    Channel channel() {
        return channel;
    }

    /** Whether it is a stream of HTTP/2. */
    boolean isHttp2() {
        return decoder == null;
    }

    /** Whether it is read from. */
    ReadGate gate() {
        return gate;
    }

    /** Whether it has carried an exchange before. */
    boolean wasUsed() {
        return wasUsed;
    }

    /** Gives the connection to an exchange that is about to write its request. */
    void use(User newUser, boolean isHeadRequest) {
        assert user == null;
        user = newUser;
        if (decoder != null) {
            decoder.expect(isHeadRequest);
        }
    }

    /**
     * The exchange is over, as far as the answer goes.
     *
     * @return whether another could follow on the same connection: all was written, nothing came behind the answer, and it stands
     */
    boolean finish() {
        user = null;
        wasUsed = true;
        boolean isAllRead = decoder != null && decoder.complete() && failure == null;
        ChannelOutboundBuffer unsent = channel.unsafe().outboundBuffer();
        boolean isAllSent = unsent != null && unsent.isEmpty();
        gate.release(ReadGate.STREAM_FULL);
        return isAllRead && isAllSent && channel.isActive();
    }

    /** Closes the connection at once; its exchange hears nothing more. */
    void close() {
        user = null;
        channel.close();
    }

    /** Whether an end of the connection is certainly the end of what the upstream sent, and not cut there by somebody on the way. */
    boolean isEndProven() {
        return isEndProven;
    }

    void idleUntil(long nanos) {
        idleUntilNanos = nanos;
    }

    boolean isIdleFrom(long nowNanos) {
        return nowNanos - idleUntilNanos >= 0;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        User current = user;
        if (current == null) {
            ReferenceCountUtil.release(message);
        } else if (message instanceof HttpResponse response) {
            current.onResponse(response);
            ReferenceCountUtil.release(message); // an invalid one may hold a buffer
        } else if (message instanceof HttpContent content) {
            current.onContent(content);
        } else {
            ctx.fireChannelRead(message);
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        User current = user;
        if (current != null && channel.isWritable()) {
            current.onUpstreamWritable();
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event == SslCloseCompletionEvent.SUCCESS) {
            isEndProven = true;
            ctx.close();
        } else if (event instanceof ChannelInputShutdownEvent) {
            // The decoder has seen it first: an answer that ends with the connection is complete by now.
            end(failure);
            ctx.close();
        }
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        end(failure);
        ctx.fireChannelInactive();
    }

    /**
     * An upstream that refuses an upload answers and closes, and what is still written to it fails. Its answer may wait to be read even so:
     * the end of the input tells.
     */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        isEndProven = false;
        failure = failure == null ? cause : failure;
        boolean isAboutSocket = cause instanceof IOException && !(cause instanceof SSLException);
        if (user == null || !isAboutSocket || !channel.isActive()) {
            end(failure);
            ctx.close();
        }
    }

    private void end(@Nullable Throwable cause) {
        User current = user;
        user = null;
        if (current != null) {
            current.onBroken(cause);
        }
    }
}
