package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.netty.http.RequestDecoder;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.relay.PieceQueue;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.relay.Relay;
import io.tunnelmux.netty.relay.SmallWrites;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Supplier;
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
final class ClientConnection extends ChannelInboundHandlerAdapter
        implements RequestDecoder.Listener, ExchangeClient, FrontConnection {

    private static final Logger LOG = LoggerFactory.getLogger(ClientConnection.class);

    private static final int READ_AHEAD = 2;
    private static final int JOINING = 4;

    private static final int MAX_EARLY_BYTES = 64 * 1024;
    /** So much of a body that nobody wants is read, for the sake of the connection. */
    private static final int MAX_DISCARDED_BYTES = 256 * 1024;

    private final HttpFront front;
    private final Channel channel;
    private final GatewayConfig config;
    private final RequestDecoder decoder;
    private final Http1ResponseWriter writer;
    private final ReadGate gate;
    private final Deadlines deadlines;
    private final PieceQueue early = new PieceQueue();
    private NettyLoop loop;
    /** Of the request under way; null if it could not be understood. */
    private @Nullable RequestHead head;

    private @Nullable Exchange exchange;
    private int requests;
    private int earlyBytes;
    private int discardedBytes;
    private long stalledBytes;
    private boolean isHeadBegun;
    private boolean isRequestEnded;
    private boolean isAnswered;
    private boolean keepsAlive;
    /** Whether a request waits for its tunnel, or for this connection to be on that tunnel's loop. */
    private boolean isJoining;

    private boolean isHttpOver;
    private boolean isClosing;

    ClientConnection(HttpFront front, Channel channel, NettyLoop loop) {
        this.front = front;
        this.channel = channel;
        this.loop = loop;
        config = front.config();
        decoder = new RequestDecoder(config.maxRequestLineBytes(), config.maxHeaderBytes(), this);
        writer = new Http1ResponseWriter(channel);
        gate = new ReadGate(channel);
        deadlines = new Deadlines(loop, this::onDeadline);
    }

    /**
     * Puts this connection's handlers at the end of the channel's pipeline.
     *
     * @param headNanos until the end of the first request's head
     */
    void begin(long headNanos) {
        SmallWrites.addTo(channel.pipeline());
        channel.pipeline().addLast(decoder);
        writer.addTo(channel.pipeline());
        channel.pipeline().addLast(this);
        deadlines.set(Deadlines.Kind.HEAD, headNanos);
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
        return channel.pipeline().get(SslHandler.class) == null ? "http" : "https";
    }

    @Override
    public void drain() {
        channel.eventLoop().execute(() -> {
            if (exchange == null && channel.isActive() && !isUpgraded()) {
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
            onRequest(request);
            // What could not be read comes as a message with a body of its own.
            ReferenceCountUtil.release(message);
        } else if (message instanceof HttpContent content) {
            onContent(content);
        } else {
            ReferenceCountUtil.release(message);
        }
    }

    private void onRequest(HttpRequest request) {
        deadlines.clear(Deadlines.Kind.HEAD);
        deadlines.clear(Deadlines.Kind.IDLE);
        isRequestEnded = false;
        isAnswered = false;
        discardedBytes = 0;
        requests++;
        head = null;
        try {
            RequestHead read = RequestHead.of(request, config.maxHeaders());
            head = read;
            front.dispatcher().dispatch(read, this);
            if (exchange != null && exchange.isWaitingForTunnel()) {
                holdUntilJoined();
            }
        } catch (BadRequestException e) {
            refuse(e.answer());
        }
    }

    @Override
    public void handOver(NettyAcceptor acceptor) {
        isClosing = true;
        deadlines.clearAll();
        front.handedOver(channel);
        acceptor.upgrade(
                channel.pipeline().context(this), Objects.requireNonNull(head).request());
    }

    @Override
    public void begin(Exchange begun) {
        exchange = begun;
    }

    private void onContent(HttpContent content) {
        boolean isLast = content instanceof LastHttpContent;
        boolean isMalformed = content.decoderResult().isFailure();
        Exchange current = exchange;
        if (isLast) {
            deadlines.clear(Deadlines.Kind.BODY);
        }
        if (current != null && isMalformed) {
            content.release();
            current.onMalformedBody("malformed body");
        } else if (current != null && !current.discardsBody()) {
            current.onBody(
                    content.content(),
                    isLast,
                    isLast ? ((LastHttpContent) content).trailingHeaders() : EmptyHttpHeaders.INSTANCE);
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
        earlyBytes += bytes.readableBytes();
        early.add(bytes, channel.alloc());
        if (earlyBytes >= MAX_EARLY_BYTES) {
            gate.hold(READ_AHEAD);
        }
    }

    @Override
    public Payload takeEarlyBytes() {
        byte[] taken = new byte[Math.min(earlyBytes, MAX_EARLY_BYTES)];
        int length = 0;
        while (length < taken.length) {
            ByteBuf bytes = Objects.requireNonNull(early.poll());
            int part = Math.min(bytes.readableBytes(), taken.length - length);
            bytes.readBytes(taken, length, part);
            length += part;
            if (bytes.isReadable()) {
                early.addFirst(bytes);
            } else {
                bytes.release();
            }
        }
        earlyBytes -= length;
        return Payload.of(taken);
    }

    private void releaseEarlyBytes() {
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
        if (exchange != null && !isRequestEnded && !isJoining && !exchange.isHoldingBody()) {
            Duration patience = gate.isOpen() ? config.readTimeout() : config.writeTimeout();
            deadlines.set(Deadlines.Kind.BODY, patience.toNanos());
        }
    }

    // How the request finds its loop.

    /** No more is made of what comes: this is the time between a request's head and its stream. It is read, so that the client's end is noticed. */
    private void holdUntilJoined() {
        isJoining = true;
        decoder.hold();
    }

    @Override
    public void join(Tunnel tunnel, Runnable then) {
        NettyLoop target = (NettyLoop) tunnel.loop();
        if (target != loop) {
            holdUntilJoined();
            moveTo(target, then);
        } else if (isJoining) {
            goOn(then);
        } else {
            endHttpIfUpgrade();
            then.run();
        }
    }

    /** Nothing is read and nothing is waiting to be written meanwhile. */
    private void moveTo(NettyLoop target, Runnable then) {
        gate.hold(JOINING);
        deadlines.moveTo(target);
        channel.deregister()
                .addListener(deregistered -> target.eventLoop()
                        .register(channel)
                        .addListener(registered -> {
                            loop = target;
                            if (!registered.isSuccess() || !channel.isActive()) {
                                // Nobody tells of the end of a channel that is on no loop.
                                channel.close();
                                onGone();
                                return;
                            }
                            goOn(then);
                        }));
    }

    private void goOn(Runnable then) {
        isJoining = false;
        if (!gate.isOpen() && PeerState.hasEnded(channel)) {
            channel.close();
            return;
        }
        endHttpIfUpgrade();
        then.run();
        goOnReading();
    }

    private void endHttpIfUpgrade() {
        if (!isHttpOver && exchange != null && exchange.isUpgrade()) {
            isHttpOver = true;
            // What comes now is not HTTP; the decoder gives back what it has.
            channel.pipeline().remove(decoder);
        }
    }

    private void goOnReading() {
        gate.release(JOINING);
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

    @Override
    public void awaitResponse(Duration timeout) {
        deadlines.set(Deadlines.Kind.RESPONSE, timeout.toNanos());
    }

    @Override
    public void inform(int status, HttpHeaders headers) {
        // To a client that reads nothing it is of no use, and no credit bounds it.
        if (head != null && head.isHttp11() && channel.isWritable()) {
            writer.inform(status, headers);
            loop.flushLater(channel);
        }
    }

    @Override
    public void respond(int status, HttpHeaders headers, long bodyBytes, boolean isEnd) {
        deadlines.clear(Deadlines.Kind.RESPONSE);
        writer.respond(Objects.requireNonNull(head), status, headers, bodyBytes, mayKeepAlive());
        loop.flushLater(channel);
        if (isEnd) {
            end(EmptyHttpHeaders.INSTANCE);
        }
    }

    @Override
    public boolean takesForSwitch(int status) {
        return false;
    }

    @Override
    public boolean carriesTrailers() {
        return writer.carriesTrailers();
    }

    @Override
    public void end(HttpHeaders trailers) {
        writer.end(trailers).addListener((ChannelFutureListener) this::onWritten);
        loop.flushLater(channel);
    }

    /** The response is with the socket, to its last byte. */
    private void onWritten(ChannelFuture written) {
        if (written.isSuccess()) {
            isAnswered = true;
            keepsAlive = writer.keepsAlive();
            goOnIfDone();
        }
    }

    /** Whether another request may follow this one. */
    private boolean mayKeepAlive() {
        return head != null
                && head.keepsAlive()
                && !isHttpOver
                && !(exchange != null && exchange.isHoldingBody() && !isRequestEnded)
                && requests < config.maxRequestsPerConnection()
                && !front.isDraining();
    }

    @Override
    public void onBodyUnwanted() {
        goOnIfDone();
    }

    @Override
    public void answer(ProxyError told) {
        answer(told, mayKeepAlive() && head != null && (isRequestEnded || !head.hasBody()));
    }

    /** Of a request that went no further than this. */
    private void refuse(ProxyError told) {
        front.recorder().onAnswered(head, told, channel);
        answer(told, false);
    }

    private void answer(ProxyError told, boolean mayGoOn) {
        deadlines.clear(Deadlines.Kind.RESPONSE);
        if (isJoining) {
            isJoining = false;
            loop.execute(this::goOnReading);
        }
        writer.answer(told, head, mayGoOn).addListener((ChannelFutureListener) this::onWritten);
    }

    @Override
    public Relay switchProtocols(HttpHeaders headers, Supplier<Relay> join) {
        deadlines.clearAll();
        writer.switchProtocols(headers);
        loop.flushLater(channel);
        channel.pipeline().remove(this);
        Relay relay = join.get();
        for (ByteBuf bytes = early.poll(); bytes != null; bytes = early.poll()) {
            relay.toStream(bytes);
        }
        earlyBytes = 0;
        gate.release(READ_AHEAD);
        front.upgraded(channel);
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
        } else if (isRequestEnded && earlyBytes == 0 && !decoder.hasReadAhead()) {
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

    @Override
    public void closeGently() {
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

    @Override
    public void abort() {
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
            stalledBytes = ChannelEnds.pendingBytes(channel);
            deadlines.set(Deadlines.Kind.WRITE, config.writeTimeout().toNanos());
        }
        if (exchange != null) {
            exchange.onChannelWritabilityChanged();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        LOG.debug(
                "connection failed client={} cause=\"{}\"",
                Recorder.text(channel.remoteAddress()),
                Printable.quoted(cause.toString()));
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
            head = null;
            refuse(ProxyError.refused(HttpResponseStatus.REQUEST_TIMEOUT, "the head came too slowly"));
        } else {
            channel.close();
        }
    }

    private void onWriteStalled(@Nullable Exchange current) {
        long pending = ChannelEnds.pendingBytes(channel);
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
