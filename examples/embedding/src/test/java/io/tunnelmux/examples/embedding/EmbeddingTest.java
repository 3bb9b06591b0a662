package io.tunnelmux.examples.embedding;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The application with an agent and an upstream, over real sockets. */
class EmbeddingTest {

    private static final String TOKEN = "an-embedding-token";

    private final HttpServer upstream;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final EmbeddingMain application = new EmbeddingMain(TOKEN, 0, 0);
    private final HttpClient client = HttpClient.newHttpClient();

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
