import org.jspecify.annotations.NullMarked;

/** One multiplexed tunnel over any transport: streams, credit, keep-alive, drain. Knows no sockets. */
@NullMarked
module io.tunnelmux.core {
    requires transitive io.tunnelmux.protocol;
    requires org.jctools.core;
    requires org.slf4j;
    requires static transitive org.jspecify;

    exports io.tunnelmux.core;
    exports io.tunnelmux.core.transport;
}
