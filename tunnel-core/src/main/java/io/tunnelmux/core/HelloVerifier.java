package io.tunnelmux.core;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Hello;
import org.jspecify.annotations.Nullable;

/** Says whether an agent may have a tunnel. Called on the tunnel's loop; must not block. */
@FunctionalInterface
public interface HelloVerifier {

    /**
     * @param hello what the agent says of itself
     * @param token the token of the transport's handshake, else the one in HELLO, else null; never to be logged
     * @return null if it may, else why not
     */
    @Nullable
    Refusal verify(Hello hello, @Nullable String token);

    /**
     * Why an agent may not have a tunnel.
     *
     * @param code for instance {@link ErrorCode#UNAUTHORIZED} or {@link ErrorCode#FORBIDDEN}
     * @param reason for people, told to the agent
     */
    record Refusal(ErrorCode code, String reason) {}
}
