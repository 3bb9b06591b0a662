package io.tunnelmux.netty.agent;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.tunnelmux.netty.relay.RequestEncoder;
import io.tunnelmux.netty.relay.SmallWrites;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.time.Duration;

/**
 * Opens connections to upstreams for HTTP on one loop, as {@link Dialer} does.
 */
final class UpstreamDialer {

    /** Told once how a dial went, on the loop; not at all after it was cancelled. */
    interface Listener {
        void onConnected(UpstreamConnection connection);

        /** @param cause what went wrong; its message says so for people */
        void onUnreachable(IOException cause);
    }

    private final Dialer dialer;
    private final TlsConfig tls;
    private final long timeoutNanos;

    /** @param tls for upstreams that have none of their own */
    UpstreamDialer(Dialer dialer, TlsConfig tls, Duration timeout) {
        this.dialer = dialer;
        this.tls = tls;
        this.timeoutNanos = timeout.toNanos();
    }

    /**
     * Begins to connect.
     *
     * @param isHalfClosable whether the upstream may end its direction and still receive
     */
    Dialer.Dial dial(Upstream upstream, boolean isHalfClosable, Listener listener) {
        Dialer.Listener adapter = new Dialer.Listener() {
            @Override
            public void onConnected(Channel channel) {
                listener.onConnected(channel.pipeline().get(UpstreamConnection.class));
            }

            @Override
            public void onUnreachable(IOException cause) {
                listener.onUnreachable(cause);
            }
        };
        return dialer.newDial(upstream, upstream.port(), timeoutNanos, channel -> prepare(upstream, channel), adapter)
                .with(ChannelOption.ALLOW_HALF_CLOSURE, isHalfClosable)
                .with(ChannelOption.AUTO_CLOSE, false)
                .begin(upstream.host());
    }

    private void prepare(Upstream upstream, Channel channel) {
        if (upstream.isTls()) {
            TlsConfig own = upstream.tls();
            channel.pipeline()
                    .addLast((own == null ? tls : own)
                            .newClientHandler(channel.alloc(), upstream.host(), upstream.port()));
        }
        SmallWrites.addTo(channel.pipeline());
        ResponseDecoder decoder = new ResponseDecoder();
        channel.pipeline().addLast(decoder, new RequestEncoder(), new UpstreamConnection(upstream, channel, decoder));
    }
}
