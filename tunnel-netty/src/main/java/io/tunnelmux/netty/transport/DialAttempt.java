package io.tunnelmux.netty.transport;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * One attempt to get a tunnel: looks up the host, tries its addresses in turn until one connects, and does the handshake there. Ends in
 * time whatever hangs. One loop.
 */
final class DialAttempt implements ClientHandshake.Outcome {
    private static final int MAX_LINE_BYTES = 4 * 1_024;
    private static final int MAX_HEADER_BYTES = 16 * 1_024;
    /** An address that does not answer leaves this much of the time to the others. */
    private static final int SHARES = 2;

    private final NettyConnector connector;
    private final DialTarget target;
    private final @Nullable String token;
    private final CompletableFuture<Transport> result = new CompletableFuture<>();
    private final Queue<InetAddress> addresses = new ArrayDeque<>();
    private @Nullable Channel channel;
    private TunnelLoop.@Nullable Timer deadline;

    DialAttempt(NettyConnector connector, DialTarget target, @Nullable String token) {
        this.connector = connector;
        this.target = target;
        this.token = token;
    }

    CompletableFuture<Transport> result() {
        return result;
    }

    void begin() {
        NettyLoop loop = connector.loop();
        Duration timeout = connector.connectTimeout();
        deadline = loop.schedule(
                () -> fail(lost("no tunnel within " + timeout.toMillis() + " ms", null)), timeout.toNanos());
        HostResolver.resolve(target.host()).whenCompleteAsync((found, failure) -> onResolved(found, failure), loop);
    }

    private void onResolved(@Nullable List<InetAddress> found, @Nullable Throwable failure) {
        if (found != null) {
            addresses.addAll(found);
            connectNext(null);
        } else {
            Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
            fail(lost("no address of " + target.host(), cause));
        }
    }

    private void connectNext(@Nullable Throwable lastFailure) {
        if (result.isDone()) {
            return;
        }
        InetAddress address = addresses.poll();
        if (address == null) {
            String why = lastFailure == null ? "" : ": " + lastFailure.getMessage();
            fail(lost("no connection to " + target.authority() + why, lastFailure));
            return;
        }
        int connectMillis =
                (int) Math.min(Integer.MAX_VALUE, connector.connectTimeout().toMillis());
        Bootstrap bootstrap = connector
                .bootstrap()
                .option(ChannelOption.ALLOW_HALF_CLOSURE, false)
                .option(
                        ChannelOption.CONNECT_TIMEOUT_MILLIS,
                        addresses.isEmpty() ? connectMillis : connectMillis / SHARES)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel newChannel) {
                        init(newChannel);
                    }
                });
        ChannelFuture connected = bootstrap.connect(new InetSocketAddress(address, target.port()));
        channel = connected.channel();
        connected.addListener(future -> {
            if (!future.isSuccess()) {
                connectNext(future.cause());
            }
        });
    }

    private void init(Channel newChannel) {
        if (!target.isSecure()) {
            newChannel.config().setRecvByteBufAllocator(new TunnelReads());
        }
        if (!target.isWebSocket()) {
            if (target.isSecure()) {
                newChannel
                        .pipeline()
                        .addLast(connector
                                .tls()
                                .newTunnelClientHandler(newChannel.alloc(), target.host(), target.port()));
            }
            newChannel.pipeline().addLast(new FramesHandshake(connector.loop(), target, this));
            return;
        }
        if (target.isSecure()) {
            newChannel
                    .pipeline()
                    .addLast(connector.tls().newClientHandler(newChannel.alloc(), target.host(), target.port()));
        }
        HttpDecoderConfig limits =
                new HttpDecoderConfig().setMaxInitialLineLength(MAX_LINE_BYTES).setMaxHeaderSize(MAX_HEADER_BYTES);
        newChannel
                .pipeline()
                .addLast(new HttpClientCodec(limits, false, false))
                .addLast(new ClientHandshake(
                        connector.loop(), target, token, connector.userAgent(), connector.random(), this));
    }

    @Override
    public void onTunnel(NettyTransport transport) {
        if (result.isDone()) {
            transport.close(ErrorCode.CANCELLED, "");
            return;
        }
        cancelDeadline();
        result.complete(transport);
    }

    @Override
    public void onFailure(TunnelException failure) {
        fail(failure);
    }

    private void fail(TunnelException failure) {
        cancelDeadline();
        addresses.clear();
        result.completeExceptionally(failure);
        if (channel != null) {
            channel.close();
        }
    }

    private void cancelDeadline() {
        if (deadline != null) {
            deadline.cancel();
        }
    }

    private static TunnelException lost(String message, @Nullable Throwable cause) {
        return new TunnelException(ErrorCode.TRANSPORT_LOST, message, null, cause);
    }
}
