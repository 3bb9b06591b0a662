package io.tunnelmux.netty.agent;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.relay.RequestEncoder;
import io.tunnelmux.netty.relay.SmallWrites;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Opens connections to upstreams on one loop. One time limit covers the name's look-up, the connection and the TLS handshake. A name is looked up once for each
 * connection, and what was found is what is dialled: all addresses in turn, without those that are barred, see {@link BarredAddresses}. An address that an upstream
 * has in place of a name is dialled whatever it is: it stands in the configuration.
 */
final class UpstreamDialer {

    /** Told once how a dial went, on the loop; not at all after {@link Dial#cancel()}. */
    interface Listener {
        void onConnected(UpstreamConnection connection);

        /** @param cause what went wrong; its message says so for people */
        void onUnreachable(IOException cause);
    }

    /** Finds the addresses of a name; may block. */
    @FunctionalInterface
    interface Names {
        InetAddress[] find(String name) throws UnknownHostException;
    }

    private final NettyLoop loop;
    private final Bootstrap bootstrap;
    private final Names names;
    private final Executor lookups;
    private final TlsConfig tls;
    private final long timeoutNanos;

    /**
     * @param bootstrap knows the loop and the kind of channel
     * @param lookups where names are looked up; may reject
     * @param tls for upstreams that have none of their own
     */
    UpstreamDialer(
            NettyLoop loop, Bootstrap bootstrap, Names names, Executor lookups, TlsConfig tls, Duration timeout) {
        this.loop = loop;
        this.bootstrap = bootstrap;
        this.names = names;
        this.lookups = lookups;
        this.tls = tls;
        this.timeoutNanos = timeout.toNanos();
    }

    /**
     * Begins to connect.
     *
     * @param isHalfClosable whether the upstream may end its direction and still receive
     */
    Dial dial(Upstream upstream, boolean isHalfClosable, Listener listener) {
        assert loop.inLoop();
        Dial dial = new Dial(upstream, isHalfClosable, listener);
        dial.start();
        return dial;
    }

    /** An attempt, with all that belongs to it. On the loop. */
    final class Dial {
        private final Upstream upstream;
        private final boolean isHalfClosable;
        private final Listener listener;
        private final long deadlineNanos;
        private final List<InetAddress> addressesLeft = new ArrayList<>();

        private @Nullable IOException lastFailure;
        private @Nullable Channel channel;
        private TunnelLoop.@Nullable Timer timer;
        private boolean isOver;

        private Dial(Upstream upstream, boolean isHalfClosable, Listener listener) {
            this.upstream = upstream;
            this.isHalfClosable = isHalfClosable;
            this.listener = listener;
            deadlineNanos = loop.nanoTime() + timeoutNanos;
        }

        /** Gives up; the listener hears nothing more. */
        void cancel() {
            end();
            if (channel != null) {
                channel.close();
            }
        }

        private void start() {
            timer = loop.schedule(this::timeOut, timeoutNanos);
            InetAddress literal = NetUtil.createInetAddressFromIpAddressString(upstream.host());
            if (literal != null) {
                // Not within dial(): the caller has not got this object yet.
                addressesLeft.add(literal);
                loop.execute(this::connectNext);
                return;
            }
            try {
                lookups.execute(this::lookUp);
            } catch (RejectedExecutionException e) {
                loop.execute(() -> fail(new IOException("too many names are being looked up", e)));
            }
        }

        private void lookUp() {
            try {
                InetAddress[] found = names.find(upstream.host());
                loop.execute(() -> connectTo(found));
            } catch (UnknownHostException e) {
                loop.execute(() -> fail(named("no address is known for " + upstream.host(), e)));
            }
        }

        private void connectTo(InetAddress[] found) {
            for (InetAddress address : found) {
                if (BarredAddresses.contain(address)) {
                    lastFailure = new ConnectException("address " + address.getHostAddress() + " is barred");
                } else {
                    addressesLeft.add(address);
                }
            }
            connectNext();
        }

        private void connectNext() {
            if (isOver) {
                return;
            }
            if (addressesLeft.isEmpty()) {
                fail(lastFailure != null ? lastFailure : new ConnectException("no address to connect to"));
                return;
            }
            long leftNanos = Math.max(1, deadlineNanos - loop.nanoTime());
            long shareMillis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(leftNanos / addressesLeft.size()));
            InetAddress address = addressesLeft.remove(0);
            ChannelFuture connecting = bootstrap
                    .clone()
                    .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) Math.min(shareMillis, Integer.MAX_VALUE))
                    .option(ChannelOption.ALLOW_HALF_CLOSURE, isHalfClosable)
                    .option(ChannelOption.AUTO_CLOSE, false)
                    .handler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel channel) {
                            prepare(channel);
                        }
                    })
                    .connect(new InetSocketAddress(address, upstream.port()));
            channel = connecting.channel();
            connecting.addListener((ChannelFuture connected) -> onConnected(connected));
        }

        private void prepare(Channel channel) {
            if (upstream.isTls()) {
                TlsConfig own = upstream.tls();
                SslHandler handler =
                        (own == null ? tls : own).newClientHandler(channel.alloc(), upstream.host(), upstream.port());
                channel.pipeline().addLast(handler);
            }
            SmallWrites.addTo(channel.pipeline());
            ResponseDecoder decoder = new ResponseDecoder();
            channel.pipeline()
                    .addLast(decoder, new RequestEncoder(), new UpstreamConnection(upstream, channel, decoder));
        }

        private void onConnected(ChannelFuture connected) {
            if (isOver) {
                connected.channel().close();
            } else if (!connected.isSuccess()) {
                lastFailure = named("cannot connect to " + upstream, connected.cause());
                connectNext();
            } else if (upstream.isTls()) {
                connected
                        .channel()
                        .pipeline()
                        .get(SslHandler.class)
                        .handshakeFuture()
                        .addListener(this::onHandshakeDone);
            } else {
                succeed();
            }
        }

        private void onHandshakeDone(Future<? super Channel> handshake) {
            if (isOver) {
                return;
            }
            if (handshake.isSuccess()) {
                succeed();
            } else {
                fail(named("no TLS with " + upstream, handshake.cause()));
            }
        }

        private void succeed() {
            end();
            Channel connected = Objects.requireNonNull(channel);
            listener.onConnected(connected.pipeline().get(UpstreamConnection.class));
        }

        private void timeOut() {
            timer = null;
            fail(new ConnectException(
                    "no connection to " + upstream + " within " + TimeUnit.NANOSECONDS.toMillis(timeoutNanos) + " ms"));
        }

        private void fail(IOException cause) {
            if (!isOver) {
                cancel();
                listener.onUnreachable(cause);
            }
        }

        private void end() {
            isOver = true;
            if (timer != null) {
                timer.cancel();
                timer = null;
            }
        }
    }

    private static IOException named(String what, Throwable cause) {
        String message = cause.getMessage();
        return new IOException(what + ": " + (message == null ? cause.getClass().getSimpleName() : message), cause);
    }
}
