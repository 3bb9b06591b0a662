package io.tunnelmux.netty.agent;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2GoAwayFrame;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2ResetFrame;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.netty.http.Http2Fields;
import io.tunnelmux.netty.relay.MalformedHttpException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Lets one stream of an HTTP/2 connection look as a connection of HTTP/1.1 on which one request is sent. Bodies pass as buffers, see
 * {@link io.tunnelmux.netty.http.Http2Framing}; an answer whose end is not announced is given out as chunked, for its end shows.
 */
final class Http2MessageCodec extends ChannelDuplexHandler {

    private final String scheme;
    /** Not written yet: perhaps nothing follows, which it would say. */
    private @Nullable Http2Headers head;

    private HttpHeaders trailers = EmptyHttpHeaders.INSTANCE;
    private boolean isHeadRequest;
    private boolean isFinalReceived;

    Http2MessageCodec(boolean isTls) {
        scheme = isTls ? "https" : "http";
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (message instanceof HttpRequest request) {
            isHeadRequest = request.method().equals(HttpMethod.HEAD);
            head = Http2Fields.toHttp2(request.headers())
                    .method(request.method().asciiName())
                    .scheme(scheme)
                    .authority(request.headers().get(HttpHeaderNames.HOST))
                    .path(request.uri());
            promise.trySuccess();
        } else if (message instanceof LastHttpContent last) {
            writeLast(context, last, promise);
        } else {
            writeHead(context, false);
            context.write(message, promise);
        }
    }

    private void writeLast(ChannelHandlerContext context, LastHttpContent last, ChannelPromise promise) {
        HttpHeaders fields = last.trailingHeaders();
        if (last.content().isReadable() || !fields.isEmpty()) {
            writeHead(context, false);
        }
        if (!fields.isEmpty()) {
            context.write(last.content());
            context.write(new DefaultHttp2HeadersFrame(Http2Fields.toHttp2(fields), true), promise);
        } else if (head != null) {
            last.release();
            writeHead(context, true);
            promise.trySuccess();
        } else {
            context.write(new DefaultHttp2DataFrame(last.content(), true), promise);
        }
    }

    private void writeHead(ChannelHandlerContext context, boolean isEnd) {
        Http2Headers fields = head;
        if (fields != null) {
            head = null;
            context.write(new DefaultHttp2HeadersFrame(fields, isEnd)).addListener(written -> {
                if (!written.isSuccess()) {
                    context.fireExceptionCaught(
                            new StreamRefusedException("no stream could be opened: " + written.cause()));
                }
            });
        }
    }

    @Override
    public void flush(ChannelHandlerContext context) {
        writeHead(context, false);
        context.flush();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof ByteBuf bytes) {
            context.fireChannelRead(new DefaultHttpContent(bytes));
        } else if (message instanceof Http2HeadersFrame headers && !isFinalReceived) {
            context.fireChannelRead(response(headers));
        } else if (message instanceof Http2HeadersFrame headers) {
            onTrailers(context, headers.headers());
        } else {
            ReferenceCountUtil.release(message);
        }
    }

    private HttpResponse response(Http2HeadersFrame frame) {
        HttpResponseStatus status;
        HttpHeaders fields;
        try {
            status = HttpResponseStatus.parseLine(frame.headers().status());
            fields = Http2Fields.toHttp1(frame.headers());
        } catch (MalformedHttpException | IllegalArgumentException e) {
            return invalid(e);
        }
        if (status.equals(HttpResponseStatus.SWITCHING_PROTOCOLS)) {
            return invalid(new MalformedHttpException("101 in HTTP/2"));
        }
        isFinalReceived = status.code() >= HttpResponseStatus.OK.code();
        if (isFinalReceived && !fields.contains(HttpHeaderNames.CONTENT_LENGTH)) {
            if (!frame.isEndStream()) {
                fields.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
            } else if (!isHeadRequest) {
                fields.set(HttpHeaderNames.CONTENT_LENGTH, HttpHeaderValues.ZERO);
            }
        }
        return new DefaultHttpResponse(HttpVersion.HTTP_1_1, status, fields);
    }

    private static HttpResponse invalid(Exception cause) {
        HttpResponse bad = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.BAD_GATEWAY);
        bad.setDecoderResult(DecoderResult.failure(cause));
        return bad;
    }

    private void onTrailers(ChannelHandlerContext context, Http2Headers fields) {
        try {
            trailers = Http2Fields.toHttp1(fields);
        } catch (MalformedHttpException e) {
            LastHttpContent bad = new DefaultLastHttpContent();
            bad.setDecoderResult(DecoderResult.failure(e));
            context.fireChannelRead(bad);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            context.fireChannelRead(
                    trailers.isEmpty()
                            ? LastHttpContent.EMPTY_LAST_CONTENT
                            : new DefaultLastHttpContent(Unpooled.EMPTY_BUFFER, trailers));
        } else if (event instanceof Http2ResetFrame reset) {
            String message = "the upstream reset the stream: " + Http2Error.valueOf(reset.errorCode());
            context.fireExceptionCaught(
                    reset.errorCode() == Http2Error.REFUSED_STREAM.code()
                            ? new StreamRefusedException(message)
                            : new IOException(message));
        } else if (event instanceof Http2GoAwayFrame) {
            ReferenceCountUtil.release(event);
            context.fireExceptionCaught(new StreamRefusedException("the upstream says goodbye"));
        }
    }
}
