package io.tunnelmux.core.transport;

import org.jspecify.annotations.Nullable;

/** Takes the transports that an acceptor has made. {@link io.tunnelmux.core.TunnelServer} is one. */
public interface AcceptHandler {

    /**
     * A peer has connected. Called once per transport, on its loop; whoever handles it starts the transport or closes it.
     *
     * @param token the bearer token that came with the transport's own handshake and was found good there; null where the transport has no
     *     such handshake, and the token comes in HELLO
     */
    void onAccepted(Transport transport, @Nullable String token);
}
