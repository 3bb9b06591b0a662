package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.core.transport.AcceptHandler;
import io.tunnelmux.netty.log.SparseLogs;
import io.tunnelmux.netty.websocket.WebSocketWriter;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes in agents that dial {@code ws://} or {@code tcp://}, or with TLS {@code wss://} or {@code tls://}: checks their handshake, answers it, and makes a
 * transport of the connection, which stays on the loop that accepted it. Both kinds come in on the same port: without TLS the first byte tells them apart,
 * with TLS what was agreed on there ({@code tunnel/1} is frames; anything else, or nothing, a WebSocket).
 *
 * <p>Either {@link #start} it on an address of its own, or leave the listening to an HTTP server and give it the requests for the tunnel's
 * path by {@link #upgrade}; then there are WebSockets only.
 *
 * <p>What is refused gets an HTTP answer and no upgrade: 400 for what is malformed, or names a token in its query; 401 with
 * {@code WWW-Authenticate: Bearer}; 403 for whatever bears an {@code Origin}; 404; 405; 426 where WebSocket version or subprotocol do not
 * fit; and what the {@link Admission} says. Where there is no HTTP the admission is asked about the token in HELLO, and a refusal is a GOAWAY with
 * {@code UNAUTHORIZED}, {@code FORBIDDEN}, or {@code OVERLOADED} and the time to stay away; other first frames than a HELLO are a breach.
 *
 * <p>Any thread may call, but {@link #upgrade} belongs to the channel's loop.
 */
public final class NettyAcceptor implements AutoCloseable {
    /** Where agents dial, unless told otherwise. */
    public static final String DEFAULT_PATH = "/tunnel";
    /** From the connection to the answered handshake, TLS included. */
    public static final Duration DEFAULT_HANDSHAKE_TIMEOUT = Duration.ofSeconds(10);
    /** Connections that are not yet tunnels; the oldest makes room for one more. */
    public static final int DEFAULT_MAX_HANDSHAKES = 512;

    private static final int MAX_LINE_BYTES = 8 * 1_024;
    private static final int MAX_HEADER_BYTES = 16 * 1_024;
    private static final Logger LOG = LoggerFactory.getLogger(NettyAcceptor.class);

    private final NettyLoops loops;
    private final InetSocketAddress address;
    private final @Nullable TlsConfig tls;
    private final AcceptHandler handler;
    private final Duration handshakeTimeout;
    private final Admission admission;
    private final ServerHandshake handshake;
    private final ServerHandshake handedOver;
    private final PendingHandshakes pending;
    private final Consumer<String> refusalListener;
    private final SparseLogs refusals = new SparseLogs();

    private volatile @Nullable Channel listening;

    private NettyAcceptor(Builder builder) {
        loops = builder.loops;
        address = builder.address;
        tls = builder.tls;
        handler = builder.handler;
        handshakeTimeout = builder.handshakeTimeout;
        admission = builder.admission;
        handshake = new ServerHandshake(builder.path, admission);
        handedOver = new ServerHandshake(null, admission);
        pending = new PendingHandshakes(builder.maxHandshakes);
        refusalListener = builder.refusalListener;
    }

    /**
     * An acceptor on these loops.
     *
     * @param handler is given each transport, on its loop
     */
    public static Builder builder(NettyLoops loops, AcceptHandler handler) {
        return new Builder(loops, handler);
    }

    /**
     * Begins to listen. Called at most once.
     *
     * @return the address that it listens on, or why it cannot; completes on some loop
     */
    public CompletionStage<InetSocketAddress> start() {
        CompletableFuture<InetSocketAddress> started = new CompletableFuture<>();
        loops.serverBootstrap()
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, false)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        initAccepted(channel);
                    }
                })
                .bind(address)
                .addListener((ChannelFuture bound) -> {
                    if (bound.isSuccess()) {
                        listening = bound.channel();
                        started.complete((InetSocketAddress) bound.channel().localAddress());
                    } else {
                        started.completeExceptionally(bound.cause());
                    }
                });
        return started;
    }

    /**
     * Takes over a connection on which a request for the tunnel has come, whatever its path: makes the same checks and gives the same
     * answers as on an address of its own. Afterwards the pipeline has none of its former handlers but a {@link SslHandler}, and the
     * channel either is a tunnel or will be closed soon. Must be called on the channel's loop, which must be one of this acceptor's, from
     * within {@code channelRead} for that request.
     *
     * @param ctx a place in the pipeline behind the HTTP codec
     * @param request the head of the request; lent
     */
    public void upgrade(ChannelHandlerContext ctx, HttpRequest request) {
        answer(ctx, handedOver.answer(request, ctx.channel().remoteAddress()));
    }

    /** Listens no longer, and drops connections that are not yet tunnels. Tunnels are left alone. */
    @Override
    public void close() {
        Channel channel = listening;
        if (channel != null) {
            channel.close();
        }
        pending.closeAll();
    }

    private void initAccepted(Channel channel) {
        ChannelPipeline pipeline = channel.pipeline();
        if (tls == null) {
            channel.config().setRecvByteBufAllocator(new TunnelReads());
        } else {
            pipeline.addLast(tls.newTunnelServerHandler(channel.alloc()));
        }
        pipeline.addLast(new TransportChoice(tls != null, NettyAcceptor::newHttpCodec), new HandshakeHandler());
    }

    private static ChannelHandler newHttpCodec() {
        return new HttpServerCodec(
                new HttpDecoderConfig().setMaxInitialLineLength(MAX_LINE_BYTES).setMaxHeaderSize(MAX_HEADER_BYTES));
    }

    private void answer(ChannelHandlerContext ctx, ServerHandshake.Answer answer) {
        Channel channel = ctx.channel();
        if (!answer.isAccepted()) {
            HttpResponseStatus status = answer.response().status();
            onRefused(channel, causeOf(status), status.toString());
            endWith(ctx, answer.response());
            return;
        }
        ctx.writeAndFlush(answer.response(), channel.voidPromise());
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false);
        channel.config().setAutoRead(false);
        loops.limitUnsent(channel);
        NettyTransport transport =
                NettyTransport.overWebSocket(loops.of(channel.eventLoop()), channel, WebSocketWriter.server(), false);
        replaceHandlers(channel, transport);
        handOver(transport, answer.token());
    }

    private void answer(ChannelHandlerContext ctx, Greeting greeting, Greeting.Answer answer) {
        Channel channel = ctx.channel();
        Frame.GoAway refusal = answer.refusal();
        if (refusal != null) {
            HttpResponseStatus status = answer.status();
            onRefused(channel, causeOf(status), status.code() + " " + refusal.reason());
            endWith(ctx, Greeting.bytesOf(refusal, channel.alloc()));
            return;
        }
        channel.config().setAutoRead(false);
        loops.limitUnsent(channel);
        ByteBuf bytes = greeting.takeBytes();
        NettyTransport transport = NettyTransport.ofFrames(loops.of(channel.eventLoop()), channel, false);
        replaceHandlers(channel, transport);
        ctx.fireChannelRead(bytes);
        handOver(transport, null);
    }

    private static void endWith(ChannelHandlerContext ctx, Object lastWord) {
        ChannelFuture written = ctx.writeAndFlush(lastWord);
        replaceHandlers(ctx.channel(), new RefusedHandler());
        written.addListener(RefusedHandler.SAY_NO_MORE);
    }

    private void handOver(NettyTransport transport, @Nullable String token) {
        try {
            handler.onAccepted(transport, token);
        } catch (RuntimeException e) {
            LOG.error("tunnel dropped, its handler failed peer={}", transport.peer(), e);
            transport.close(ErrorCode.INTERNAL_ERROR, "");
        }
    }

    private static String causeOf(HttpResponseStatus status) {
        return status.reasonPhrase().toLowerCase(Locale.ROOT).replace(' ', '_');
    }

    private void onRefused(Channel channel, String cause, String why) {
        refusalListener.accept(cause);
        long withheld = refusals.admit(cause, System.nanoTime());
        if (withheld >= 0) {
            String peer = NettyTransport.describe(channel.remoteAddress());
            LOG.info("tunnel refused peer={} why=\"{}\" not_logged={}", peer, Printable.quoted(why), withheld);
        }
    }

    /** Leaves only TLS and {@code last}. From the end to the front, so that what a codec has read too far reaches {@code last}. */
    private static void replaceHandlers(Channel channel, ChannelHandler last) {
        ChannelPipeline pipeline = channel.pipeline();
        List<ChannelHandler> former = new ArrayList<>(pipeline.toMap().values());
        pipeline.addLast(last);
        for (int i = former.size() - 1; i >= 0; i--) {
            if (!(former.get(i) instanceof SslHandler)) {
                pipeline.remove(former.get(i));
            }
        }
    }

    /** Waits for the request, or for the HELLO, but not for long. */
    private final class HandshakeHandler extends ChannelInboundHandlerAdapter {
        /** Set where there are frames. */
        private @Nullable Greeting greeting;

        private @Nullable ScheduledFuture<?> deadline;

        @Override
        public void handlerAdded(ChannelHandlerContext ctx) {
            Channel oldest = pending.add(ctx.channel());
            if (oldest != null) {
                onRefused(oldest, "too_many", "the oldest of too many handshakes under way");
                oldest.close();
            }
            deadline = ctx.executor().schedule(() -> giveUp(ctx), handshakeTimeout.toNanos(), TimeUnit.NANOSECONDS);
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext ctx) {
            pending.remove(ctx.channel());
            if (deadline != null) {
                deadline.cancel(false);
            }
            if (greeting != null) {
                greeting.release();
            }
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event == TransportChoice.FRAMES) {
                greeting = new Greeting(admission);
            }
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object msg) {
            if (greeting != null && msg instanceof ByteBuf bytes) {
                Channel channel = ctx.channel();
                Greeting.Answer answer = greeting.read(bytes, channel.alloc(), channel.remoteAddress());
                if (answer != null) {
                    answer(ctx, greeting, answer);
                }
                return;
            }
            try {
                // What a codec makes of the rest when a connection ends is nobody's request.
                if (msg instanceof HttpRequest request && ctx.channel().isActive()) {
                    answer(ctx, handshake.answer(request, ctx.channel().remoteAddress()));
                }
            } finally {
                ReferenceCountUtil.release(msg);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            NettyLoop.tellIfOutOfMemory(cause);
            LOG.debug("handshake failed peer={}", ctx.channel().remoteAddress(), cause);
            ctx.close();
        }

        private void giveUp(ChannelHandlerContext ctx) {
            onRefused(ctx.channel(), "too_slow", "too slow");
            if (greeting == null) {
                ctx.close();
            } else {
                String why = "no HELLO within " + handshakeTimeout;
                endWith(
                        ctx,
                        Greeting.bytesOf(
                                new Frame.GoAway(0, ErrorCode.TIMEOUT.value(), 0, why),
                                ctx.channel().alloc()));
            }
        }
    }

    /** Collects what an acceptor is made of. */
    public static final class Builder {
        private final NettyLoops loops;
        private final AcceptHandler handler;
        private InetSocketAddress address = new InetSocketAddress(0);
        private String path = DEFAULT_PATH;
        private @Nullable TlsConfig tls;
        private Admission admission = (token, from) -> HandshakeRefusal.unauthorized();
        private Duration handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT;
        private int maxHandshakes = DEFAULT_MAX_HANDSHAKES;
        private Consumer<String> refusalListener = cause -> {};

        private Builder(NettyLoops loops, AcceptHandler handler) {
            this.loops = loops;
            this.handler = handler;
        }

        /** Where to listen; port 0 takes any that is free, which is the default. */
        public Builder address(InetSocketAddress newAddress) {
            address = newAddress;
            return this;
        }

        /**
         * The path of the tunnel, {@value #DEFAULT_PATH} by default.
         *
         * @throws IllegalArgumentException if it does not begin with a slash, or has a query
         */
        public Builder path(String newPath) {
            if (!newPath.startsWith("/") || newPath.indexOf('?') >= 0) {
                throw new IllegalArgumentException("path: " + newPath);
            }
            path = newPath;
            return this;
        }

        /** Makes it {@code wss} and {@code tls}; null, the default, is {@code ws} and {@code tcp}. */
        public Builder tls(@Nullable TlsConfig newTls) {
            tls = newTls;
            return this;
        }

        /** Who may come in; nobody by default. */
        public Builder admission(Admission newAdmission) {
            admission = newAdmission;
            return this;
        }

        /**
         * How long a connection may take until it has sent its request or its HELLO, TLS included.
         *
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder handshakeTimeout(Duration timeout) {
            if (timeout.isNegative() || timeout.isZero()) {
                throw new IllegalArgumentException("handshakeTimeout: " + timeout);
            }
            handshakeTimeout = timeout;
            return this;
        }

        /**
         * How many connections may be in their handshake at once.
         *
         * @throws IllegalArgumentException if it is less than 1
         */
        public Builder maxHandshakes(int max) {
            if (max < 1) {
                throw new IllegalArgumentException("maxHandshakes: " + max);
            }
            maxHandshakes = max;
            return this;
        }

        /**
         * Told of each handshake that was refused: the reason phrase of the answer's status, in lower case and with {@code _} for each blank, or
         * {@code too_slow}, or {@code too_many} for the oldest of more than there may be at once. On an event loop; must not block or throw.
         */
        public Builder refusals(Consumer<String> listener) {
            refusalListener = listener;
            return this;
        }

        /** Makes it; it does nothing yet. */
        public NettyAcceptor build() {
            return new NettyAcceptor(this);
        }
    }
}
