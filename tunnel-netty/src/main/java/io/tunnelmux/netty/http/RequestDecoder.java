package io.tunnelmux.netty.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.List;

/**
 * Reads clients' requests one at a time: behind the end of one it stops, and keeps what comes as it came, until it is told to {@link
 * #goOn}. Repairs nothing.
 */
public final class RequestDecoder extends HttpRequestDecoder {

    private static final int MAX_CONTENT_BYTES = 64 * 1024;

    /** Told of what the messages do not show. */
    public interface Listener {
        /** A head has begun, and is not complete. May come often. */
        void onHeadBegun();

        /** Bytes came behind the end of a request that is still being answered. */
        void onReadAhead();
    }

    private final Listener listener;
    private final MessageScanner scanner = MessageScanner.ofRequests();
    private boolean isHeld;
    private boolean isBroken;

    public RequestDecoder(int maxLineBytes, int maxHeaderBytes, Listener listener) {
        super(new HttpDecoderConfig()
                .setMaxInitialLineLength(maxLineBytes)
                .setMaxHeaderSize(maxHeaderBytes)
                .setMaxChunkSize(MAX_CONTENT_BYTES)
                .setAllowDuplicateContentLengths(false)
                .setStrictLineParsing(true)
                .setUseRfc9112TransferEncoding(true));
        this.listener = listener;
    }

    /** Reads nothing more, not even what has come already, until {@link #goOn}. */
    public void hold() {
        isHeld = true;
    }

    /** Whether bytes are waiting here. */
    public boolean hasReadAhead() {
        return actualReadableBytes() > 0;
    }

    /** Reads on, and begins with what has come already. Not to be called while a message of this decoder is being handled. */
    public void goOn(ChannelHandlerContext context) throws Exception {
        isHeld = false;
        if (hasReadAhead()) {
            channelRead(context, Unpooled.EMPTY_BUFFER);
            context.fireChannelReadComplete();
        }
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf bytes, List<Object> out) throws Exception {
        if (isBroken) {
            bytes.skipBytes(bytes.readableBytes());
        } else if (isHeld) {
            listener.onReadAhead();
        } else {
            decodeScanned(context, bytes, out);
        }
    }

    private void decodeScanned(ChannelHandlerContext context, ByteBuf bytes, List<Object> out) throws Exception {
        String fault = scanner.scan(bytes);
        if (fault != null) {
            isBroken = true;
            bytes.skipBytes(bytes.readableBytes());
            out.add(invalid(fault));
            return;
        }
        int before = bytes.readableBytes();
        super.decode(context, bytes, out);
        scanner.onRead(before - bytes.readableBytes());
        onDecoded(out);
        if (scanner.isInHead() && !isHeld && !isBroken) {
            listener.onHeadBegun();
        }
    }

    private HttpObject invalid(String fault) {
        HttpObject bad = scanner.isInHead()
                ? new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/bad-request")
                : new DefaultLastHttpContent();
        bad.setDecoderResult(DecoderResult.failure(new IllegalArgumentException(fault)));
        return bad;
    }

    private void onDecoded(List<Object> out) {
        for (int i = 0; i < out.size(); i++) {
            Object message = out.get(i);
            if (message instanceof HttpMessage head) {
                scanner.onHead(HttpUtil.isTransferEncodingChunked(head));
                isBroken |= head.decoderResult().isFailure();
            }
            if (message instanceof LastHttpContent last) {
                isBroken |= last.decoderResult().isFailure();
                isHeld = true;
                scanner.onEnd();
            }
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) throws Exception {
        if (isHeld) {
            // Above, Netty asks for more where nothing could be made of what came.
            context.fireChannelReadComplete();
        } else {
            super.channelReadComplete(context);
        }
    }
}
