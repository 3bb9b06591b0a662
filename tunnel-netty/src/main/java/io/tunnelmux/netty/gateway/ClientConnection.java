package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.http.RequestDecoder;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.relay.SmallWrites;
import io.tunnelmux.netty.relay.StreamRelay;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Payload;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client's connection: reads one request at a time, finds its tunnel, moves over to that tunnel's loop, and waits for the answer before it
 * reads the next.
 *
 * <pre>
 * request begins → Exchange opened → request ended  ┐
 *                                  → answer written ┴→ next request, or closed
 * </pre>
 */
final class ClientConnection extends ChannelInboundHandlerAdapter implements RequestDecoder.Listener {

    private static final Logger LOG = LoggerFactory.getLogger(ClientConnection.class);

    private static final int READ_AHEAD = 2;
    private static final int MOVING = 4;

    private static final int MAX_EARLY_BYTES = 64 * 1024;
    /** So much of a body that nobody wants is read, for the sake of the connection. */
    private static final int MAX_DISCARDED_BYTES = 256 * 1024;

    private final HttpFront front;
    private final Channel channel;
    private final GatewayConfig config;
    private final RequestDecoder decoder;
    private final ResponseEncoder encoder = new ResponseEncoder();
    private final ReadGate gate;
    private final Deadlines deadlines;
    private final Queue<ByteBuf> early = new ArrayDeque<>(0);
    private NettyLoop loop;
    private @Nullable Exchange exchange;
    private int requests;
    private int earlyBytes;
    private int discardedBytes;
    private long stalledBytes;
    private boolean isHeadBegun;
    private boolean isRequestEnded;
    private boolean isAnswered;
    private boolean keepsAlive;
    private boolean isMoving;
    private boolean isClosing;

    ClientConnection(HttpFront front, Channel channel, NettyLoop loop) {
        this.front = front;
        this.channel = channel;
        this.loop = loop;
        config = front.config();
        decoder = new RequestDecoder(config.maxRequestLineBytes(), config.maxHeaderBytes(), this);
        gate = new ReadGate(channel);
        deadlines = new Deadlines(loop, this::onDeadline);
    }

    /** Puts this connection's handlers at the end of the channel's pipeline. */
    void begin() {
        SmallWrites.addTo(channel.pipeline());
        channel.pipeline().addLast(decoder, encoder, this);
        deadlines.set(Deadlines.Kind.HEAD, config.headTimeout().toNanos());
    }

    Channel channel() {
        return channel;
    }

    NettyLoop loop() {
        return loop;
    }

    ReadGate gate() {
        return gate;
    }

    HttpFront front() {
        return front;
    }

    /** The gateway goes down: the request under way is the last. Any thread. */
    void drain() {
        channel.eventLoop().execute(() -> {
            if (exchange == null && !isMoving && channel.isActive() && !isUpgraded()) {
                channel.close();
            }
        });
    }

    private boolean isUpgraded() {
        return channel.pipeline().context(this) == null;
    }

    // What the client sends.

    @Override
    public void onHeadBegun() {
        isHeadBegun = true;
        deadlines.clear(Deadlines.Kind.IDLE);
        if (!deadlines.isSet(Deadlines.Kind.HEAD)) {
            deadlines.set(Deadlines.Kind.HEAD, config.headTimeout().toNanos());
        }
    }

    @Override
    public void onReadAhead() {
        gate.hold(READ_AHEAD);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (isClosing) {
            ReferenceCountUtil.release(message);
        } else if (message instanceof ByteBuf bytes) {
            onEarlyBytes(bytes);
        } else if (message instanceof HttpRequest request) {
            onRequest(context, request);
            // What could not be read comes as a message with a body of its own.
            ReferenceCountUtil.release(message);
        } else if (message instanceof HttpContent content) {
            onContent(content);
        } else {
            ReferenceCountUtil.release(message);
        }
    }

    private void onRequest(ChannelHandlerContext context, HttpRequest request) {
        deadlines.clear(Deadlines.Kind.HEAD);
        deadlines.clear(Deadlines.Kind.IDLE);
        isRequestEnded = false;
        isAnswered = false;
        discardedBytes = 0;
        requests++;
        try {
            RequestHead head = RequestHead.of(request, config.maxHeaders());
            NettyAcceptor acceptor = front.acceptorOf(head.path());
            if (acceptor != null) {
                isClosing = true;
                deadlines.clearAll();
                front.handedOver(this);
                acceptor.upgrade(context, request);
                return;
            }
            Route route = front.router().route(head.authority(), head.path());
            if (front.isDraining()) {
                answer(ErrorAnswer.shuttingDown(head.path()), head, false);
            } else if (route == null) {
                answer(ErrorAnswer.noRoute(head.path()), head, head.keepsAlive() && !head.hasBody());
            } else {
                begin(head, route);
            }
        } catch (BadRequestException e) {
            LOG.debug("bad request client={} reason=\"{}\"", channel.remoteAddress(), e.getMessage());
            answer(e.answer(), null, false);
        }
    }

    private void begin(RequestHead head, Route route) throws BadRequestException {
        UpgradeCheck upgrade = UpgradeCheck.of(head, route, config);
        Duration timeout = upgrade != null
                ? config.upgradeTimeout()
                : route.timeout() != null ? route.timeout() : config.requestTimeout();
        ProxyRequestFactory factory =
                new ProxyRequestFactory(head, channel.remoteAddress(), scheme(), upgrade, timeout);
        Tunnel tunnel = front.registry().choose(route.agentId(), loop, null);
        if (tunnel == null) {
            ErrorAnswer absent =
                    ErrorAnswer.absent(front.registry().presence(route.agentId()), route.agentId(), head.path());
            answer(absent, head, head.keepsAlive() && !head.hasBody());
            return;
        }
        Exchange begun = new Exchange(this, head, route, factory, upgrade);
        exchange = begun;
        if (upgrade != null) {
            // What comes now is not HTTP; the decoder gives back what it has.
            channel.pipeline().remove(decoder);
        }
        open(begun, tunnel);
    }

    private String scheme() {
        return channel.pipeline().get(SslHandler.class) == null ? "http" : "https";
    }

    private void onContent(HttpContent content) {
        boolean isLast = content instanceof LastHttpContent;
        boolean isMalformed = content.decoderResult().isFailure();
        Exchange current = exchange;
        if (isLast) {
            deadlines.clear(Deadlines.Kind.BODY);
        }
        if (current != null && (!current.discardsBody() || isMalformed)) {
            current.onContent(content, isLast);
        } else {
            discardedBytes += content.content().readableBytes();
            content.release();
            if (isMalformed || discardedBytes > MAX_DISCARDED_BYTES) {
                closeGentlyOnceAnswered();
            }
        }
        if (isLast && !isMalformed) {
            isRequestEnded = true;
            goOnIfDone();
        }
    }

    private void onEarlyBytes(ByteBuf bytes) {
        if (exchange == null || !exchange.isUpgrade()) {
            bytes.release();
            return;
        }
        early.add(bytes);
        earlyBytes += bytes.readableBytes();
        if (earlyBytes >= MAX_EARLY_BYTES) {
            gate.hold(READ_AHEAD);
        }
    }

    /** The bytes that came so far behind an upgrade's head, as far as a message shall hold them. */
    Payload takeEarlyBytes() {
        byte[] taken = new byte[Math.min(earlyBytes, MAX_EARLY_BYTES)];
        int length = 0;
        while (length < taken.length) {
            ByteBuf bytes = early.element();
            int part = Math.min(bytes.readableBytes(), taken.length - length);
            bytes.readBytes(taken, length, part);
            length += part;
            if (!bytes.isReadable()) {
                early.remove().release();
            }
        }
        earlyBytes -= length;
        return Payload.of(taken);
    }

    private void releaseEarlyBytes() {
        early.forEach(ReferenceCountUtil::release);
        early.clear();
        earlyBytes = 0;
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        if (!gate.isOpen() && exchange != null && PeerState.hasEnded(channel)) {
            // It would be noticed late: nothing is read for now, and the end stands behind what waits to be read.
            channel.close();
        } else {
            awaitBody();
        }
    }

    private void awaitBody() {
        if (exchange != null && !isRequestEnded && !isMoving && !exchange.isHoldingBody()) {
            Duration patience = gate.isOpen() ? config.readTimeout() : config.writeTimeout();
            deadlines.set(Deadlines.Kind.BODY, patience.toNanos());
        }
    }

    // How the request finds its loop.

    /** Opens the exchange's stream on a tunnel, once this connection is on the tunnel's loop. */
    void open(Exchange opening, Tunnel tunnel) {
        NettyLoop target = (NettyLoop) tunnel.loop();
        if (target == loop) {
            opening.open(tunnel);
        } else {
            moveTo(target, () -> opening.open(tunnel));
        }
    }

    /** Nothing is read and nothing is waiting to be written meanwhile: this is the time between a request's head and its answer. */
    private void moveTo(NettyLoop target, Runnable then) {
        isMoving = true;
        gate.hold(MOVING);
        decoder.hold();
        deadlines.moveTo(target);
        channel.deregister()
                .addListener(deregistered -> target.eventLoop()
                        .register(channel)
                        .addListener(registered -> {
                            isMoving = false;
                            loop = target;
                            if (!registered.isSuccess() || !channel.isActive()) {
                                // Nobody tells of the end of a channel that is on no loop.
                                channel.close();
                                onGone();
                                return;
                            }
                            then.run();
                            goOnReading();
                        }));
    }

    private void goOnReading() {
        gate.release(MOVING);
        ChannelHandlerContext context = channel.pipeline().context(decoder);
        if (context != null && !isRequestEnded) {
            gate.release(READ_AHEAD);
            try {
                decoder.goOn(context);
            } catch (Exception e) {
                channel.pipeline().fireExceptionCaught(e);
            }
        }
    }

    // What the client gets.

    /** Begins to wait for the head of the response. */
    void awaitResponse(Duration timeout) {
        deadlines.set(Deadlines.Kind.RESPONSE, timeout.toNanos());
    }

    /** Whether another request may follow this one. */
    boolean mayKeepAlive(Exchange current) {
        return current.head().keepsAlive()
                && !current.isUpgrade()
                && !(current.isHoldingBody() && !isRequestEnded)
                && requests < config.maxRequestsPerConnection()
                && !front.isDraining();
    }

    void onResponseBegun(boolean isForHead) {
        deadlines.clear(Deadlines.Kind.RESPONSE);
        encoder.answerHead(isForHead);
    }

    /** The response is with the socket, to its last byte. */
    void onResponseWritten(boolean mayGoOn) {
        isAnswered = true;
        keepsAlive = mayGoOn;
        goOnIfDone();
    }

    /** Nobody wants the rest of the request's body. */
    void onBodyUnwanted() {
        goOnIfDone();
    }

    /** Answers in the agent's place. */
    void answer(ErrorAnswer told, Exchange current) {
        boolean mayGoOn =
                mayKeepAlive(current) && (isRequestEnded || !current.head().hasBody());
        answer(told, current.head(), mayGoOn);
    }

    private void answer(ErrorAnswer told, @Nullable RequestHead head, boolean mayGoOn) {
        byte[] json = told.toJson().getBytes(StandardCharsets.US_ASCII);
        DefaultFullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(told.status()), Unpooled.wrappedBuffer(json));
        HttpHeaders headers = response.headers();
        headers.set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON);
        headers.set(HttpHeaderNames.CONTENT_LENGTH, json.length);
        if (told.retryAfterSeconds() > 0) {
            headers.set(HttpHeaderNames.RETRY_AFTER, told.retryAfterSeconds());
        }
        if (told.status() == HttpResponseStatus.UPGRADE_REQUIRED.code()) {
            headers.set(HttpHeaderNames.UPGRADE, UpgradeCheck.WEBSOCKET);
            headers.set(HttpHeaderNames.SEC_WEBSOCKET_VERSION, "13");
        }
        if (!mayGoOn) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        } else if (head != null && !head.isHttp11()) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
        }
        onResponseBegun(head != null && head.isHeadMethod());
        channel.writeAndFlush(response).addListener((ChannelFutureListener) written -> {
            if (written.isSuccess()) {
                onResponseWritten(mayGoOn);
            }
        });
    }

    /** Turns the connection into a stream's: after the 101 there is nothing but bytes. */
    StreamRelay upgrade(HttpHeaders headers, TunnelStream stream) {
        deadlines.clearAll();
        encoder.answerHead(false);
        channel.write(
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1,
                        HttpResponseStatus.SWITCHING_PROTOCOLS,
                        Unpooled.EMPTY_BUFFER,
                        headers,
                        EmptyHttpHeaders.INSTANCE),
                channel.voidPromise());
        loop.flushLater(channel);
        ChannelPipeline pipeline = channel.pipeline();
        pipeline.remove(encoder);
        pipeline.remove(this);
        StreamRelay relay = StreamRelay.join(stream, channel, loop, gate, ErrorCode.CANCELLED);
        early.forEach(relay::toStream);
        early.clear();
        gate.release(READ_AHEAD);
        return relay;
    }

    /** The next request is read when this one has come to its end in both directions. */
    private void goOnIfDone() {
        if (!isAnswered || isClosing) {
            return;
        }
        if (isRequestEnded && keepsAlive && !front.isDraining()) {
            exchange = null;
            isAnswered = false;
            isRequestEnded = false;
            if (decoder.hasReadAhead()) {
                // Not now: the last request's end may still be on its way through the decoder.
                loop.execute(this::goOnReading);
            } else {
                goOnReading();
                deadlines.set(Deadlines.Kind.IDLE, config.keepAliveTimeout().toNanos());
            }
        } else if (isRequestEnded && early.isEmpty() && !decoder.hasReadAhead()) {
            isClosing = true;
            channel.close();
        } else if (isRequestEnded || exchange == null || exchange.discardsBody()) {
            if (!keepsAlive || discardedBytes > MAX_DISCARDED_BYTES) {
                closeGently();
            }
        }
    }

    private void closeGentlyOnceAnswered() {
        keepsAlive = false;
        if (isAnswered) {
            closeGently();
        }
    }

    // How it ends.

    /** Closes, and lets the client have all that was written. */
    void closeGently() {
        if (!isClosing) {
            isClosing = true;
            deadlines.clearAll();
            releaseEarlyBytes();
            ChannelPipeline pipeline = channel.pipeline();
            if (pipeline.context(decoder) != null) {
                pipeline.remove(decoder);
            }
            pipeline.remove(this);
            ChannelEnds.closeGently(channel, loop, false);
        }
    }

    /** Cuts the connection: the client must not take for complete what it has. */
    void abort() {
        isClosing = true;
        ChannelEnds.abort(channel);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        onGone();
    }

    private void onGone() {
        deadlines.clearAll();
        releaseEarlyBytes();
        isClosing = true;
        Exchange current = exchange;
        exchange = null;
        if (current != null) {
            current.onClientGone();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (channel.isWritable()) {
            deadlines.clear(Deadlines.Kind.WRITE);
        } else {
            stalledBytes = pendingBytes();
            deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
        }
        if (exchange != null) {
            exchange.onChannelWritabilityChanged();
        }
    }

    private long pendingBytes() {
        ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
        return buffer == null ? 0 : buffer.totalPendingWriteBytes();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        LOG.debug("connection failed client={} cause=\"{}\"", channel.remoteAddress(), cause.toString());
        abort();
    }

    private void onDeadline(Deadlines.Kind kind) {
        Exchange current = exchange;
        switch (kind) {
            case HEAD -> onHeadTimeout();
            case IDLE -> channel.close();
            case RESPONSE -> {
                if (current != null) {
                    current.onResponseTimeout();
                }
            }
            case BODY -> {
                if (current != null && !current.discardsBody()) {
                    current.onBodyTimeout(gate.isOpen());
                } else {
                    closeGentlyOnceAnswered();
                }
            }
            case WRITE -> onWriteStalled(current);
        }
    }

    private void onHeadTimeout() {
        if (isHeadBegun) {
            answer(ErrorAnswer.refused(HttpResponseStatus.REQUEST_TIMEOUT, "the head came too slowly"), null, false);
        } else {
            channel.close();
        }
    }

    private void onWriteStalled(@Nullable Exchange current) {
        long pending = pendingBytes();
        if (pending < stalledBytes) {
            stalledBytes = pending;
            deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
        } else if (current != null) {
            current.onWriteTimeout();
        } else {
            abort();
        }
    }
}
