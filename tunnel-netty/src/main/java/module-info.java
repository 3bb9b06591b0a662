import org.jspecify.annotations.NullMarked;

/** Tunnels over real sockets, and the two ends that use them: a gateway for clients and an agent before the upstreams. */
@NullMarked
@SuppressWarnings("requires-automatic") // Bucket4j's jar says its name itself, so that it does not hang on the file's.
module io.tunnelmux.netty {
    requires transitive io.tunnelmux.core;
    requires transitive io.netty.buffer;
    requires transitive io.netty.codec;
    requires transitive io.netty.codec.http;
    requires io.netty.codec.http2;
    requires transitive io.netty.common;
    requires transitive io.netty.handler;
    requires transitive io.netty.transport;
    requires com.github.benmanes.caffeine;
    requires io.github.bucket4j.core;
    requires org.slf4j;
    requires static io.netty.transport.classes.epoll;
    requires static io.netty.transport.classes.io_uring;
    requires static io.netty.transport.unix.common;
    requires static transitive org.jspecify;

    exports io.tunnelmux.netty.agent;
    exports io.tunnelmux.netty.gateway;
    exports io.tunnelmux.netty.observe;
    exports io.tunnelmux.netty.relay;
    exports io.tunnelmux.netty.transport;
}
