package io.tunnelmux.examples.embedding;

import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayRequest;
import io.tunnelmux.netty.gateway.GatewayResponse;
import io.tunnelmux.netty.gateway.ProxyError;
import io.tunnelmux.netty.gateway.ProxyException;
import io.tunnelmux.protocol.Headers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DataBufferUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.server.reactive.HttpHandler;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.http.server.reactive.ServerHttpResponse;
import reactor.adapter.JdkFlowAdapter;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Sends what WebFlux receives through a gateway's tunnels; bodies flow both ways, each as fast as its taker takes them. Any thread. */
final class TunnelHttpHandler implements HttpHandler {

    private final Gateway gateway;

    TunnelHttpHandler(Gateway gateway) {
        this.gateway = gateway;
    }

    @Override
    public Mono<Void> handle(ServerHttpRequest request, ServerHttpResponse response) {
        return Mono.fromFuture(() -> gateway.exchange(toGateway(request)))
                .flatMap(answer -> write(answer, response))
                .onErrorResume(ProxyException.class, refused -> write(refused.error(), response));
    }

    private static GatewayRequest toGateway(ServerHttpRequest request) {
        String query = request.getURI().getRawQuery();
        HttpHeaders received = request.getHeaders();
        Headers.Builder headers = Headers.builder();
        received.forEach((name, values) -> values.forEach(value -> headers.add(name, value)));
        GatewayRequest.Builder sent = GatewayRequest.builder(
                        request.getMethod().name(),
                        request.getURI().getRawPath() + (query == null ? "" : '?' + query),
                        Objects.requireNonNullElse(received.getFirst(HttpHeaders.HOST), ""))
                .scheme(request.getURI().getScheme())
                .headers(headers.build());
        if (request.getRemoteAddress() != null) {
            sent.client(request.getRemoteAddress());
        }
        if (received.getContentLength() > 0 || received.containsHeader(HttpHeaders.TRANSFER_ENCODING)) {
            Flux<ByteBuffer> body = request.getBody().map(TunnelHttpHandler::toBytes);
            sent.body(JdkFlowAdapter.publisherToFlowPublisher(body));
        }
        return sent.build();
    }

    private static ByteBuffer toBytes(DataBuffer received) {
        ByteBuffer bytes = ByteBuffer.allocate(received.readableByteCount());
        received.toByteBuffer(bytes);
        DataBufferUtils.release(received);
        return bytes;
    }

    private static Mono<Void> write(GatewayResponse answer, ServerHttpResponse response) {
        response.setStatusCode(HttpStatusCode.valueOf(answer.status()));
        answer.headers().forEach(response.getHeaders()::add);
        // Each buffer is flushed, so that events and drips arrive as they come.
        return response.writeAndFlushWith(JdkFlowAdapter.flowPublisherToFlux(answer.body())
                .map(bytes -> Mono.just(response.bufferFactory().wrap(bytes))));
    }

    private static Mono<Void> write(ProxyError refused, ServerHttpResponse response) {
        response.setStatusCode(HttpStatusCode.valueOf(refused.status()));
        response.getHeaders().setContentType(MediaType.APPLICATION_JSON);
        if (refused.retryAfterSeconds() > 0) {
            response.getHeaders().add(HttpHeaders.RETRY_AFTER, Integer.toString(refused.retryAfterSeconds()));
        }
        byte[] json = refused.toJson().getBytes(StandardCharsets.UTF_8);
        return response.writeWith(Mono.just(response.bufferFactory().wrap(json)));
    }
}
