package io.tunnelmux.netty.agent;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.PieceQueue;
import io.tunnelmux.netty.relay.StreamPressure;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;

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
    private final PieceQueue early = new PieceQueue();

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
    HttpRequest toSend() {
        return head;
    }

    @Override
    void start() {
        startDeadline();
        connect(false);
    }

    @Override
    void onReady(UpstreamConnection connection, StreamPressure pressure) {
        isRequestSent = false;
        if (connection.isHttp2() && HttpMapping.wantsTrailers(request.head().headers())) {
            head.headers().set(HttpHeaderNames.TE, HttpHeaderValues.TRAILERS);
        }
        Channel channel = connection.channel();
        channel.write(head, channel.voidPromise());
        for (ByteBuf piece = early.poll(); piece != null; piece = early.poll()) {
            writeBody(pressure, piece);
        }
        endBody(channel);
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        isEndReceived |= data.isEnd();
        UpstreamConnection connection = connection();
        StreamPressure pressure = pressure();
        ByteBuf bytes = NettyPayload.toByteBuf(data.payload());
        if (isOver()) {
            bytes.release();
        } else if (connection == null || pressure == null) {
            early.add(bytes, ByteBufAllocator.DEFAULT);
        } else {
            writeBody(pressure, bytes);
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

    private void writeBody(StreamPressure pressure, ByteBuf bytes) {
        int length = bytes.readableBytes();
        bodyBytes += length;
        if (length == 0 || isOver()) {
            bytes.release();
        } else if (contentLength >= 0 && bodyBytes > contentLength) {
            bytes.release();
            abort("body longer than its content-length of " + contentLength);
        } else {
            log().received(length);
            pressure.toChannel(bytes, length);
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
    boolean isBodyBegun() {
        return bodyBytes > 0 || end != LastHttpContent.EMPTY_LAST_CONTENT;
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
        early.clear();
    }
}
