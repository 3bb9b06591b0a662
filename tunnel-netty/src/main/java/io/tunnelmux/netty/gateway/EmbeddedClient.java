package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.relay.Relay;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Payload;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A client that is the application itself, with one request. Its bodies go through a {@link BodyChannel}. On the loop of its tunnel. */
final class EmbeddedClient extends ChannelInboundHandlerAdapter implements ExchangeClient {

    private static final String TRANSFER_ENCODING = "transfer-encoding";

    private final HttpFront front;
    private final GatewayConfig config;
    private final GatewayRequest request;
    private final CompletableFuture<GatewayResponse> response;
    private final CompletableFuture<Headers> trailers = new CompletableFuture<>();
    private final BodyChannel channel;
    private final ReadGate gate;
    private final Deadlines deadlines;
    private volatile NettyLoop loop;
    /** Whether this is between two loops. Cleared behind {@link #loop}, so that whoever sees it cleared sees the right one. */
    private volatile boolean isMoving;

    private @Nullable Exchange exchange;
    /** What the application had taken when it was last looked at with something waiting for it; negative if nothing waited. */
    private long takenWhenLooked = -1;

    /** Of the request; null where it could not be understood. */
    private @Nullable RequestHead head;
    /** What the request's body still lacks; negative where its length was not told. */
    private long missingBytes;

    private boolean isRequestEnded;
    private boolean isAnswered;
    private boolean isOver;

    /**
     * @param loop where this begins
     * @param response completed with what comes of the request; cancelling it cancels the request
     */
    EmbeddedClient(
            HttpFront front, NettyLoop loop, GatewayRequest request, CompletableFuture<GatewayResponse> response) {
        this.front = front;
        config = front.config();
        this.loop = loop;
        this.request = request;
        this.response = response;
        channel = new BodyChannel(request.client());
        gate = new ReadGate(channel);
        deadlines = new Deadlines(loop, this::onDeadline);
    }

    /** Sends the request on its way. On the loop. */
    void begin() {
        channel.pipeline().addLast(this);
        try {
            RequestHead read = readHead();
            head = read;
            String length = read.request().headers().get(HttpHeaderNames.CONTENT_LENGTH);
            missingBytes = length == null ? UNKNOWN_LENGTH : Long.parseLong(length);
            isRequestEnded = !hasBody(read);
            front.dispatcher().dispatch(read, this);
        } catch (BadRequestException e) {
            front.dispatcher().refuse(head, e.answer(), this);
        }
        response.whenComplete((done, failure) -> {
            if (response.isCancelled()) {
                cancel();
            }
        });
    }

    private RequestHead readHead() throws BadRequestException {
        try {
            HttpHeaders headers = HttpMapping.toHttp(request.headers(), true);
            headers.set(HttpHeaderNames.HOST, request.authority());
            boolean isUpgrade = headers.contains(HttpHeaderNames.UPGRADE);
            if (isUpgrade) {
                headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
            }
            boolean isOwnBody = !isUpgrade || request.headers().first(TRANSFER_ENCODING) != null;
            if (request.body() != null && isOwnBody && !headers.contains(HttpHeaderNames.CONTENT_LENGTH)) {
                headers.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
            }
            RequestHead read = RequestHead.of(
                    new DefaultHttpRequest(
                            HttpVersion.HTTP_1_1, HttpMethod.valueOf(request.method()), request.target(), headers),
                    config.maxHeaders());
            if (read.hasBody() && request.body() == null) {
                throw new BadRequestException("Content-Length announces a body, and there is none");
            }
            return read;
        } catch (MalformedHttpException | IllegalArgumentException e) {
            throw new BadRequestException(String.valueOf(e.getMessage()));
        }
    }

    /** Whether the publisher is of the request's own body. Beside {@code Upgrade} it may be of the bytes for the new protocol, which nobody wants without that. */
    private boolean hasBody(RequestHead read) {
        return request.body() != null
                && (read.hasBody() || !read.request().headers().contains(HttpHeaderNames.UPGRADE));
    }

    /** Any thread. */
    private void cancel() {
        if (isMoving || !loop.inLoop()) {
            loop.execute(this::cancel);
        } else if (channel.isRegistered()) {
            channel.close();
        } else {
            onGone();
        }
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
        return request.scheme();
    }

    @Override
    public void handOver(NettyAcceptor acceptor) {
        front.dispatcher().refuse(null, ProxyError.noRoute(config.tunnelPath()), this);
    }

    @Override
    public void begin(Exchange begun) {
        exchange = begun;
    }

    @Override
    public void join(Tunnel tunnel, Runnable then) {
        NettyLoop target = (NettyLoop) tunnel.loop();
        if (!channel.isRegistered()) {
            register(target, () -> {
                then.run();
                readBody();
            });
        } else if (target == loop) {
            then.run();
        } else {
            isMoving = true;
            channel.deregister().addListener(deregistered -> register(target, then));
        }
    }

    private void register(NettyLoop target, Runnable then) {
        isMoving = true;
        deadlines.moveTo(target);
        target.eventLoop().register(channel).addListener(registered -> {
            loop = target;
            isMoving = false;
            if (registered.isSuccess() && !isOver) {
                then.run();
            } else {
                channel.close();
                onGone();
            }
        });
    }

    private void readBody() {
        Flow.Publisher<ByteBuffer> body = request.body();
        if (body != null && !isRequestEnded && exchange != null && !exchange.isUpgrade() && !isOver) {
            channel.readFrom(body);
            awaitBody();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        int length = bytes.readableBytes();
        if (exchange == null) {
            bytes.release();
        } else if (missingBytes >= 0 && length > missingBytes) {
            bytes.release();
            endRequest();
            exchange.onMalformedBody("the body is longer than Content-Length announces");
        } else {
            missingBytes -= missingBytes >= 0 ? length : 0;
            exchange.onBody(bytes, false, EmptyHttpHeaders.INSTANCE);
        }
    }

    /** Wants nothing more of the request's body. */
    private void endRequest() {
        isRequestEnded = true;
        deadlines.clear(Deadlines.Kind.BODY);
        channel.shutdownInput();
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        awaitBody();
    }

    private void awaitBody() {
        if (!isRequestEnded) {
            Duration patience = gate.isOpen() ? config.readTimeout() : config.writeTimeout();
            deadlines.set(Deadlines.Kind.BODY, patience.toNanos());
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event == ChannelInputShutdownEvent.INSTANCE) {
            isRequestEnded = true;
            deadlines.clear(Deadlines.Kind.BODY);
            if (exchange != null && missingBytes > 0 && !exchange.discardsBody()) {
                exchange.onMalformedBody(
                        "the body is " + missingBytes + " bytes shorter than Content-Length announces");
            } else if (exchange != null) {
                exchange.onBody(Unpooled.EMPTY_BUFFER, true, EmptyHttpHeaders.INSTANCE);
            }
            closeIfDone();
        }
    }

    /** There are none: of an upgrade, the application is asked for bytes once the protocol is switched. */
    @Override
    public Payload takeEarlyBytes() {
        return Payload.EMPTY;
    }

    @Override
    public void awaitResponse(Duration timeout) {
        deadlines.set(Deadlines.Kind.RESPONSE, timeout.toNanos());
    }

    @Override
    public void inform(int status, HttpHeaders headers) {
        request.onInformational().accept(status, carried(headers, false));
    }

    @Override
    public void respond(int status, HttpHeaders headers, long bodyBytes, boolean isEnd) {
        deadlines.clear(Deadlines.Kind.RESPONSE);
        deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
        complete(status, carried(headers, false));
        if (isEnd) {
            end(EmptyHttpHeaders.INSTANCE);
        }
    }

    @Override
    public boolean takesForSwitch(int status) {
        return false;
    }

    private void complete(int status, Headers headers) {
        if (!response.complete(new GatewayResponse(status, headers, channel, trailers))) {
            channel.close();
        }
    }

    /** What the exchange has checked already. */
    private static Headers carried(HttpHeaders headers, boolean isUpgrade) {
        try {
            return HttpMapping.toCarried(headers, isUpgrade).build();
        } catch (MalformedHttpException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public boolean carriesTrailers() {
        return true;
    }

    @Override
    public void end(HttpHeaders last) {
        Headers carried = carried(last, false);
        channel.shutdownOutput().addListener((ChannelFutureListener) ended -> onEnded(ended, carried));
    }

    private void onEnded(ChannelFuture ended, Headers last) {
        if (ended.isSuccess()) {
            deadlines.clear(Deadlines.Kind.WRITE);
            trailers.complete(last);
            isAnswered = true;
            closeIfDone();
        }
    }

    private void closeIfDone() {
        if (isAnswered && (isRequestEnded || exchange == null || exchange.discardsBody())) {
            channel.close();
        }
    }

    @Override
    public void answer(ProxyError told) {
        response.completeExceptionally(new ProxyException(told));
        isAnswered = true;
        isRequestEnded = true;
        cancel();
    }

    @Override
    public Relay switchProtocols(HttpHeaders headers, Supplier<Relay> join) {
        deadlines.clearAll();
        channel.pipeline().remove(this);
        Relay relay = join.get();
        channel.closeFuture().addListener(closed -> trailers.complete(Headers.EMPTY));
        Flow.Publisher<ByteBuffer> body = request.body();
        if (body != null) {
            channel.readFrom(body);
        }
        complete(101, carried(headers, true));
        return relay;
    }

    @Override
    public void onBodyUnwanted() {
        closeIfDone();
    }

    @Override
    public void closeGently() {
        endRequest();
        closeIfDone();
    }

    @Override
    public void abort() {
        channel.close();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (exchange != null) {
            exchange.onChannelWritabilityChanged();
        }
    }

    /** What waits must be taken, be it little: it is memory that nobody else frees. Whoever takes something at times is not cut. */
    private void onWriteDeadline(Exchange current) {
        long taken = channel.hasWaiting() ? channel.takenBuffers() : -1;
        if (taken >= 0 && taken == takenWhenLooked) {
            current.onWriteTimeout();
        } else {
            takenWhenLooked = taken;
            deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        onGone();
    }

    private void onGone() {
        if (!isOver) {
            isOver = true;
            deadlines.clearAll();
            Throwable why = channel.whyClosed();
            response.completeExceptionally(new ProxyException(errorOf(), why));
            trailers.completeExceptionally(why);
            if (exchange != null) {
                exchange.onClientGone();
            }
        }
    }

    /** Why this has gone without an answer. */
    private ProxyError errorOf() {
        String path = head == null ? null : head.path();
        if (channel.isInputFailed()) {
            return ProxyError.refused(HttpResponseStatus.BAD_REQUEST, "the request's body broke off");
        }
        return front.isDraining() ? ProxyError.shuttingDown(path) : ProxyError.internal(path);
    }

    private void onDeadline(Deadlines.Kind kind) {
        Exchange current = exchange;
        if (current == null) {
            return;
        }
        switch (kind) {
            case RESPONSE -> current.onResponseTimeout();
            case BODY -> current.onBodyTimeout(gate.isOpen());
            case WRITE -> onWriteDeadline(current);
            case HEAD, IDLE -> throw new IllegalStateException("no such deadline: " + kind);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        channel.fail(cause);
    }

    @Override
    public String toString() {
        return "embedded " + request.method();
    }
}
