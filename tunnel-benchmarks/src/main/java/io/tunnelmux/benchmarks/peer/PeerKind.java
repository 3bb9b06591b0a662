package io.tunnelmux.benchmarks.peer;

import io.tunnelmux.protocol.MessageFormat;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** By what means a pair carries its streams. */
enum PeerKind {
    RSOCKET,
    GRPC,
    JSON,
    CBOR;

    /**
     * Reads the name that {@link PeerRelay} takes.
     *
     * @throws IllegalArgumentException if there is none of that name
     */
    static PeerKind of(String name) {
        for (PeerKind kind : values()) {
            if (kind.toString().equals(name)) {
                return kind;
            }
        }
        String names = Arrays.stream(values()).map(PeerKind::toString).collect(Collectors.joining(", "));
        throw new IllegalArgumentException("KIND is one of " + names + ", not '" + name + "'");
    }

    /** Listens for tunnels on a free port of the loopback interface, and connects to {@code upstream} for each stream. */
    Peer back(InetSocketAddress upstream) throws IOException {
        return switch (this) {
            case RSOCKET -> RSocketPeer.back(upstream);
            case GRPC -> GrpcPeer.back(upstream);
            case JSON -> EnvelopePeer.back(MessageFormat.JSON, upstream);
            case CBOR -> EnvelopePeer.back(MessageFormat.CBOR, upstream);
        };
    }

    /** Connects to a back once, and listens for clients on a free port of the loopback interface. */
    Peer front(InetSocketAddress tunnel) throws IOException {
        return switch (this) {
            case RSOCKET -> RSocketPeer.front(tunnel);
            case GRPC -> GrpcPeer.front(tunnel);
            case JSON -> EnvelopePeer.front(MessageFormat.JSON, tunnel);
            case CBOR -> EnvelopePeer.front(MessageFormat.CBOR, tunnel);
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
