package io.tunnelmux.netty.agent;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslHandler;
import io.tunnelmux.netty.relay.RequestEncoder;
import io.tunnelmux.netty.relay.SmallWrites;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.net.ProtocolException;
import java.time.Duration;

/** Opens connections to upstreams for HTTP on one loop, as {@link Dialer} does, and finds out which HTTP is spoken there. */
final class UpstreamDialer {

    /** Told once how a dial went, on the loop; not at all after it was cancelled. */
    interface Listener {
        void onConnected(UpstreamConnection connection);

        /** HTTP/2 is spoken. How many streams may be opened the connection knows later, see {@link Http2Upstream#onReady}. */
        void onConnected(Http2Upstream connection);

        /** @param cause what went wrong; its message says so for people */
        void onUnreachable(IOException cause);
    }

    private final NettyLoop loop;
    private final Dialer dialer;
    private final TlsConfig tls;
    private final long timeoutNanos;

    /** @param tls for upstreams that have none of their own */
    UpstreamDialer(NettyLoop loop, Dialer dialer, TlsConfig tls, Duration timeout) {
        this.loop = loop;
        this.dialer = dialer;
        this.tls = tls;
        this.timeoutNanos = timeout.toNanos();
    }

    /**
     * Begins to connect.
     *
     * @param isForUpgrade whether HTTP/1.1 is to be spoken and nothing else, and the upstream may end its direction and still receive
     */
    Dialer.Dial dial(Upstream upstream, boolean isForUpgrade, Listener listener) {
        boolean mayBeHttp2 = upstream.mayBeHttp2() && !isForUpgrade;
        Dialer.Listener adapter = new Dialer.Listener() {
            @Override
            public void onConnected(Channel channel) {
                if (mayBeHttp2) {
                    speak(upstream, channel, listener);
                } else {
                    listener.onConnected(channel.pipeline().get(UpstreamConnection.class));
                }
            }

            @Override
            public void onUnreachable(IOException cause) {
                listener.onUnreachable(cause);
            }
        };
        return dialer.newDial(
                        upstream,
                        upstream.port(),
                        timeoutNanos,
                        channel -> prepare(upstream, channel, mayBeHttp2),
                        adapter)
                .with(ChannelOption.ALLOW_HALF_CLOSURE, isForUpgrade)
                .with(ChannelOption.AUTO_CLOSE, false)
                .begin(upstream.host());
    }

    private void prepare(Upstream upstream, Channel channel, boolean mayBeHttp2) {
        if (upstream.isTls()) {
            TlsConfig own = upstream.tls();
            TlsConfig config = own == null ? tls : own;
            channel.pipeline()
                    .addLast(
                            mayBeHttp2
                                    ? config.newHttpClientHandler(channel.alloc(), upstream.host(), upstream.port())
                                    : config.newClientHandler(channel.alloc(), upstream.host(), upstream.port()));
        }
        if (mayBeHttp2) {
            channel.pipeline().addLast(new Undecided());
        } else {
            addHttp1(upstream, channel);
        }
    }

    /** Where nothing speaks HTTP yet: what fails fails the dial, which tells of it. */
    private static final class Undecided extends ChannelInboundHandlerAdapter {
        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            NettyLoop.tellIfOutOfMemory(cause);
        }
    }

    private void speak(Upstream upstream, Channel channel, Listener listener) {
        channel.pipeline().remove(Undecided.class);
        SslHandler secured = channel.pipeline().get(SslHandler.class);
        boolean isAgreed = secured == null || ApplicationProtocolNames.HTTP_2.equals(secured.applicationProtocol());
        if (isAgreed) {
            Http2Upstream connection = new Http2Upstream(upstream, channel, loop);
            connection.begin();
            listener.onConnected(connection);
        } else if (upstream.isHttp2()) {
            channel.close();
            listener.onUnreachable(new ProtocolException(upstream + " does not speak HTTP/2"));
        } else {
            listener.onConnected(addHttp1(upstream, channel));
        }
    }

    private static UpstreamConnection addHttp1(Upstream upstream, Channel channel) {
        SmallWrites.addTo(channel.pipeline());
        ResponseDecoder decoder = new ResponseDecoder();
        UpstreamConnection connection = new UpstreamConnection(upstream, channel, decoder);
        channel.pipeline().addLast(decoder, new RequestEncoder(), connection);
        return connection;
    }
}
