package io.tunnelmux.examples.embedding;

import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayRequest;
import io.tunnelmux.netty.gateway.GatewayResponse;
import io.tunnelmux.netty.gateway.ProxyError;
import io.tunnelmux.netty.gateway.ProxyException;
import io.tunnelmux.protocol.Headers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DataBufferUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.server.reactive.HttpHandler;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.http.server.reactive.ServerHttpResponse;
import reactor.adapter.JdkFlowAdapter;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Sends what WebFlux receives through a gateway's tunnels; bodies flow both ways, each as fast as its taker takes them.
 *
 * <p>WebSockets are answered with 501, and {@code Upgrade} to anything else is left behind, so that the request goes on as a plain one: WebFlux has no
 * way to hand over a connection's bytes. Upgrades need the gateway's own HTTP server, or one that gives up its connections.
 *
 * <p>Any thread.
 */
final class TunnelHttpHandler implements HttpHandler {

    private final Gateway gateway;

    TunnelHttpHandler(Gateway gateway) {
        this.gateway = gateway;
    }

    @Override
    public Mono<Void> handle(ServerHttpRequest request, ServerHttpResponse response) {
        if ("websocket".equalsIgnoreCase(request.getHeaders().getFirst(HttpHeaders.UPGRADE))) {
            return refuseUpgrade(response);
        }
        return Mono.fromFuture(() -> gateway.exchange(toGateway(request)))
                .flatMap(answer -> write(answer, response))
                .onErrorResume(ProxyException.class, refused -> write(refused.error(), response));
    }

    private static GatewayRequest toGateway(ServerHttpRequest request) {
        String query = request.getURI().getRawQuery();
        HttpHeaders received = request.getHeaders();
        Headers.Builder headers = Headers.builder();
        received.forEach((name, values) -> {
            if (!name.equalsIgnoreCase(HttpHeaders.UPGRADE)) {
                values.forEach(value -> headers.add(name, value));
            }
        });
        GatewayRequest.Builder sent = GatewayRequest.builder(
                        request.getMethod().name(),
                        request.getURI().getRawPath() + (query == null ? "" : '?' + query),
                        Objects.requireNonNullElse(received.getFirst(HttpHeaders.HOST), ""))
                .scheme(request.getURI().getScheme())
                .headers(headers.build());
        if (request.getRemoteAddress() != null) {
            sent.client(request.getRemoteAddress());
        }
        // Of HTTP/2, too: reactor-netty puts Transfer-Encoding where a body is not announced. Other servers may not.
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
        Flux<DataBuffer> body = JdkFlowAdapter.flowPublisherToFlux(answer.body())
                .map(bytes -> response.bufferFactory().wrap(bytes));
        // The head goes out with the first buffer: so one without bytes goes before the body.
        // Both are subscribed to at once, so that whoever cancels this cancels the body, however early.
        DataBuffer head = response.bufferFactory().wrap(new byte[0]);
        Flux<DataBuffer> all = Flux.mergeSequential(List.of(Mono.just(head), body), 2, 1);
        // Each buffer is flushed, so that events and drips arrive as they come.
        return response.writeAndFlushWith(all.map(Mono::just));
    }

    private static Mono<Void> refuseUpgrade(ServerHttpResponse response) {
        response.setStatusCode(HttpStatus.NOT_IMPLEMENTED);
        response.getHeaders().setContentType(MediaType.TEXT_PLAIN);
        byte[] why = "WebSockets are not served here\n".getBytes(StandardCharsets.US_ASCII);
        return response.writeWith(Mono.just(response.bufferFactory().wrap(why)));
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
