package io.tunnelmux.netty.testing;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.DefaultHttp2ResetFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2ResetFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.util.ReferenceCountUtil;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One stream of HTTP/2, at either end, for threads that wait. Checks nothing that it sends. */
public final class H2Stream extends ChannelInboundHandlerAdapter {
    private final BlockingQueue<Http2Headers> heads = new LinkedBlockingQueue<>();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private final BlockingQueue<Integer> arrivals = new LinkedBlockingQueue<>();
    private final CompletableFuture<Http2Headers> ended = new CompletableFuture<>();
    private final CompletableFuture<Http2Error> reset = new CompletableFuture<>();
    private volatile @Nullable Http2StreamChannel stream;
    private volatile boolean isHeadAlone;
    private boolean isFinalHead;
    private Consumer<H2Stream> onEnd = stream -> {};

    void join(Http2StreamChannel joined) {
        stream = joined;
    }

    public Http2StreamChannel stream() {
        return stream;
    }

    /** The next head, be it informational. */
    public Http2Headers head() throws Exception {
        Http2Headers head = heads.poll(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (head == null) {
            throw new AssertionError("no head; reset: " + reset.getNow(null));
        }
        return head;
    }

    public String status() throws Exception {
        return head().status().toString();
    }

    /** The whole body, once the response has ended. */
    public String body() throws Exception {
        trailers();
        return new String(received(), StandardCharsets.ISO_8859_1);
    }

    public byte[] received() {
        synchronized (body) {
            return body.toByteArray();
        }
    }

    /** Waits until so many bytes have come. */
    public String received(int bytes) throws InterruptedException {
        while (received().length < bytes) {
            if (arrivals.poll(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS) == null) {
                throw new AssertionError(received().length + " bytes came, " + bytes + " awaited");
            }
        }
        return new String(received(), StandardCharsets.ISO_8859_1);
    }

    /** Empty where the response ended without any. */
    public Http2Headers trailers() throws Exception {
        return ended.get(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** Whether what came was a head and nothing else, not even an end behind it. */
    public boolean isHeadAlone() throws Exception {
        trailers();
        return isHeadAlone;
    }

    /** What is to be done on the loop when all has come. */
    public void onEnd(Consumer<H2Stream> action) {
        onEnd = action;
    }

    private void end(Http2Headers trailers) {
        ended.complete(trailers);
        onEnd.accept(this);
    }

    public boolean isEnded() {
        return ended.isDone() && !ended.isCompletedExceptionally();
    }

    public Http2Error reset() throws Exception {
        return reset.get(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** Sends a head of a response. */
    public H2Stream answers(int status, String... fields) {
        stream.writeAndFlush(new DefaultHttp2HeadersFrame(
                H2Client.fields(":status", Integer.toString(status)).add(H2Client.fields(fields))));
        return this;
    }

    /** Sends a response that is a head and nothing else. */
    public H2Stream answersWithoutBody(int status, String... fields) {
        stream.writeAndFlush(new DefaultHttp2HeadersFrame(
                H2Client.fields(":status", Integer.toString(status)).add(H2Client.fields(fields)), true));
        return this;
    }

    public H2Stream sends(String bytes) {
        return sends(bytes.getBytes(StandardCharsets.ISO_8859_1), false);
    }

    public H2Stream sends(byte[] bytes, boolean isEnd) {
        stream.writeAndFlush(new DefaultHttp2DataFrame(Unpooled.wrappedBuffer(bytes), isEnd));
        return this;
    }

    public H2Stream ends(String... trailers) {
        stream.writeAndFlush(
                trailers.length == 0
                        ? new DefaultHttp2DataFrame(true)
                        : new DefaultHttp2HeadersFrame(H2Client.fields(trailers), true));
        return this;
    }

    public H2Stream cancels() {
        return resets(Http2Error.CANCEL);
    }

    public H2Stream resets(Http2Error error) {
        stream.writeAndFlush(new DefaultHttp2ResetFrame(error));
        return this;
    }

    public H2Stream reads(boolean isReading) {
        stream.config().setAutoRead(isReading);
        return this;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof Http2HeadersFrame frame) {
            onHeaders(frame);
        } else if (message instanceof Http2DataFrame data) {
            ByteBuf bytes = data.content();
            byte[] copied = new byte[bytes.readableBytes()];
            bytes.readBytes(copied);
            synchronized (body) {
                body.writeBytes(copied);
            }
            arrivals.add(copied.length);
            if (data.isEndStream()) {
                end(new DefaultHttp2Headers());
            }
        }
        ReferenceCountUtil.release(message);
    }

    private void onHeaders(Http2HeadersFrame frame) {
        if (isFinalHead) {
            end(frame.headers());
            return;
        }
        CharSequence status = frame.headers().status();
        isFinalHead = status == null || status.charAt(0) != '1';
        heads.add(frame.headers());
        if (frame.isEndStream()) {
            isHeadAlone = true;
            end(new DefaultHttp2Headers());
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof Http2ResetFrame frame) {
            Http2Error error = Http2Error.valueOf(frame.errorCode());
            reset.complete(error);
            ended.completeExceptionally(new AssertionError("reset with " + error));
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        ended.completeExceptionally(new AssertionError("the stream is gone"));
        reset.completeExceptionally(new AssertionError("the stream has ended without a reset"));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        ended.completeExceptionally(cause);
    }
}
