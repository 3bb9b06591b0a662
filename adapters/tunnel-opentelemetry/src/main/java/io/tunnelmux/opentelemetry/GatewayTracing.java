package io.tunnelmux.opentelemetry;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.SpanKind;
import io.tunnelmux.netty.gateway.GatewayObserver;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;

/**
 * Makes a span of each request at a gateway, from its head to the end of its answer: a child of the client's, if that sends {@code traceparent}, else the root
 * of a trace. The agent and the upstream are told of it as their parent. Give it to the gateway's configuration as an observer.
 *
 * <p>Any thread.
 */
public final class GatewayTracing implements GatewayObserver {

    private final ExchangeSpans spans;

    /** Makes them with its tracer {@code io.tunnelmux}. */
    public GatewayTracing(OpenTelemetry telemetry) {
        spans = new ExchangeSpans(telemetry, SpanKind.SERVER);
    }

    @Override
    public ExchangeObserver onExchange(ExchangeInfo exchange) {
        return spans.begin(exchange);
    }
}
