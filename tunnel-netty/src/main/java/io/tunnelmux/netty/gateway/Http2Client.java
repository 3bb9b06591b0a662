package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.DefaultHttp2ResetFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.netty.http.Http2Fields;
import io.tunnelmux.netty.http.Http2Framing;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.relay.Relay;
import io.tunnelmux.netty.relay.SmallWrites;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.Payload;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The client of one request: one stream of an HTTP/2 connection. A client that is late with its answer's bytes, or that takes none of ours, loses this stream and
 * not its connection.
 *
 * <p>Two-way streams may rest: once the response has begun, nothing says when more of the request must come. Before that, and behind the response's end, the
 * request's body has its deadlines as on any other connection.
 */
final class Http2Client extends ChannelInboundHandlerAdapter implements ExchangeClient {

    private static final Logger LOG = LoggerFactory.getLogger(Http2Client.class);

    /** Nothing is read: a request waits for its tunnel, or for its upgrade. */
    private static final int JOINING = 2;

    private final HttpFront front;
    private final Http2StreamChannel channel;
    private final NettyLoop loop;
    private final String scheme;
    private final GatewayConfig config;
    private final Http2ClientConnection connection;
    private final ReadGate gate;
    private final Deadlines deadlines;
    private @Nullable RequestHead head;
    private @Nullable Exchange exchange;
    private HttpHeaders trailers = EmptyHttpHeaders.INSTANCE;
    private boolean isRequestEnded;
    private boolean isResponseBegun;
    private boolean isAnswered;
    private boolean isGone;

    Http2Client(
            HttpFront front,
            Http2ClientConnection connection,
            Http2StreamChannel channel,
            NettyLoop loop,
            String scheme) {
        this.front = front;
        this.connection = connection;
        this.channel = channel;
        this.loop = loop;
        this.scheme = scheme;
        config = front.config();
        gate = new ReadGate(channel);
        deadlines = new Deadlines(loop, this::onDeadline);
    }

    /** Puts this client's handlers into the stream's pipeline. */
    void begin() {
        channel.pipeline().addLast(new Http2Framing(loop, this::onWriteProgress));
        SmallWrites.addTo(channel.pipeline());
        channel.pipeline().addLast(this);
    }

    @Override
    public Channel channel() {
        return channel;
    }

    @Override
    public NettyLoop loop() {
        return loop;
    }

    @Override
    public ReadGate gate() {
        return gate;
    }

    @Override
    public String scheme() {
        return scheme;
    }

    // What the client sends.

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof ByteBuf bytes) {
            onBody(bytes);
        } else if (message instanceof Http2HeadersFrame headers && head == null && !isAnswered) {
            onRequest(headers.headers(), headers.isEndStream());
        } else if (message instanceof Http2HeadersFrame headers) {
            onTrailers(headers.headers());
        } else {
            ReferenceCountUtil.release(message);
        }
    }

    private void onRequest(Http2Headers fields, boolean isEnd) {
        if (front.isDraining()) {
            // What is refused so goes elsewhere by itself.
            reset(Http2Error.REFUSED_STREAM);
            return;
        }
        try {
            RequestHead read = RequestHead.of(
                    Http2Request.toHttp1(fields, isEnd, config.maxRequestLineBytes()),
                    config.maxHeaders(),
                    Http2Request.isUpgrade(fields));
            head = read;
            front.dispatcher().dispatch(read, this);
            if (exchange != null && (exchange.isWaitingForTunnel() || exchange.isUpgrade())) {
                gate.hold(JOINING);
            }
        } catch (BadRequestException e) {
            front.dispatcher().refuse(head, e.answer(), this);
        }
    }

    @Override
    public void handOver(NettyAcceptor acceptor) {
        answer(ProxyError.refused(
                HttpResponseStatus.HTTP_VERSION_NOT_SUPPORTED, "tunnels are opened by HTTP/1.1 here"));
    }

    @Override
    public void begin(Exchange begun) {
        exchange = begun;
    }

    private void onBody(ByteBuf bytes) {
        if (exchange != null) {
            exchange.onBody(bytes, false, EmptyHttpHeaders.INSTANCE);
        } else {
            bytes.release();
        }
    }

    private void onTrailers(Http2Headers fields) {
        try {
            trailers = DefaultHttpHeadersFactory.trailersFactory()
                    .withValidation(false)
                    .newHeaders()
                    .set(Http2Fields.toHttp1(fields));
        } catch (MalformedHttpException e) {
            if (exchange != null) {
                exchange.onMalformedBody("malformed trailers");
            }
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent && !isRequestEnded) {
            isRequestEnded = true;
            deadlines.clear(Deadlines.Kind.BODY);
            if (exchange != null) {
                exchange.onBody(Unpooled.EMPTY_BUFFER, true, trailers);
            }
        }
        context.fireUserEventTriggered(event);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        awaitBody();
    }

    private void awaitBody() {
        boolean isAwaited = exchange != null
                && !isRequestEnded
                && !exchange.isWaitingForTunnel()
                && !exchange.isUpgrade()
                && !exchange.isHoldingBody();
        if (isAwaited && (!isResponseBegun || isAnswered)) {
            Duration patience = gate.isOpen() ? config.readTimeout() : config.writeTimeout();
            deadlines.set(Deadlines.Kind.BODY, patience.toNanos());
        }
    }

    @Override
    public void join(Tunnel tunnel, Runnable then) {
        then.run();
        if (exchange != null && !exchange.isUpgrade()) {
            gate.release(JOINING);
        }
        awaitBody();
    }

    @Override
    public Payload takeEarlyBytes() {
        // What comes before the answer waits in the stream's window.
        return Payload.EMPTY;
    }

    // What the client gets.

    @Override
    public void awaitResponse(Duration timeout) {
        deadlines.set(Deadlines.Kind.RESPONSE, timeout.toNanos());
    }

    @Override
    public void inform(int status, HttpHeaders headers) {
        if (channel.isActive() && channel.isWritable()) {
            write(status, headers, false);
        }
    }

    private ChannelFuture write(int status, HttpHeaders headers, boolean isEnd) {
        Http2Headers fields = Http2Fields.toHttp2(headers).status(Integer.toString(status));
        loop.flushLater(channel);
        return channel.write(new DefaultHttp2HeadersFrame(fields, isEnd));
    }

    @Override
    public void respond(int status, HttpHeaders headers, long bodyBytes, boolean isEnd) {
        onResponseBegun();
        gate.release(JOINING);
        ChannelFuture written = write(status, headers, isEnd);
        if (isEnd) {
            onEnded(written);
        }
    }

    private void onResponseBegun() {
        isResponseBegun = true;
        deadlines.clear(Deadlines.Kind.RESPONSE);
        deadlines.clear(Deadlines.Kind.BODY);
    }

    @Override
    public boolean takesForSwitch(int status) {
        return head != null && head.mustUpgrade() && HttpStatusClass.valueOf(status) == HttpStatusClass.SUCCESS;
    }

    @Override
    public boolean carriesTrailers() {
        return true;
    }

    @Override
    public void end(HttpHeaders trailingHeaders) {
        ChannelFuture written = trailingHeaders.isEmpty()
                ? channel.write(new DefaultHttp2DataFrame(true))
                : channel.write(new DefaultHttp2HeadersFrame(Http2Fields.toHttp2(trailingHeaders), true));
        loop.flushLater(channel);
        onEnded(written);
    }

    @Override
    public void answer(ProxyError told) {
        byte[] json = told.toJson().getBytes(StandardCharsets.US_ASCII);
        HttpHeaders headers = DefaultHttpHeadersFactory.headersFactory().newHeaders();
        told.describe(headers, json.length);
        onResponseBegun();
        if (head != null && head.isHeadMethod()) {
            onEnded(write(told.status(), headers, true));
        } else {
            write(told.status(), headers, false);
            onEnded(channel.write(new DefaultHttp2DataFrame(Unpooled.wrappedBuffer(json), true)));
        }
        gate.release(JOINING);
    }

    /** The last of the response is on its way. */
    private void onEnded(ChannelFuture last) {
        isAnswered = true;
        awaitBody();
        last.addListener((ChannelFutureListener) written -> {
            if (written.isSuccess()) {
                onBodyUnwanted();
            }
        });
    }

    /** Behind its response, a client is asked to stop sending (RFC 9113, 8.1). */
    @Override
    public void onBodyUnwanted() {
        if (isAnswered && !isRequestEnded && (exchange == null || exchange.discardsBody())) {
            resetOnceWritten();
        }
    }

    @Override
    public void closeGently() {
        resetOnceWritten();
    }

    private void resetOnceWritten() {
        channel.write(Unpooled.EMPTY_BUFFER).addListener((ChannelFutureListener) written -> reset(Http2Error.NO_ERROR));
        loop.flushLater(channel);
    }

    private void reset(Http2Error error) {
        if (channel.isActive()) {
            channel.writeAndFlush(new DefaultHttp2ResetFrame(error));
        }
    }

    @Override
    public Relay switchProtocols(HttpHeaders headers, Supplier<Relay> join) {
        deadlines.clearAll();
        // Between two that have agreed on the protocol beforehand these say nothing (RFC 8441, 5).
        headers.remove(HttpHeaderNames.SEC_WEBSOCKET_ACCEPT);
        write(HttpResponseStatus.OK.code(), headers, false);
        isGone = true;
        channel.pipeline().remove(this);
        Relay relay = join.get();
        gate.release(JOINING);
        return relay;
    }

    // How it ends.

    @Override
    public void abort() {
        // A reset drops what waits, also what the client's windows have room for.
        channel.flush();
        reset(Http2Error.INTERNAL_ERROR);
        connection.onReset(channel.stream());
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        isGone = true;
        deadlines.clearAll();
        Exchange current = exchange;
        exchange = null;
        if (current != null && !(isAnswered && isRequestEnded)) {
            current.onClientGone();
        }
    }

    private void onWriteProgress(boolean isWaiting) {
        if (isGone) {
            return;
        }
        if (isWaiting) {
            deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
        } else {
            deadlines.clear(Deadlines.Kind.WRITE);
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (exchange != null) {
            exchange.onChannelWritabilityChanged();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        LOG.debug(
                "stream failed client={} cause=\"{}\"",
                Recorder.text(channel.remoteAddress()),
                Printable.quoted(cause.toString()));
        if (!(cause instanceof Http2Exception)) {
            // Else the codec resets it, which knows the code.
            abort();
        }
    }

    private void onDeadline(Deadlines.Kind kind) {
        Exchange current = exchange;
        switch (kind) {
            case RESPONSE -> {
                if (current != null) {
                    current.onResponseTimeout();
                }
            }
            case BODY -> {
                if (current != null && !current.discardsBody()) {
                    current.onBodyTimeout(gate.isOpen());
                } else {
                    closeGently();
                }
            }
            case WRITE -> {
                if (current != null) {
                    current.onWriteTimeout();
                } else {
                    abort();
                }
            }
            case HEAD, IDLE -> throw new IllegalStateException("never set: " + kind);
        }
    }

    @Override
    public String toString() {
        return "HTTP/2 " + Objects.toString(head, "request") + " of " + channel.remoteAddress();
    }
}
