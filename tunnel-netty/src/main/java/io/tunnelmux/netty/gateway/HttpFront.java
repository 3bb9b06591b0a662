package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.netty.transport.TlsConfig;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where clients come in: listens, counts the connections, and knows what all of them need. Any thread. */
final class HttpFront {

    private static final Logger LOG = LoggerFactory.getLogger(HttpFront.class);

    private final GatewayConfig config;
    private final NettyLoops loops;
    private final RequestAdmission admission;
    /** Takes the tunnels that come in here, where the port is shared. */
    private final @Nullable NettyAcceptor acceptor;

    private final RequestDispatcher dispatcher = new RequestDispatcher(this);

    private final Set<ClientConnection> connections = ConcurrentHashMap.newKeySet();
    private final AtomicInteger count = new AtomicInteger();
    private final CompletableFuture<@Nullable Void> drained = new CompletableFuture<>();
    private volatile boolean isDraining;
    private volatile @Nullable Channel listening;

    HttpFront(GatewayConfig config, NettyLoops loops, RequestAdmission admission, @Nullable NettyAcceptor acceptor) {
        this.config = config;
        this.loops = loops;
        this.admission = admission;
        this.acceptor = acceptor;
    }

    GatewayConfig config() {
        return config;
    }

    AgentRouter router() {
        return config.router();
    }

    RequestAdmission admission() {
        return admission;
    }

    /** Who takes a request for {@code path} because it is a tunnel's; null if it is not, or tunnels come in elsewhere. */
    @Nullable
    NettyAcceptor acceptorOf(String path) {
        return acceptor != null && path.equals(config.tunnelPath()) ? acceptor : null;
    }

    RequestDispatcher dispatcher() {
        return dispatcher;
    }

    boolean isDraining() {
        return isDraining;
    }

    CompletionStage<InetSocketAddress> start() {
        CompletableFuture<InetSocketAddress> started = new CompletableFuture<>();
        loops.serverBootstrap()
                // A client that ends its side while it waits has gone away; what is upgraded decides otherwise.
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, false)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        onAccepted(channel);
                    }
                })
                .bind(config.httpAddress())
                .addListener((ChannelFutureListener) bound -> onBound(bound, started));
        return started;
    }

    private void onBound(ChannelFuture bound, CompletableFuture<InetSocketAddress> started) {
        if (bound.isSuccess()) {
            listening = bound.channel();
            started.complete((InetSocketAddress) bound.channel().localAddress());
        } else {
            started.completeExceptionally(bound.cause());
        }
    }

    private void onAccepted(Channel channel) {
        if (count.incrementAndGet() > config.maxConnections()) {
            count.decrementAndGet();
            LOG.debug("connection refused client={} connections={}", channel.remoteAddress(), config.maxConnections());
            ChannelEnds.abort(channel);
            return;
        }
        TlsConfig tls = config.tls();
        if (tls != null) {
            channel.pipeline().addLast(tls.newServerHandler(channel.alloc()));
        }
        ClientConnection connection = new ClientConnection(this, channel, loops.of(channel.eventLoop()));
        connections.add(connection);
        channel.closeFuture().addListener(closed -> onClosed(connection));
        connection.begin();
        if (isDraining) {
            connection.drain();
        }
    }

    private void onClosed(ClientConnection connection) {
        count.decrementAndGet();
        connections.remove(connection);
        if (isDraining && connections.isEmpty()) {
            drained.complete(null);
        }
    }

    /** The connection is a tunnel from now on. */
    void handedOver(ClientConnection connection) {
        connections.remove(connection);
    }

    /**
     * Accepts nobody more and closes what rests; requests under way may end.
     *
     * @return completes when all clients have gone
     */
    CompletionStage<@Nullable Void> drain() {
        isDraining = true;
        Channel channel = listening;
        if (channel != null) {
            channel.close();
        }
        connections.forEach(ClientConnection::drain);
        if (connections.isEmpty()) {
            drained.complete(null);
        }
        return drained;
    }
}
