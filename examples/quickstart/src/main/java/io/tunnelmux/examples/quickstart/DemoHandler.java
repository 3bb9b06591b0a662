package io.tunnelmux.examples.quickstart;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshakerFactory;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** One connection of the {@link DemoUpstream}. */
final class DemoHandler extends ChannelInboundHandlerAdapter {

    private static final int MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
    private static final int EVENT_MILLIS = 100;

    private enum Body {
        DROP,
        ECHO,
        CHECK
    }

    private Body body = Body.DROP;
    private long received;
    private boolean isAsExpected;
    private long toSend;
    private long sent;

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof HttpRequest request) {
            begin(ctx, request);
        }
        if (message instanceof HttpContent content) {
            receive(ctx, content);
        } else if (message instanceof WebSocketFrame frame) {
            echo(ctx, frame);
        } else {
            ReferenceCountUtil.release(message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        ctx.flush();
    }

    private void begin(ChannelHandlerContext ctx, HttpRequest request) {
        QueryStringDecoder uri = new QueryStringDecoder(request.uri());
        body = Body.DROP;
        switch (uri.path()) {
            case "/" -> answer(ctx, "Hello from behind the tunnel.\n");
            case "/echo" -> {
                body = Body.ECHO;
                HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
                long length = HttpUtil.getContentLength(request, -1L);
                if (length >= 0) {
                    HttpUtil.setContentLength(response, length);
                } else {
                    HttpUtil.setTransferEncodingChunked(response, true);
                }
                ctx.write(response);
            }
            case "/sink" -> {
                body = Body.CHECK;
                received = 0;
                isAsExpected = true;
            }
            case "/bytes" -> beginBytes(ctx, number(uri, 1_000_000));
            case "/events" -> beginEvents(ctx, number(uri, 1_000_000));
            case "/ws" -> upgrade(ctx, request);
            default -> answer(ctx, HttpResponseStatus.NOT_FOUND, "There is nothing here.\n");
        }
    }

    private void receive(ChannelHandlerContext ctx, HttpContent content) {
        boolean isLast = content instanceof LastHttpContent;
        switch (body) {
            case DROP -> content.release();
            case ECHO -> {
                ctx.write(content);
                holdBack(ctx);
            }
            case CHECK -> {
                byte[] bytes = ByteBufUtil.getBytes(content.content());
                content.release();
                isAsExpected &= Pattern.matches(received, bytes, 0, bytes.length);
                received += bytes.length;
                if (isLast) {
                    answer(ctx, received + (isAsExpected ? " right\n" : " wrong\n"));
                }
            }
        }
    }

    private static long number(QueryStringDecoder uri, long otherwise) {
        List<String> values = uri.parameters().getOrDefault("n", List.of());
        try {
            return values.isEmpty() ? otherwise : Long.parseLong(values.get(0));
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }

    private static void answer(ChannelHandlerContext ctx, String text) {
        answer(ctx, HttpResponseStatus.OK, text);
    }

    private static void answer(ChannelHandlerContext ctx, HttpResponseStatus status, String text) {
        ByteBuf bytes = Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
        FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, bytes);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.TEXT_PLAIN);
        HttpUtil.setContentLength(response, bytes.readableBytes());
        ctx.write(response);
    }

    private void beginBytes(ChannelHandlerContext ctx, long count) {
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        HttpUtil.setContentLength(response, count);
        ctx.write(response);
        toSend = count;
        sent = 0;
        sendBytes(ctx);
    }

    /** As much as the socket takes. */
    private void sendBytes(ChannelHandlerContext ctx) {
        while (toSend > 0 && ctx.channel().isWritable()) {
            int count = (int) Math.min(Pattern.BLOCK_BYTES, toSend);
            ByteBuf bytes = ctx.alloc().ioBuffer(count).writeBytes(Pattern.bytes(sent, count));
            sent += count;
            toSend -= count;
            ctx.write(new DefaultHttpContent(bytes));
            if (toSend == 0) {
                ctx.write(LastHttpContent.EMPTY_LAST_CONTENT);
            }
        }
        ctx.flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (ctx.channel().isWritable()) {
            ctx.channel().config().setAutoRead(true);
            sendBytes(ctx);
        }
    }

    private static void beginEvents(ChannelHandlerContext ctx, long count) {
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, "text/event-stream");
        HttpUtil.setTransferEncodingChunked(response, true);
        ctx.writeAndFlush(response);
        sendEvent(ctx, 1, count);
    }

    private static void sendEvent(ChannelHandlerContext ctx, long number, long count) {
        if (!ctx.channel().isActive()) {
            return;
        }
        if (number > count) {
            ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
            return;
        }
        ByteBuf event =
                Unpooled.copiedBuffer("id: " + number + "\ndata: event " + number + "\n\n", StandardCharsets.UTF_8);
        ctx.writeAndFlush(new DefaultHttpContent(event));
        var unused =
                ctx.executor().schedule(() -> sendEvent(ctx, number + 1, count), EVENT_MILLIS, TimeUnit.MILLISECONDS);
    }

    private static void upgrade(ChannelHandlerContext ctx, HttpRequest request) {
        WebSocketServerHandshaker handshaker =
                new WebSocketServerHandshakerFactory("/ws", null, false, MAX_MESSAGE_BYTES).newHandshaker(request);
        if (handshaker == null) {
            answer(ctx, HttpResponseStatus.BAD_REQUEST, "This is a WebSocket.\n");
            return;
        }
        DefaultFullHttpRequest whole = new DefaultFullHttpRequest(
                request.protocolVersion(),
                request.method(),
                request.uri(),
                Unpooled.EMPTY_BUFFER,
                request.headers(),
                EmptyHttpHeaders.INSTANCE);
        handshaker.handshake(ctx.channel(), whole);
    }

    private static void echo(ChannelHandlerContext ctx, WebSocketFrame frame) {
        if (frame instanceof PingWebSocketFrame) {
            ctx.write(new PongWebSocketFrame(frame.content()));
        } else if (frame instanceof CloseWebSocketFrame) {
            ctx.writeAndFlush(frame).addListener(ChannelFutureListener.CLOSE);
        } else if (frame instanceof PongWebSocketFrame) {
            frame.release();
        } else {
            ctx.write(frame);
            holdBack(ctx);
        }
    }

    /** Reads no more while what was read has not gone out again. */
    private static void holdBack(ChannelHandlerContext ctx) {
        if (!ctx.channel().isWritable()) {
            ctx.channel().config().setAutoRead(false);
            ctx.flush();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close();
    }
}
