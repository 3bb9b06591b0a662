package io.tunnelmux.netty.transport;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import io.tunnelmux.netty.websocket.WebSocketWriter;
import io.tunnelmux.protocol.ErrorCode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The dialler's side of a WebSocket handshake: asks, checks the answer, and gives way to the transport. No redirect is followed, as that
 * would take the token to wherever it points. One loop.
 */
final class ClientHandshake extends ChannelInboundHandlerAdapter {
    /** Told of the end of a handshake, once. */
    interface Outcome {
        /** The connection is a tunnel's from now on. */
        void onTunnel(NettyTransport transport);

        /** The connection is of no use, and is closed. */
        void onFailure(TunnelException failure);
    }

    private final NettyLoop loop;
    private final DialTarget target;
    private final @Nullable String token;
    private final String userAgent;
    private final RandomGenerator random;
    private final String key;
    private final Outcome outcome;
    private boolean hasEnded;

    /** @param random makes keys and masks; must not be guessable */
    ClientHandshake(
            NettyLoop loop,
            DialTarget target,
            @Nullable String token,
            String userAgent,
            RandomGenerator random,
            Outcome outcome) {
        this.loop = loop;
        this.target = target;
        this.token = token;
        this.userAgent = userAgent;
        this.random = random;
        this.outcome = outcome;
        key = WebSocketKeys.newKey(random);
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        // Over TLS this waits in the pipeline until the handshake there is done.
        ctx.writeAndFlush(request(), ctx.voidPromise());
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        try {
            if (msg instanceof HttpResponse response && !hasEnded) {
                onResponse(ctx, response);
            }
        } finally {
            ReferenceCountUtil.release(msg);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        String message = "the connection was closed before the handshake was answered";
        fail(ctx, ErrorCode.TRANSPORT_LOST, message + DialHints.ofSilence(target), null, null);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        fail(ctx, ErrorCode.TRANSPORT_LOST, "the handshake failed: " + DialHints.explained(cause, target), null, cause);
    }

    private HttpRequest request() {
        HttpRequest request = new DefaultFullHttpRequest(
                HttpVersion.HTTP_1_1, HttpMethod.GET, target.requestTarget(), Unpooled.EMPTY_BUFFER);
        HttpHeaders headers = request.headers()
                .set(HttpHeaderNames.HOST, target.authority())
                .set(HttpHeaderNames.USER_AGENT, userAgent)
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE)
                .set(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET)
                .set(HttpHeaderNames.SEC_WEBSOCKET_VERSION, "13")
                .set(HttpHeaderNames.SEC_WEBSOCKET_KEY, key)
                .set(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL, ServerHandshake.SUBPROTOCOL);
        if (token != null) {
            headers.set(HttpHeaderNames.AUTHORIZATION, "Bearer " + token);
        }
        return request;
    }

    private void onResponse(ChannelHandlerContext ctx, HttpResponse response) {
        HttpResponseStatus status = response.status();
        if (response.decoderResult().isFailure()) {
            fail(
                    ctx,
                    ErrorCode.PROTOCOL_ERROR,
                    "the answer is no HTTP" + DialHints.ofSilence(target),
                    null,
                    response.decoderResult().cause());
        } else if (!status.equals(HttpResponseStatus.SWITCHING_PROTOCOLS)) {
            Duration retryAfter = RetryAfter.parse(response.headers().get(HttpHeaderNames.RETRY_AFTER), Instant.now());
            String message = "the gateway answered " + status.code() + DialHints.of(status, target);
            fail(ctx, codeOf(status), message, retryAfter, null);
        } else if (!isRight(response.headers())) {
            fail(ctx, ErrorCode.PROTOCOL_ERROR, "the gateway switched to something that was not asked for", null, null);
        } else {
            hasEnded = true;
            takeOver(ctx);
        }
    }

    private void takeOver(ChannelHandlerContext ctx) {
        ctx.channel().config().setAutoRead(false);
        loop.loops().limitUnsent(ctx.channel());
        WebSocketWriter writer = WebSocketWriter.client(target.isSecure() ? null : random);
        NettyTransport transport = NettyTransport.overWebSocket(loop, ctx.channel(), writer, true);
        ctx.pipeline().addLast(transport);
        ctx.pipeline().remove(this);
        ctx.pipeline().remove(HttpClientCodec.class);
        outcome.onTunnel(transport);
    }

    private boolean isRight(HttpHeaders headers) {
        return headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)
                && headers.containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true)
                && headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_ACCEPT).equals(List.of(WebSocketKeys.acceptOf(key)))
                && headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL).equals(List.of(ServerHandshake.SUBPROTOCOL))
                && !headers.contains(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS);
    }

    private void fail(
            ChannelHandlerContext ctx,
            ErrorCode code,
            String message,
            @Nullable Duration retryAfter,
            @Nullable Throwable cause) {
        ctx.close();
        if (!hasEnded) {
            hasEnded = true;
            outcome.onFailure(new TunnelException(code, message, retryAfter, cause));
        }
    }

    private static ErrorCode codeOf(HttpResponseStatus status) {
        return switch (status.code()) {
            case 401 -> ErrorCode.UNAUTHORIZED;
            case 403 -> ErrorCode.FORBIDDEN;
            case 426 -> ErrorCode.UNSUPPORTED;
            case 429, 503 -> ErrorCode.OVERLOADED;
            default -> ErrorCode.TRANSPORT_LOST;
        };
    }
}
