package io.tunnelmux.examples.embedding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.GatewayRequest;
import io.tunnelmux.netty.gateway.GatewayResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.reactivestreams.FlowAdapters;
import org.springframework.http.server.reactive.ReactorHttpHandlerAdapter;
import reactor.adapter.JdkFlowAdapter;
import reactor.core.publisher.Flux;
import reactor.netty.ByteBufFlux;
import reactor.netty.DisposableServer;
import reactor.netty.http.HttpProtocol;

/** The application with an agent and an upstream, over real sockets. */
class EmbeddingTest {

    private static final String TOKEN = "an-embedding-token";

    private final HttpServer upstream;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final EmbeddingMain application = new EmbeddingMain(TOKEN, 0, 0);
    private final HttpClient client = HttpClient.newHttpClient();
    private final CountDownLatch isHeadSeen = new CountDownLatch(1);

    EmbeddingTest() throws IOException {
        upstream = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        upstream.setExecutor(threads);
        upstream.createContext("/echo", exchange -> {
            exchange.getResponseHeaders()
                    .add("X-Target", exchange.getRequestURI().toString());
            exchange.sendResponseHeaders(200, 0);
            try (InputStream in = exchange.getRequestBody();
                    var out = exchange.getResponseBody()) {
                in.transferTo(out);
            }
        });
        upstream.createContext("/head-first", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            // The JDK's server keeps a head back until something is flushed.
            exchange.getResponseBody().flush();
            try (var out = exchange.getResponseBody()) {
                assertThat(isHeadSeen.await(30, TimeUnit.SECONDS)).isTrue();
                out.write("now".getBytes(StandardCharsets.UTF_8));
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        });
        upstream.createContext("/empty", exchange -> {
            exchange.sendResponseHeaders(exchange.getRequestMethod().equals("HEAD") ? 200 : 204, -1);
            exchange.close();
        });
        upstream.start();
    }

    @AfterEach
    void close() {
        application.close();
        upstream.stop(0);
        threads.shutdownNow();
    }

    private Agent agent() throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        Agent agent = Agent.start(AgentConfig.builder()
                .gateways(List.of(URI.create("ws://127.0.0.1:" + application.tunnelPort() + "/tunnel")))
                .agentId("demo")
                .token(() -> TOKEN)
                .upstream(new Upstream("127.0.0.1", upstream.getAddress().getPort(), false))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.countDown();
                    }
                })
                .build());
        assertThat(connected.await(30, TimeUnit.SECONDS)).isTrue();
        return agent;
    }

    @Test
    void requestsGoThroughTheTunnelAndPagesAreTheApplicationsOwn() throws Exception {
        byte[] body = new byte[5_000_000];
        new Random(1).nextBytes(body);
        try (Agent agent = agent()) {
            HttpResponse<byte[]> echoed = client.send(
                    request("/echo/a%20b?c=%2F")
                            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                            .build(),
                    HttpResponse.BodyHandlers.ofByteArray());
            assertThat(echoed.statusCode()).isEqualTo(200);
            assertThat(echoed.headers().firstValue("x-target")).contains("/echo/a%20b?c=%2F");
            assertThat(echoed.body()).isEqualTo(body);
            assertThat(text("/app/agents").body()).isEqualTo("demo");
            assertThat(text("/nowhere").statusCode()).isEqualTo(404);
            assertThat(agent.connected()).isEqualTo(1);
        }
    }

    @Test
    void aResponsesHeadDoesNotWaitForItsBody() throws Exception {
        try (Agent agent = agent()) {
            HttpResponse<InputStream> begun =
                    client.send(request("/head-first").build(), HttpResponse.BodyHandlers.ofInputStream());
            assertThat(begun.statusCode()).isEqualTo(200);
            isHeadSeen.countDown();
            try (InputStream body = begun.body()) {
                assertThat(body.readAllBytes()).asString(StandardCharsets.UTF_8).isEqualTo("now");
            }
            assertThat(agent.connected()).isEqualTo(1);
        }
    }

    @Test
    void responsesWithoutBodiesStayWithout() throws Exception {
        try (Agent agent = agent()) {
            HttpResponse<String> empty = text("/empty");
            assertThat(empty.statusCode()).isEqualTo(204);
            assertThat(empty.headers().map()).doesNotContainKeys("transfer-encoding", "content-length");
            HttpRequest head = request("/empty")
                    .method("HEAD", HttpRequest.BodyPublishers.noBody())
                    .build();
            assertThat(client.send(head, HttpResponse.BodyHandlers.ofString()).statusCode())
                    .isEqualTo(200);
            assertThat(text("/empty").statusCode()).isEqualTo(204);
            assertThat(agent.connected()).isEqualTo(1);
        }
    }

    @Test
    void webSocketsAreRefused() throws Exception {
        try (Agent agent = agent()) {
            assertThatThrownBy(() -> client.newWebSocketBuilder()
                            .buildAsync(
                                    URI.create("ws://127.0.0.1:" + application.httpPort() + "/echo"),
                                    new WebSocket.Listener() {})
                            .get(30, TimeUnit.SECONDS))
                    .cause()
                    .isInstanceOfSatisfying(
                            WebSocketHandshakeException.class,
                            refused -> assertThat(refused.getResponse().statusCode())
                                    .isEqualTo(501));
            assertThat(agent.connected()).isEqualTo(1);
        }
    }

    /** The JDK's client asks for HTTP/2 by {@code Upgrade: h2c} with its first request. */
    @Test
    void aBodyOfUnknownLengthPassesBesideAnUpgradeThatNobodyServes() throws Exception {
        byte[] body = new byte[100_000];
        new Random(2).nextBytes(body);
        try (Agent agent = agent()) {
            HttpRequest upload = request("/echo")
                    .POST(HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)))
                    .build();
            assertThat(client.send(upload, HttpResponse.BodyHandlers.ofByteArray())
                            .body())
                    .isEqualTo(body);
            assertThat(agent.connected()).isEqualTo(1);
        }
    }

    @Test
    void bodiesOfHttp2NeedNotBeAnnounced() throws Exception {
        DisposableServer server = reactor.netty.http.server.HttpServer.create()
                .host("127.0.0.1")
                .protocol(HttpProtocol.H2C)
                .handle(new ReactorHttpHandlerAdapter(new TunnelHttpHandler(application.gateway())))
                .bindNow();
        try (Agent agent = agent()) {
            String echoed = reactor.netty.http.client.HttpClient.create()
                    .protocol(HttpProtocol.H2C)
                    .post()
                    .uri("http://127.0.0.1:" + server.port() + "/echo")
                    .send(ByteBufFlux.fromString(Flux.just("one", "two")))
                    .responseContent()
                    .aggregate()
                    .asString()
                    .block(Duration.ofSeconds(30));
            assertThat(echoed).isEqualTo("onetwo");
            assertThat(agent.connected()).isEqualTo(1);
        } finally {
            server.disposeNow();
        }
    }

    @Test
    void publishersOfTheJdkAndOfTheDocumentationAreBodies(@TempDir Path directory) throws Exception {
        byte[] body = new byte[200_000];
        new Random(3).nextBytes(body);
        Path file = Files.write(directory.resolve("body"), body);
        try (Agent agent = agent()) {
            for (Flow.Publisher<ByteBuffer> publisher : List.of(
                    HttpRequest.BodyPublishers.ofByteArray(body),
                    HttpRequest.BodyPublishers.ofFile(file),
                    HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)),
                    new StreamBody(new ByteArrayInputStream(body), threads))) {
                assertThat(echo(publisher)).isEqualTo(body);
            }
            assertThat(agent.connected()).isEqualTo(1);
        }
    }

    private byte[] echo(Flow.Publisher<ByteBuffer> body) throws Exception {
        GatewayResponse response = application
                .gateway()
                .exchange(GatewayRequest.builder("POST", "/echo", "any.example")
                        .body(body)
                        .build())
                .get(30, TimeUnit.SECONDS);
        HttpResponse.BodySubscriber<byte[]> taker = HttpResponse.BodySubscribers.ofByteArray();
        JdkFlowAdapter.flowPublisherToFlux(response.body()).map(List::of).subscribe(FlowAdapters.toSubscriber(taker));
        return taker.getBody().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    @Test
    void aCancelledStreamIsClosed() throws Exception {
        CountDownLatch closed = new CountDownLatch(1);
        InputStream endless = new InputStream() {
            @Override
            public int read() {
                return 'a';
            }

            @Override
            public void close() {
                closed.countDown();
            }
        };
        try (Agent agent = agent()) {
            GatewayResponse response = application
                    .gateway()
                    .exchange(GatewayRequest.builder("POST", "/echo", "any.example")
                            .body(new StreamBody(endless, threads))
                            .build())
                    .get(30, TimeUnit.SECONDS);
            JdkFlowAdapter.flowPublisherToFlux(response.body()).blockFirst(Duration.ofSeconds(30));
            assertThat(closed.await(30, TimeUnit.SECONDS)).isTrue();
            assertThat(agent.connected()).isEqualTo(1);
        }
    }

    @Test
    void theDocumentationShowsTheStreamBodyOfTheseTests() throws Exception {
        String source = Files.readString(Path.of("src/test/java/io/tunnelmux/examples/embedding/StreamBody.java"));
        assertThat(Files.readString(Path.of("../../docs/embedding.md")))
                .contains("```java\n" + source.substring(source.indexOf("/**")) + "```");
    }

    @Test
    void withoutAnAgentClientsAreToldWhy() throws Exception {
        HttpResponse<String> refused = text("/echo");
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("retry-after")).isPresent();
        assertThat(refused.body()).contains("\"code\":\"agent_offline\"", "\"agent_id\":\"demo\"");
    }

    private HttpRequest.Builder request(String target) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + application.httpPort() + target));
    }

    private HttpResponse<String> text(String target) throws Exception {
        return client.send(request(target).build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
    }
}
