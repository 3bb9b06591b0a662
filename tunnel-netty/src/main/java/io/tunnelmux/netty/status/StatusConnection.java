package io.tunnelmux.netty.status;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.http.RequestDecoder;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.status.StatusListener.Page;
import io.tunnelmux.netty.transport.NettyLoop;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One request of an operator and its answer. On the listener's loop. */
final class StatusConnection extends ChannelInboundHandlerAdapter implements RequestDecoder.Listener {

    private static final Logger LOG = LoggerFactory.getLogger(StatusListener.class);

    private static final int MAX_LINE_BYTES = 1024;
    private static final int MAX_HEADER_BYTES = 8 * 1024;
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final StatusListener listener;
    private final Channel channel;
    private final NettyLoop loop;
    private final RequestDecoder decoder = new RequestDecoder(MAX_LINE_BYTES, MAX_HEADER_BYTES, this);
    private final HttpResponseEncoder encoder = new HttpResponseEncoder();
    private boolean isAsked;

    StatusConnection(StatusListener listener, Channel channel, NettyLoop loop) {
        this.listener = listener;
        this.channel = channel;
        this.loop = loop;
    }

    void begin() {
        channel.pipeline().addLast(decoder, encoder, this);
        TunnelLoop.Timer deadline = loop.schedule(() -> ChannelEnds.abort(channel), DEADLINE_NANOS);
        channel.closeFuture().addListener(closed -> deadline.cancel());
    }

    @Override
    public void onHeadBegun() {
        // The one deadline counts from the beginning.
    }

    @Override
    public void onReadAhead() {
        channel.config().setAutoRead(false);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof HttpRequest request && !isAsked) {
            isAsked = true;
            boolean isHead = request.method().equals(HttpMethod.HEAD);
            Page refusal = refusalOf(request);
            if (refusal == null) {
                page(request).whenCompleteAsync((page, failure) -> answer(page, failure, isHead), loop);
            } else {
                loop.execute(() -> answer(refusal, null, isHead));
            }
        }
        ReferenceCountUtil.release(message);
    }

    private CompletionStage<Page> page(HttpRequest request) {
        String target = request.uri();
        int question = target.indexOf('?');
        return listener.page(
                question < 0 ? target : target.substring(0, question),
                question < 0 ? null : target.substring(question + 1),
                loop);
    }

    private static @Nullable Page refusalOf(HttpRequest request) {
        HttpHeaders headers = request.headers();
        HttpVersion version = request.protocolVersion();
        boolean isHttp11 = version.equals(HttpVersion.HTTP_1_1);
        int hosts = headers.getAll(HttpHeaderNames.HOST).size();
        boolean hasBody = headers.contains(HttpHeaderNames.TRANSFER_ENCODING)
                || headers.contains(HttpHeaderNames.CONTENT_LENGTH)
                        && !"0".equals(headers.get(HttpHeaderNames.CONTENT_LENGTH));
        if (request.decoderResult().isFailure() || hosts > 1 || isHttp11 && hosts == 0 || hasBody) {
            return Page.text(HttpResponseStatus.BAD_REQUEST, "malformed, or with a body");
        }
        if (!isHttp11 && !version.equals(HttpVersion.HTTP_1_0)) {
            return Page.text(HttpResponseStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 and HTTP/1.0 are spoken here");
        }
        boolean isRead =
                request.method().equals(HttpMethod.GET) || request.method().equals(HttpMethod.HEAD);
        return isRead ? null : Page.text(HttpResponseStatus.METHOD_NOT_ALLOWED, "GET and HEAD alone");
    }

    private void answer(@Nullable Page found, @Nullable Throwable failure, boolean isHead) {
        if (!channel.isActive()) {
            return;
        }
        if (failure != null) {
            LOG.error("the status cannot be told client={}", channel.remoteAddress(), failure);
        }
        Page page = found == null ? Page.text(HttpResponseStatus.INTERNAL_SERVER_ERROR, "no answer") : found;
        byte[] body = page.body().getBytes(StandardCharsets.UTF_8);
        ByteBuf content = isHead ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(body);
        DefaultFullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, page.status(), content);
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, page.type())
                .set(HttpHeaderNames.CONTENT_LENGTH, body.length)
                .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE)
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        if (page.status().equals(HttpResponseStatus.METHOD_NOT_ALLOWED)) {
            response.headers().set(HttpHeaderNames.ALLOW, "GET, HEAD");
        }
        channel.write(response);
        channel.pipeline().remove(this);
        channel.pipeline().remove(encoder);
        channel.pipeline().remove(decoder);
        ChannelEnds.closeGently(channel, loop, false);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        LOG.debug(
                "connection failed client={} why=\"{}\"", channel.remoteAddress(), Printable.quoted(cause.toString()));
        ChannelEnds.abort(channel);
    }
}
