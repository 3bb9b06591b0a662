package io.tunnelmux.netty.agent;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseDecoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.netty.http.MessageScanner;
import java.util.List;

/**
 * Reads an upstream's answers, one request at a time, and repairs nothing: an answer whose end two readers could see at different places
 * is invalid. Bytes that nobody asked for make the connection unusable.
 */
final class ResponseDecoder extends HttpResponseDecoder {

    static final int MAX_HEAD_BYTES = 64 * 1024;
    static final int MAX_HEADERS = 200;
    private static final int MAX_STATUS_LINE_BYTES = 8 * 1024;
    private static final int MAX_CONTENT_BYTES = 64 * 1024;

    private final MessageScanner scanner = MessageScanner.ofResponses();
    private boolean isSwitched;
    private boolean isBroken;
    private boolean isAwaiting;
    private boolean isHeadRequest;

    ResponseDecoder() {
        super(new HttpDecoderConfig()
                .setMaxInitialLineLength(MAX_STATUS_LINE_BYTES)
                .setMaxHeaderSize(MAX_HEAD_BYTES)
                .setMaxChunkSize(MAX_CONTENT_BYTES)
                .setAllowDuplicateContentLengths(false)
                .setStrictLineParsing(true)
                .setUseRfc9112TransferEncoding(true));
    }

    /** A request goes out, its answer is awaited. */
    void expect(boolean isHeadRequest) {
        this.isHeadRequest = isHeadRequest;
        isAwaiting = true;
    }

    /**
     * The answer is complete.
     *
     * @return whether nothing came behind it, so that another request can be sent
     */
    boolean complete() {
        isAwaiting = false;
        return actualReadableBytes() == 0;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
        if (isAwaiting) {
            super.channelRead(ctx, message);
        } else {
            ReferenceCountUtil.release(message);
            ctx.close();
        }
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf bytes, List<Object> out) throws Exception {
        if (isSwitched) {
            super.decode(context, bytes, out);
            return;
        }
        String fault = isBroken ? null : scanner.scan(bytes);
        if (fault != null) {
            isBroken = true;
            out.add(invalid(fault));
        }
        if (isBroken) {
            bytes.skipBytes(bytes.readableBytes());
            return;
        }
        int before = bytes.readableBytes();
        super.decode(context, bytes, out);
        scanner.onRead(before - bytes.readableBytes());
        for (int i = 0; i < out.size(); i++) {
            if (out.get(i) instanceof HttpResponse head) {
                scanner.onHead(HttpUtil.isTransferEncodingChunked(head));
                isSwitched = head.status().equals(HttpResponseStatus.SWITCHING_PROTOCOLS);
            }
            if (out.get(i) instanceof LastHttpContent) {
                scanner.onEnd();
            }
        }
    }

    private HttpObject invalid(String fault) {
        HttpObject bad = scanner.isInHead()
                ? new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.BAD_GATEWAY)
                : new DefaultLastHttpContent();
        bad.setDecoderResult(DecoderResult.failure(new IllegalArgumentException(fault)));
        return bad;
    }

    @Override
    protected boolean isContentAlwaysEmpty(HttpMessage message) {
        int status = ((HttpResponse) message).status().code();
        if (status < 200) {
            return true;
        }
        if (isHeadRequest || super.isContentAlwaysEmpty(message)) {
            return true;
        }
        for (String coding : message.headers().getAll(HttpHeaderNames.TRANSFER_ENCODING)) {
            if (!coding.trim().equalsIgnoreCase("chunked")) {
                throw new IllegalArgumentException("transfer coding other than chunked");
            }
        }
        return false;
    }

    @Override
    protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
        throw new IllegalArgumentException("both Content-Length and Transfer-Encoding");
    }
}
