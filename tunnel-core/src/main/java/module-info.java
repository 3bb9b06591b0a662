import org.jspecify.annotations.NullMarked;

/** One multiplexed tunnel over any transport: streams, credit, keep-alive, drain. Knows no sockets. */
@NullMarked
@SuppressWarnings("module") // The one that sees the package below is compiled after this one.
module io.tunnelmux.core {
    requires transitive io.tunnelmux.protocol;
    requires org.jctools.core;
    requires org.slf4j;
    requires static transitive org.jspecify;

    exports io.tunnelmux.core;
    exports io.tunnelmux.core.log to
            io.tunnelmux.netty;
    exports io.tunnelmux.core.transport;
}
