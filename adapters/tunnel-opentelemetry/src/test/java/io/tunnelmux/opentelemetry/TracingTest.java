package io.tunnelmux.opentelemetry;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.TraceContext;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TracingTest {

    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String PARENT = "00f067aa0ba902b7";
    private static final String TOKEN = "a-token-that-nobody-sees";
    private static final long PATIENCE_SECONDS = 60;

    private final InMemorySpanExporter exported = InMemorySpanExporter.create();
    private final OpenTelemetry telemetry = OpenTelemetrySdk.builder()
            .setTracerProvider(SdkTracerProvider.builder()
                    .addSpanProcessor(SimpleSpanProcessor.create(exported))
                    .build())
            .build();

    private static ExchangeInfo request(boolean isTraceBegun) {
        TraceContext trace = new TraceContext(TRACE, PARENT, true);
        return new ExchangeInfo("GET", "app", "/a", "demo", "127.0.0.1:1", null, trace, isTraceBegun);
    }

    private SpanData only() {
        assertThat(exported.getFinishedSpanItems()).hasSize(1);
        return exported.getFinishedSpanItems().get(0);
    }

    @Test
    void aRequestIsASpanBelowTheClients() {
        ExchangeObserver exchange = new GatewayTracing(telemetry).onExchange(request(false));
        TraceContext told = exchange.trace();
        exchange.onAnswered(200, Duration.ofMillis(1));
        exchange.onEnded(new ExchangeEnd(200, ExchangeEnd.COMPLETE, 1, 2, Duration.ofMillis(2)));

        SpanData span = only();
        assertThat(span.getName()).isEqualTo("GET");
        assertThat(span.getKind()).isEqualTo(SpanKind.SERVER);
        assertThat(span.getTraceId()).isEqualTo(TRACE);
        assertThat(span.getParentSpanId()).isEqualTo(PARENT);
        assertThat(told).isEqualTo(new TraceContext(TRACE, span.getSpanId(), true));
        assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
        assertThat(span.getAttributes().get(AttributeKey.stringKey("url.path"))).isEqualTo("/a");
        assertThat(span.getAttributes().get(AttributeKey.longKey("http.response.status_code")))
                .isEqualTo(200);
        assertThat(span.getAttributes().get(AttributeKey.stringKey("tunnelmux.outcome")))
                .isEqualTo("complete");
    }

    @Test
    void whereNobodySentATraceTheSpanIsItsRoot() {
        ExchangeObserver exchange = new GatewayTracing(telemetry).onExchange(request(true));
        exchange.onEnded(new ExchangeEnd(0, ExchangeEnd.CLIENT_GONE, 0, 0, Duration.ofMillis(2)));

        SpanData span = only();
        assertThat(span.getParentSpanContext().isValid()).isFalse();
        assertThat(span.getTraceId())
                .isNotEqualTo(TRACE)
                .isEqualTo(exchange.trace().traceId());
        assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(span.getAttributes().get(AttributeKey.stringKey("error.type")))
                .isEqualTo("client_gone");
    }

    @Test
    void withoutTelemetryNothingIsSaidAndATraceGoesOn() {
        GatewayTracing tracing = new GatewayTracing(OpenTelemetry.noop());

        assertThat(tracing.onExchange(request(true)).trace()).isNull();
        assertThat(tracing.onExchange(request(false)).trace()).isEqualTo(new TraceContext(TRACE, PARENT, true));
    }

    @Test
    void gatewayAgentAndUpstreamAreOneTrace() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        HttpServer upstream = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        upstream.createContext("/", exchange -> {
            seen.complete(exchange.getRequestHeaders().getFirst("traceparent"));
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        upstream.start();
        Gateway gateway = Gateway.start(GatewayConfig.builder()
                        .authenticator(TokenAuthenticator.of(TOKEN))
                        .router(AgentRouter.toAgent("demo"))
                        .observer(new GatewayTracing(telemetry))
                        .build())
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        CountDownLatch connected = new CountDownLatch(1);
        Agent agent = Agent.start(AgentConfig.builder()
                .agentId("demo")
                .token(() -> TOKEN)
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                .upstream(new Upstream("127.0.0.1", upstream.getAddress().getPort(), false))
                .observer(new AgentTracing(telemetry))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.countDown();
                    }
                })
                .build());
        assertThat(connected.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();

        HttpResponse<Void> response = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                                        + gateway.httpAddress().getPort() + "/a?b"))
                                .header("traceparent", "00-" + TRACE + "-" + PARENT + "-01")
                                .build(),
                        HttpResponse.BodyHandlers.discarding());
        agent.close(Duration.ofSeconds(PATIENCE_SECONDS));
        gateway.close(Duration.ZERO).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        upstream.stop(0);

        assertThat(response.statusCode()).isEqualTo(204);
        List<SpanData> spans = exported.getFinishedSpanItems();
        SpanData atGateway = spans.stream()
                .filter(span -> span.getKind() == SpanKind.SERVER)
                .findFirst()
                .orElseThrow();
        SpanData atAgent = spans.stream()
                .filter(span -> span.getKind() == SpanKind.CLIENT)
                .findFirst()
                .orElseThrow();
        assertThat(spans).hasSize(2).allMatch(span -> span.getTraceId().equals(TRACE));
        assertThat(atGateway.getParentSpanId()).isEqualTo(PARENT);
        assertThat(atAgent.getParentSpanId()).isEqualTo(atGateway.getSpanId());
        assertThat(seen.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .isEqualTo("00-" + TRACE + "-" + atAgent.getSpanId() + "-01");
    }
}
