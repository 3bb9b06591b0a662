package io.tunnelmux.netty.gateway;

/**
 * Says whose a token is. Asked in the handshake of each tunnel, on the tunnel's loop and from several loops at once: implementations must
 * not block, must not log tokens, and should take the same time for every answer.
 *
 * @see TokenAuthenticator
 */
public interface Authenticator {

    /** Whether anybody bears this token: all that can be said before the agent has told who it is. */
    boolean knows(String token);

    /** Whether an agent with this token may call itself {@code agentId}. */
    boolean mayBe(String agentId, String token);
}
