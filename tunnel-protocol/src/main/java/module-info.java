import org.jspecify.annotations.NullMarked;

/** What is said over a tunnel (frames and messages), and how it is written. Knows no sockets and no streams at work. */
@NullMarked
module io.tunnelmux.protocol {
    exports io.tunnelmux.protocol;
    exports io.tunnelmux.protocol.codec;

    requires com.fasterxml.jackson.databind;
    requires com.fasterxml.jackson.dataformat.cbor;
    requires static transitive org.jspecify;
}
