package io.tunnelmux.examples.embedding;

import static org.springframework.web.reactive.function.server.RequestPredicates.GET;
import static org.springframework.web.reactive.function.server.RouterFunctions.route;

import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.springframework.http.server.reactive.HttpHandler;
import org.springframework.http.server.reactive.ReactorHttpHandlerAdapter;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;

/**
 * An application on Spring's WebFlux that has pages of its own under {@code /app}, and answers all else through the tunnel of an agent. The gateway has
 * no HTTP server: who may ask for what is the application's to say, before it hands a request on. WebSockets are refused: see {@link TunnelHttpHandler}.
 *
 * <pre>
 * java -cp … io.tunnelmux.examples.embedding.EmbeddingMain TOKEN [HTTP-PORT [TUNNEL-PORT]]
 * </pre>
 */
public final class EmbeddingMain implements AutoCloseable {

    private final Gateway gateway;
    private final DisposableServer server;

    /** Serves clients and agents on ports of the loopback address. */
    EmbeddingMain(String token, int httpPort, int tunnelPort) {
        gateway = Gateway.start(GatewayConfig.builder()
                        .withoutHttp()
                        .tunnelAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), tunnelPort))
                        .authenticator(TokenAuthenticator.of(token))
                        .router(AgentRouter.toAgent("demo"))
                        .build())
                .toCompletableFuture()
                .join();
        HttpHandler pages = RouterFunctions.toHttpHandler(
                route(GET("/app/agents"), request -> ServerResponse.ok().bodyValue(agents())));
        HttpHandler tunnel = new TunnelHttpHandler(gateway);
        server = HttpServer.create()
                .host("127.0.0.1")
                .port(httpPort)
                .handle(new ReactorHttpHandlerAdapter((request, response) ->
                        (request.getPath().value().startsWith("/app/") ? pages : tunnel).handle(request, response)))
                .bindNow();
    }

    private String agents() {
        return String.join(
                "\n", gateway.agents().stream().map(agent -> agent.id()).toList());
    }

    int httpPort() {
        return server.port();
    }

    Gateway gateway() {
        return gateway;
    }

    int tunnelPort() {
        return gateway.tunnelAddress().getPort();
    }

    @Override
    public void close() {
        server.disposeNow(Duration.ofSeconds(5));
        gateway.close(Duration.ofSeconds(5)).toCompletableFuture().join();
    }

    /** Serves until it is killed. */
    public static void main(String[] args) {
        EmbeddingMain running = new EmbeddingMain(
                args[0],
                args.length > 1 ? Integer.parseInt(args[1]) : 8080,
                args.length > 2 ? Integer.parseInt(args[2]) : 8081);
        System.out.println("ready http=127.0.0.1:" + running.httpPort() + " tunnel=127.0.0.1:" + running.tunnelPort());
        running.server.onDispose().block();
    }
}
