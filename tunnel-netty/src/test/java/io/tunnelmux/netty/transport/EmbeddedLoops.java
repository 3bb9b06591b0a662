package io.tunnelmux.netty.transport;

import io.netty.channel.embedded.EmbeddedChannel;

/** Loops of channels without sockets, turned by the test's own thread. */
public final class EmbeddedLoops {

    private EmbeddedLoops() {}

    public static NettyLoop of(EmbeddedChannel channel) {
        return new NettyLoop(null, channel.eventLoop());
    }
}
