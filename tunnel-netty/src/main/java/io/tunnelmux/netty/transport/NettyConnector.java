package io.tunnelmux.netty.transport;

import io.netty.bootstrap.Bootstrap;
import io.tunnelmux.core.transport.Connector;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.protocol.ErrorCode;
import java.io.IOException;
import java.net.URI;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Dials gateways at {@code ws://} and {@code wss://}, and at {@code tcp://} and {@code tls://}, where frames follow each other without HTTP and the token
 * travels in HELLO, which is not the connector's to send. All its transports live on one loop.
 *
 * <p>The path of a WebSocket is {@code /tunnel} where the URI has none. A host with several addresses is tried at each of them. Redirects are not
 * followed. Over {@code ws} what is sent is masked by random keys; over {@code wss}, where it is encrypted anyway, by the key 0, which
 * costs nothing.
 *
 * <p>Any thread may call.
 */
public final class NettyConnector implements Connector {
    /** For one attempt: look-up, connection, TLS and handshake together. */
    public static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);

    private static final String DEFAULT_USER_AGENT = "tunnelmux";
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9\\-._~+/]+=*");

    private final NettyLoop loop;
    private final TlsConfig tls;
    private final Duration connectTimeout;
    private final String userAgent;
    private final RandomGenerator random = new SecureRandom();

    private NettyConnector(Builder builder, TlsConfig tls) {
        loop = builder.loop;
        connectTimeout = builder.connectTimeout;
        userAgent = builder.userAgent;
        this.tls = tls;
    }

    /**
     * A connector.
     *
     * @param loop owns all transports that it makes
     */
    public static Builder builder(NettyLoop loop) {
        return new Builder(loop);
    }

    /**
     * Does nothing for a URI that {@link #connect} can dial, as far as can be told without dialling.
     *
     * @throws IllegalArgumentException with a message for people, which does not repeat what may be a secret
     */
    public static void requireDialable(URI gateway) {
        try {
            DialTarget.of(gateway);
        } catch (TunnelException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    @Override
    public NettyLoop loop() {
        return loop;
    }

    /**
     * {@inheritDoc}
     *
     * <p>A URI that cannot be dialled at all fails the stage with {@link ErrorCode#UNSUPPORTED}, and so does one that bears a token. Both
     * kinds of {@code Retry-After} are understood, seconds and date, and cut at a day.
     */
    @Override
    public CompletionStage<Transport> connect(URI gateway, @Nullable String token) {
        DialAttempt attempt;
        try {
            if (token != null && !TOKEN.matcher(token).matches()) {
                throw new TunnelException(ErrorCode.UNAUTHORIZED, "the token is no bearer token", null, null);
            }
            attempt = new DialAttempt(this, DialTarget.of(gateway), token);
        } catch (TunnelException e) {
            CompletableFuture<Transport> failed = new CompletableFuture<>();
            loop.execute(() -> failed.completeExceptionally(e));
            return failed;
        }
        loop.execute(attempt::begin);
        return attempt.result();
    }

    Bootstrap bootstrap() {
        return loop.loops().bootstrap(loop);
    }

    TlsConfig tls() {
        return tls;
    }

    Duration connectTimeout() {
        return connectTimeout;
    }

    String userAgent() {
        return userAgent;
    }

    RandomGenerator random() {
        return random;
    }

    /** Collects what a connector is made of. */
    public static final class Builder {
        private final NettyLoop loop;
        private @Nullable TlsConfig tls;
        private Duration connectTimeout = DEFAULT_CONNECT_TIMEOUT;
        private String userAgent = DEFAULT_USER_AGENT;

        private Builder(NettyLoop loop) {
            this.loop = loop;
        }

        /** For {@code wss} and {@code tls}; null, the default, trusts whom the platform trusts. */
        public Builder tls(@Nullable TlsConfig newTls) {
            tls = newTls;
            return this;
        }

        /**
         * For one attempt, whatever it hangs in.
         *
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder connectTimeout(Duration timeout) {
            if (timeout.isNegative() || timeout.isZero()) {
                throw new IllegalArgumentException("connectTimeout: " + timeout);
            }
            connectTimeout = timeout;
            return this;
        }

        /** What it calls itself towards the gateway. */
        public Builder userAgent(String newUserAgent) {
            userAgent = newUserAgent;
            return this;
        }

        /**
         * Makes it; it does nothing yet.
         *
         * @throws IOException if no TLS was given and the platform's trust store cannot be read
         */
        public NettyConnector build() throws IOException {
            return new NettyConnector(this, tls == null ? TlsConfig.client() : tls);
        }
    }
}
