package io.tunnelmux.netty.agent;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ConnectTimeoutException;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.transport.NettyLoop;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Opens connections on one loop. One time limit covers the name's look-up, the connection and the TLS handshake. All addresses of a name are tried in turn.
 */
final class Dialer {

    /** Told once how a dial went, on the loop; not at all after {@link Dial#cancel()}. */
    interface Listener {
        /** TLS included, where {@link Dial} has been given a handler for it. Nothing has been read yet. */
        void onConnected(Channel channel);

        /** @param cause what went wrong, a {@link SocketTimeoutException} if time ran out; its message says so for people */
        void onUnreachable(IOException cause);
    }

    private final NettyLoop loop;
    private final Bootstrap bootstrap;
    private final AddressLookup lookup;

    /** @param bootstrap knows the loop and the kind of channel */
    Dialer(NettyLoop loop, Bootstrap bootstrap, AddressLookup lookup) {
        this.loop = loop;
        this.bootstrap = bootstrap;
        this.lookup = lookup;
    }

    /**
     * An attempt that has not begun yet.
     *
     * @param what is dialled, for people
     * @param prepare given each channel before it connects; may add a handler for TLS
     */
    Dial newDial(Object what, int port, long timeoutNanos, Consumer<Channel> prepare, Listener listener) {
        assert loop.inLoop();
        return new Dial(what, port, timeoutNanos, prepare, listener);
    }

    /** An attempt, with all that belongs to it. On the loop. */
    final class Dial implements AddressLookup.Listener {
        private final Object what;
        private final int port;
        private final Consumer<Channel> prepare;
        private final Listener listener;
        private final long timeoutNanos;
        private final long deadlineNanos;
        private final List<InetAddress> addressesLeft = new ArrayList<>();
        private final Bootstrap connector = bootstrap.clone();

        private @Nullable IOException lastFailure;
        private @Nullable Channel channel;
        private TunnelLoop.@Nullable Timer timer;
        private boolean isOver;

        private Dial(Object what, int port, long timeoutNanos, Consumer<Channel> prepare, Listener listener) {
            this.what = what;
            this.port = port;
            this.prepare = prepare;
            this.listener = listener;
            this.timeoutNanos = timeoutNanos;
            deadlineNanos = loop.nanoTime() + timeoutNanos;
            timer = loop.schedule(this::timeOut, timeoutNanos);
        }

        /** Connects with this option as well; before the dial begins. */
        <T> Dial with(ChannelOption<T> option, T value) {
            connector.option(option, value);
            return this;
        }

        /** Begins; see {@link AddressLookup#find}. */
        Dial begin(String host) {
            lookup.find(host, this);
            return this;
        }

        /** Gives up; the listener hears nothing more. */
        void cancel() {
            end();
            if (channel != null) {
                channel.close();
            }
        }

        @Override
        public void onFound(List<InetAddress> addresses) {
            addressesLeft.addAll(addresses);
            connectNext();
        }

        @Override
        public void onNotFound(IOException cause) {
            fail(cause);
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
            ChannelFuture connecting = connector
                    .clone()
                    // For the last one there is the timer of the whole, and no need for another, which its channel
                    // would keep.
                    .option(
                            ChannelOption.CONNECT_TIMEOUT_MILLIS,
                            addressesLeft.isEmpty() ? 0 : (int) Math.min(shareMillis, Integer.MAX_VALUE))
                    .handler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel channel) {
                            prepare.accept(channel);
                        }
                    })
                    .connect(new InetSocketAddress(address, port));
            channel = connecting.channel();
            connecting.addListener((ChannelFuture connected) -> onConnected(connected));
        }

        private void onConnected(ChannelFuture connected) {
            if (isOver) {
                connected.channel().close();
            } else if (connected.isSuccess()) {
                SslHandler tls = connected.channel().pipeline().get(SslHandler.class);
                if (tls == null) {
                    succeed();
                } else {
                    tls.handshakeFuture().addListener(this::onHandshakeDone);
                }
            } else if (connected.cause() instanceof ConnectTimeoutException) {
                lastFailure = outOfTime();
                connectNext();
            } else {
                lastFailure = named("cannot connect to " + what, connected.cause());
                connectNext();
            }
        }

        private void onHandshakeDone(Future<? super Channel> handshake) {
            if (isOver) {
                return;
            }
            if (handshake.isSuccess()) {
                succeed();
            } else {
                fail(named("no TLS with " + what, handshake.cause()));
            }
        }

        private void succeed() {
            end();
            listener.onConnected(Objects.requireNonNull(channel));
        }

        private void timeOut() {
            timer = null;
            fail(outOfTime());
        }

        private IOException outOfTime() {
            return new SocketTimeoutException(
                    "no connection to " + what + " within " + TimeUnit.NANOSECONDS.toMillis(timeoutNanos) + " ms");
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
