package io.tunnelmux.netty.gateway;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Writes responses as HTTP/1.1 frames them: by {@code Content-Length}, by chunks, or by the end of the connection, and says in each whether the connection goes
 * on after it. Flushes nothing but answers of the gateway's own. On the connection's loop.
 */
final class Http1ResponseWriter {

    private final Channel channel;
    private final ResponseEncoder encoder = new ResponseEncoder();
    private boolean isChunked;
    private boolean keepsAlive;

    Http1ResponseWriter(Channel channel) {
        this.channel = channel;
    }

    /** Puts what encodes responses at the end of a pipeline. */
    void addTo(ChannelPipeline pipeline) {
        pipeline.addLast(encoder);
    }

    /** A response that another one follows. */
    void inform(int status, HttpHeaders headers) {
        channel.write(full(status, headers), channel.voidPromise());
    }

    /** The last message that is HTTP. What is written from here on goes out as it is. */
    void switchProtocols(HttpHeaders headers) {
        encoder.answerHead(false);
        headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
        channel.write(full(HttpResponseStatus.SWITCHING_PROTOCOLS.code(), headers), channel.voidPromise());
        channel.pipeline().remove(encoder);
    }

    private static DefaultFullHttpResponse full(int status, HttpHeaders headers) {
        return new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1,
                HttpResponseStatus.valueOf(status),
                Unpooled.EMPTY_BUFFER,
                headers,
                EmptyHttpHeaders.INSTANCE);
    }

    /**
     * The head of a response to {@code request}, see {@link ExchangeClient#respond}.
     *
     * @param mayKeepAlive whether the connection may go on, so far as its end is not the body's
     */
    void respond(RequestHead request, int status, HttpHeaders headers, long bodyBytes, boolean mayKeepAlive) {
        boolean hasNoLength = bodyBytes == ExchangeClient.UNKNOWN_LENGTH;
        isChunked = hasNoLength && request.isHttp11();
        keepsAlive = mayKeepAlive && (!hasNoLength || isChunked);
        if (isChunked) {
            headers.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        }
        sayWhetherToGoOn(headers, request);
        encoder.answerHead(request.isHeadMethod());
        channel.write(
                new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), headers),
                channel.voidPromise());
    }

    private void sayWhetherToGoOn(HttpHeaders headers, @Nullable RequestHead request) {
        if (!keepsAlive) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        } else if (request != null && !request.isHttp11()) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
        }
    }

    /** Whether there is a place for trailers behind the body that was begun. */
    boolean carriesTrailers() {
        return isChunked;
    }

    /** Whether the connection goes on behind the response that was begun. */
    boolean keepsAlive() {
        return keepsAlive;
    }

    /** The end of the response. */
    ChannelFuture end(HttpHeaders trailers) {
        return channel.write(
                trailers.isEmpty()
                        ? LastHttpContent.EMPTY_LAST_CONTENT
                        : new DefaultLastHttpContent(Unpooled.EMPTY_BUFFER, trailers));
    }

    /**
     * Writes an answer of the gateway's own, and flushes it.
     *
     * @param request null if there was none that could be understood
     */
    ChannelFuture answer(ProxyError told, @Nullable RequestHead request, boolean mayKeepAlive) {
        byte[] json = told.toJson().getBytes(StandardCharsets.US_ASCII);
        DefaultFullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(told.status()), Unpooled.wrappedBuffer(json));
        HttpHeaders headers = response.headers();
        told.describe(headers, json.length);
        if (told.status() == HttpResponseStatus.UPGRADE_REQUIRED.code()) {
            headers.set(HttpHeaderNames.UPGRADE, UpgradeCheck.WEBSOCKET);
        }
        keepsAlive = mayKeepAlive;
        sayWhetherToGoOn(headers, request);
        encoder.answerHead(request != null && request.isHeadMethod());
        return channel.writeAndFlush(response);
    }
}
