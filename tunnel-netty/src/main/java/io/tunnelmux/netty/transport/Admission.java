package io.tunnelmux.netty.transport;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/** Decides who may have a tunnel, before there is one. */
@FunctionalInterface
public interface Admission {
    /**
     * Called once per handshake that is right in every other way, on the loop of its connection; must not block.
     *
     * @param token the bearer token, well-formed but not checked in any way; null if there was none. Not to be logged
     * @param from whose connection it is
     * @return null to let it in, or why not
     */
    @Nullable
    HandshakeRefusal admit(@Nullable String token, SocketAddress from);
}
