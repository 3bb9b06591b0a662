package io.tunnelmux.opentelemetry;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.SpanKind;
import io.tunnelmux.netty.agent.AgentObserver;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;

/**
 * Makes a span of each request at an agent, from its coming through the tunnel to the end of the upstream's answer: a child of the gateway's. The upstream is
 * told of it as its parent. Give it to the agent's configuration as an observer.
 *
 * <p>Any thread.
 */
public final class AgentTracing implements AgentObserver {

    private final ExchangeSpans spans;

    /** Makes them with its tracer {@code io.tunnelmux}. */
    public AgentTracing(OpenTelemetry telemetry) {
        spans = new ExchangeSpans(telemetry, SpanKind.CLIENT);
    }

    @Override
    public ExchangeObserver onExchange(ExchangeInfo exchange) {
        return spans.begin(exchange);
    }
}
