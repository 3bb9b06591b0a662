package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoops;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Where clients come in: listens, counts the connections, and knows what all of them need. Any thread. */
final class HttpFront {

    private final GatewayConfig config;
    private final NettyLoops loops;
    private final RequestAdmission admission;
    private final Recorder recorder;
    /** Takes the tunnels that come in here, where the port is shared. */
    private final @Nullable NettyAcceptor acceptor;

    private final RequestDispatcher dispatcher = new RequestDispatcher(this);

    private final Map<Channel, FrontConnection> connections = new ConcurrentHashMap<>();
    private final AtomicInteger count = new AtomicInteger();
    private final AddressCount perClient;
    private final CompletableFuture<@Nullable Void> drained = new CompletableFuture<>();
    private volatile RequestRouter router;
    private volatile boolean isDraining;
    private volatile @Nullable Channel listening;

    HttpFront(
            GatewayConfig config,
            NettyLoops loops,
            RequestAdmission admission,
            Recorder recorder,
            @Nullable NettyAcceptor acceptor) {
        this.config = config;
        this.loops = loops;
        this.admission = admission;
        this.recorder = recorder;
        this.acceptor = acceptor;
        router = config.router();
        perClient = new AddressCount(config.admission().maxConnectionsPerClient());
    }

    GatewayConfig config() {
        return config;
    }

    RequestRouter router() {
        return router;
    }

    void router(RequestRouter newRouter) {
        router = newRouter;
    }

    RequestAdmission admission() {
        return admission;
    }

    Recorder recorder() {
        return recorder;
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

    CompletionStage<InetSocketAddress> start(InetSocketAddress address) {
        CompletableFuture<InetSocketAddress> started = new CompletableFuture<>();
        loops.serverBootstrap(config.readBufferBytes(), config.writeBufferBytes())
                // A client that ends its side while it waits has gone away; what is upgraded decides otherwise.
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, false)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        onAccepted(channel);
                    }
                })
                .bind(address)
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
        InetAddress counted = counted(channel);
        boolean isOneTooMany = count.incrementAndGet() > config.maxConnections();
        if (isOneTooMany || !perClient.enter(counted)) {
            count.decrementAndGet();
            recorder.onRefused(
                    Recorder.TOO_MANY_CONNECTIONS,
                    channel.remoteAddress(),
                    isOneTooMany
                            ? config.maxConnections() + " connections"
                            : config.admission().maxConnectionsPerClient() + " connections of this address");
            ChannelEnds.abort(channel);
            return;
        }
        ProtocolChoice choice = new ProtocolChoice(this, channel, loops.of(channel.eventLoop()));
        serve(channel, choice);
        channel.closeFuture().addListener(closed -> onClosed(channel, counted));
        choice.begin();
    }

    /** Whose connections are counted together; null for a proxy that brings those of others. */
    private @Nullable InetAddress counted(Channel channel) {
        InetAddress address = channel.remoteAddress() instanceof InetSocketAddress inet ? inet.getAddress() : null;
        return address == null || config.trustedProxies().contains(address) ? null : address;
    }

    /** From here on {@code connection} is what serves {@code channel}. */
    void serve(Channel channel, FrontConnection connection) {
        connections.put(channel, connection);
        if (isDraining) {
            connection.drain();
        }
    }

    /** Whether nothing else has taken the connection over. */
    boolean isServedBy(Channel channel, FrontConnection connection) {
        return connections.get(channel) == connection;
    }

    private void onClosed(Channel channel, @Nullable InetAddress counted) {
        perClient.leave(counted);
        count.decrementAndGet();
        connections.remove(channel);
        if (isDraining && connections.isEmpty()) {
            drained.complete(null);
        }
    }

    /** The connection is no HTTP from now on, and ends by itself. Lets go of what served it. */
    void upgraded(Channel channel) {
        connections.replace(channel, () -> {});
    }

    /** The connection is a tunnel from now on. */
    void handedOver(Channel channel) {
        connections.remove(channel);
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
        connections.values().forEach(FrontConnection::drain);
        if (connections.isEmpty()) {
            drained.complete(null);
        }
        return drained;
    }
}
