package io.tunnelmux.netty.gateway;

import io.tunnelmux.protocol.Headers;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A request that an application brings to {@link Gateway#exchange} itself, in place of a client of the gateway's own HTTP server. Immutable but for
 * its body; any thread.
 */
public final class GatewayRequest {

    private final String method;
    private final String target;
    private final String authority;
    private final String scheme;
    private final Headers headers;
    private final Flow.@Nullable Publisher<ByteBuffer> body;
    private final @Nullable InetSocketAddress client;
    private final BiConsumer<Integer, Headers> onInformational;

    private GatewayRequest(Builder builder) {
        method = builder.method;
        target = builder.target;
        authority = builder.authority;
        scheme = builder.scheme;
        headers = builder.headers;
        body = builder.body;
        client = builder.client;
        onInformational = builder.onInformational;
    }

    /**
     * A request without a body.
     *
     * @param method such as {@code GET}
     * @param target path and query as they came, undecoded: {@code /a%20b?c}
     * @param authority what {@code Host} says; the gateway's routes go by it
     */
    public static Builder builder(String method, String target, String authority) {
        return new Builder(method, target, authority);
    }

    String method() {
        return method;
    }

    String target() {
        return target;
    }

    String authority() {
        return authority;
    }

    String scheme() {
        return scheme;
    }

    Headers headers() {
        return headers;
    }

    Flow.@Nullable Publisher<ByteBuffer> body() {
        return body;
    }

    @Nullable
    InetSocketAddress client() {
        return client;
    }

    BiConsumer<Integer, Headers> onInformational() {
        return onInformational;
    }

    /** For one thread. */
    public static final class Builder {
        private final String method;
        private final String target;
        private final String authority;
        private String scheme = "http";
        private Headers headers = Headers.EMPTY;
        private Flow.@Nullable Publisher<ByteBuffer> body;
        private @Nullable InetSocketAddress client;
        private BiConsumer<Integer, Headers> onInformational = (status, headers) -> {};

        private Builder(String method, String target, String authority) {
            this.method = Objects.requireNonNull(method);
            this.target = Objects.requireNonNull(target);
            this.authority = Objects.requireNonNull(authority);
        }

        /** What the client spoke, for {@code X-Forwarded-Proto}: {@code http} unless told otherwise. */
        public Builder scheme(String newScheme) {
            scheme = Objects.requireNonNull(newScheme);
            return this;
        }

        /**
         * All fields but {@code Host}. Those of one connection only are left behind, as for every request; {@code Upgrade} and {@code Connection: Upgrade}
         * ask for another protocol where the route allows it.
         */
        public Builder headers(Headers newHeaders) {
            headers = Objects.requireNonNull(newHeaders);
            return this;
        }

        /**
         * The body; of an upgrade, the bytes for the new protocol. Subscribed to once at most, when there is a tunnel for it (of an upgrade, once the
         * protocol is switched), asked for one buffer at a time as the agent takes them, and cancelled when nobody wants the rest. A buffer is copied
         * before {@code onNext} returns. Its length is announced where {@code Content-Length} is among the fields, and must be that. Beside {@code Upgrade}, a
         * body is the request's own only with {@code Content-Length} or {@code Transfer-Encoding}.
         *
         * <p>A publisher that publishes whether or not somebody listens, such as a {@link java.util.concurrent.SubmissionPublisher}, loses what comes before
         * the subscription. It is asked on an event loop, and must not block there: publishers of {@code java.net.http.HttpRequest.BodyPublishers} will do
         * where their source does not.
         */
        public Builder body(Flow.Publisher<ByteBuffer> newBody) {
            body = Objects.requireNonNull(newBody);
            return this;
        }

        /** Who the client is, for {@code X-Forwarded-For}, limits and logs; unknown unless told. */
        public Builder client(InetSocketAddress newClient) {
            client = Objects.requireNonNull(newClient);
            return this;
        }

        /** Hears of responses that are followed by another, such as 103. On an event loop; must not block. */
        public Builder onInformational(BiConsumer<Integer, Headers> listener) {
            onInformational = Objects.requireNonNull(listener);
            return this;
        }

        /** The request. */
        public GatewayRequest build() {
            return new GatewayRequest(this);
        }
    }
}
