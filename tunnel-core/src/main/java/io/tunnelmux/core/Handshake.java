package io.tunnelmux.core;

import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.ProtocolException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is said first: the dialler, an agent, greets, and the acceptor, a gateway, answers. Each waits for nothing else. A breach thrown from here becomes the
 * GOAWAY that ends the tunnel.
 */
interface Handshake {

    /** Whether this side dialled: it greets, and opens streams with odd ids. */
    boolean isDialler();

    /** What this side offers. */
    Set<String> capabilities();

    /** What to send first, or null to wait for the peer's greeting. */
    @Nullable
    Hello greeting();

    /**
     * The peer's HELLO has come.
     *
     * @throws ProtocolException if it is none that this side can go on with
     */
    Result onHello(Hello hello, boolean isReply);

    /**
     * What was agreed.
     *
     * @param peer what the peer said, without its token
     * @param answer what to answer, or null
     */
    record Result(
            Hello peer,
            String sessionId,
            MessageFormat messageFormat,
            @Nullable Hello answer) {}

    /** The agent's part. */
    record Dialler(Hello hello) implements Handshake {

        @Override
        public boolean isDialler() {
            return true;
        }

        @Override
        public Set<String> capabilities() {
            return hello.capabilities();
        }

        @Override
        public Hello greeting() {
            return hello;
        }

        @Override
        public Result onHello(Hello peer, boolean isReply) {
            if (!isReply || peer.role() != Hello.Role.GATEWAY) {
                throw breach("expected the answer of a gateway, this is a HELLO of a "
                        + peer.role().wireName());
            }
            String sessionId = peer.sessionId();
            if (sessionId == null) {
                throw breach("the gateway's HELLO has no session_id");
            }
            MessageFormat format = peer.messages() == null ? MessageFormat.CBOR : peer.messages();
            if (format == MessageFormat.JSON && !namesJson(hello)) {
                throw breach("the gateway chose JSON, which was not offered");
            }
            return new Result(peer, sessionId, format, null);
        }
    }

    /**
     * The gateway's part.
     *
     * @param transportToken the token that the transport's own handshake brought, or null
     */
    record Acceptor(
            Hello template,
            MessageFormat preferred,
            HelloVerifier verifier,
            @Nullable String transportToken) implements Handshake {

        private static final int SESSION_ID_BYTES = 16;
        private static final SecureRandom RANDOM = new SecureRandom();

        @Override
        public boolean isDialler() {
            return false;
        }

        @Override
        public Set<String> capabilities() {
            return template.capabilities();
        }

        @Override
        public @Nullable Hello greeting() {
            return null;
        }

        @Override
        public Result onHello(Hello peer, boolean isReply) {
            if (isReply || peer.role() != Hello.Role.AGENT) {
                throw breach("expected the greeting of an agent, this is a HELLO of a "
                        + peer.role().wireName());
            }
            String token = transportToken == null ? peer.token() : transportToken;
            HelloVerifier.Refusal refusal = verifier.verify(withoutToken(peer), token);
            if (refusal != null) {
                throw ProtocolException.tunnel(refusal.code(), refusal.reason());
            }
            MessageFormat format = preferred == MessageFormat.JSON && namesJson(template) && namesJson(peer)
                    ? MessageFormat.JSON
                    : MessageFormat.CBOR;
            byte[] random = new byte[SESSION_ID_BYTES];
            RANDOM.nextBytes(random);
            String sessionId = HexFormat.of().formatHex(random);
            Hello answer = Hello.builder()
                    .role(Hello.Role.GATEWAY)
                    .sessionId(sessionId)
                    .capabilities(template.capabilities())
                    .settings(template.settings())
                    .messages(format)
                    .metadata(template.metadata())
                    .build();
            return new Result(withoutToken(peer), sessionId, format, answer);
        }

        private static Hello withoutToken(Hello hello) {
            return Hello.builder()
                    .version(hello.version())
                    .role(hello.role())
                    .agentId(hello.agentId())
                    .instanceId(hello.instanceId())
                    .capabilities(hello.capabilities())
                    .settings(hello.settings())
                    .resume(hello.resume())
                    .metadata(hello.metadata())
                    .build();
        }
    }

    private static boolean namesJson(Hello hello) {
        return hello.capabilities().contains(Capabilities.JSON);
    }

    private static ProtocolException breach(String message) {
        return ProtocolException.tunnel(ErrorCode.PROTOCOL_ERROR, message);
    }
}
