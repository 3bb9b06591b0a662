package io.tunnelmux.netty.gateway;

import io.tunnelmux.protocol.Headers;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/**
 * The answer to a {@link GatewayRequest}. Its body must be subscribed to, be it to cancel: until then it holds what has come, and the
 * agent's upstream waits; if nothing of it is taken in time, it breaks off.
 * Any thread.
 */
public final class GatewayResponse {

    private final int status;
    private final Headers headers;
    private final Flow.Publisher<ByteBuffer> body;
    private final CompletionStage<Headers> trailers;

    GatewayResponse(int status, Headers headers, Flow.Publisher<ByteBuffer> body, CompletionStage<Headers> trailers) {
        this.status = status;
        this.headers = headers;
        this.body = body;
        this.trailers = trailers;
    }

    /** 101 after an upgrade, else 200 to 599. */
    public int status() {
        return status;
    }

    /** All but those of one connection only. {@code Content-Length} is there if it is known. */
    public Headers headers() {
        return headers;
    }

    /**
     * The body; after an upgrade, the bytes of the new protocol. For one subscriber, who owns each buffer and is called on an event loop, so that it must not block. What it does
     * not ask for is not read from the upstream. {@code onComplete} means that the body is whole; one that breaks off ends with {@code onError}.
     * Cancelling cancels the request, up to the upstream.
     */
    public Flow.Publisher<ByteBuffer> body() {
        return body;
    }

    /** Completes with the body, mostly empty; fails if the body breaks off. On an event loop. */
    public CompletionStage<Headers> trailers() {
        return trailers;
    }
}
