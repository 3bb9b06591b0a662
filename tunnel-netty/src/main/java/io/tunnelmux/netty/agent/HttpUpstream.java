package io.tunnelmux.netty.agent;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.StreamPressure;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import java.util.ArrayDeque;

/**
 * A plain HTTP request, on a kept connection where there is one. It is sent once: if the connection breaks after a byte may have reached
 * the upstream, the gateway is told and nothing is repeated.
 *
 * <p>Credit for the request's body is granted as the upstream's socket takes it, see {@link StreamPressure}. A body that does not have
 * the length it announced never ends on a connection that others could use.
 */
final class HttpUpstream extends UpstreamExchange {

    private final HttpRequest head;
    private final long contentLength;
    /** What came of the body before the connection stood: as much as the stream's first credit allows. */
    private final ArrayDeque<Frame.Data> early = new ArrayDeque<>(1);

    private LastHttpContent end = LastHttpContent.EMPTY_LAST_CONTENT;
    private boolean isEndReceived;
    private boolean isRequestSent;
    private long bodyBytes;

    /**
     * @param isEnd whether the request has no body
     * @throws MalformedHttpException if it cannot be sent to an upstream as it is
     */
    HttpUpstream(
            LoopUpstreams shared, Upstream upstream, TunnelStream stream, Message.ProxyRequest request, boolean isEnd)
            throws MalformedHttpException {
        super(shared, upstream, stream, request);
        head = toRequest(request.head(), upstream, false, !isEnd);
        contentLength = HttpMapping.contentLength(request.head().headers());
        isEndReceived = isEnd;
    }

    @Override
    void start() {
        startDeadline();
        UpstreamConnection kept = shared.pool().take(upstream);
        if (kept != null) {
            use(kept);
        } else {
            dial(false);
        }
    }

    @Override
    void onReady(UpstreamConnection connection, StreamPressure pressure) {
        Channel channel = connection.channel();
        channel.write(head, channel.voidPromise());
        while (!early.isEmpty() && !isOver()) {
            writeBody(pressure, early.remove());
        }
        endBody(channel);
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        isEndReceived |= data.isEnd();
        UpstreamConnection connection = connection();
        StreamPressure pressure = pressure();
        if (isOver() || data.payload().length() == 0 && connection == null) {
            data.payload().release();
        } else if (connection == null || pressure == null) {
            early.add(data);
        } else {
            writeBody(pressure, data);
            endBody(connection.channel());
        }
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (isOver()) {
            return;
        }
        if (message instanceof Message.ProxyTrailers trailers && isEnd) {
            try {
                end = new DefaultLastHttpContent();
                end.trailingHeaders().set(HttpMapping.toTrailers(HttpMapping.toHttp(trailers.headers(), false)));
            } catch (MalformedHttpException | IllegalArgumentException e) {
                abort("trailers: " + e.getMessage());
                return;
            }
        } else if (Message.isKnown(message.type())) {
            abort(message.type() + " within a request");
            return;
        }
        isEndReceived |= isEnd;
        UpstreamConnection connection = connection();
        if (connection != null) {
            endBody(connection.channel());
        }
    }

    private void writeBody(StreamPressure pressure, Frame.Data data) {
        int length = data.payload().length();
        bodyBytes += length;
        if (length == 0) {
            data.payload().release();
        } else if (contentLength >= 0 && bodyBytes > contentLength) {
            data.payload().release();
            abort("body longer than its content-length of " + contentLength);
        } else {
            pressure.toChannel(NettyPayload.toByteBuf(data.payload()), length);
        }
    }

    private void endBody(Channel channel) {
        if (isEndReceived && !isRequestSent && !isOver()) {
            if (contentLength >= 0 && bodyBytes != contentLength) {
                abort("body of " + bodyBytes + " bytes with a content-length of " + contentLength);
                return;
            }
            isRequestSent = true;
            channel.write(end, channel.voidPromise());
        }
        shared.loop().flushLater(channel);
    }

    @Override
    void onSwitched(UpstreamConnection connection, HttpResponse switched) {
        fail(ErrorCode.UPSTREAM_INVALID, "the upstream changed protocols unasked", null);
    }

    @Override
    boolean isRequestSent() {
        return isRequestSent;
    }

    @Override
    boolean isReusable() {
        return true;
    }

    @Override
    void onOver() {
        early.forEach(data -> data.payload().release());
        early.clear();
    }
}
