package io.tunnelmux.opentelemetry;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.TraceContext;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A span for each request, with the names that OpenTelemetry's conventions for HTTP give to what is known of it. */
final class ExchangeSpans {

    private static final int FIRST_ERROR = 500;

    private final Tracer tracer;
    private final SpanKind kind;

    ExchangeSpans(OpenTelemetry telemetry, SpanKind kind) {
        tracer = telemetry.getTracer("io.tunnelmux");
        this.kind = kind;
    }

    ExchangeObserver begin(ExchangeInfo info) {
        // Named by the method alone: paths are too many.
        SpanBuilder builder = tracer.spanBuilder(info.method())
                .setSpanKind(kind)
                .setAttribute("http.request.method", info.method())
                .setAttribute("url.path", info.path())
                .setAttribute("server.address", info.host())
                .setAttribute(kind == SpanKind.SERVER ? "client.address" : "tunnelmux.upstream", info.peer())
                .setAttribute("tunnelmux.agent_id", info.agentId());
        if (info.isTraceBegun()) {
            builder.setNoParent();
        } else {
            builder.setParent(Context.root().with(Span.wrap(parent(info.trace()))));
        }
        return new Observed(builder.startSpan());
    }

    private static SpanContext parent(TraceContext trace) {
        return SpanContext.createFromRemoteParent(
                trace.traceId(),
                trace.parentId(),
                trace.isSampled() ? TraceFlags.getSampled() : TraceFlags.getDefault(),
                TraceState.getDefault());
    }

    private record Observed(Span span) implements ExchangeObserver {

        /** Null where no telemetry is set up and nobody sent a trace. */
        @Override
        public @Nullable TraceContext trace() {
            SpanContext context = span.getSpanContext();
            return context.isValid()
                    ? new TraceContext(context.getTraceId(), context.getSpanId(), context.isSampled())
                    : null;
        }

        @Override
        public void onAnswered(int status, Duration waited) {
            span.setAttribute("http.response.status_code", status);
            span.addEvent("answered");
        }

        @Override
        public void onUpgraded(RelayMode mode) {
            span.setAttribute("tunnelmux.mode", mode.label());
        }

        @Override
        public void onEnded(ExchangeEnd end) {
            span.setAttribute("tunnelmux.outcome", end.outcome())
                    .setAttribute("http.request.body.size", end.receivedBytes())
                    .setAttribute("http.response.body.size", end.sentBytes());
            if (end.status() >= FIRST_ERROR || !end.outcome().equals(ExchangeEnd.COMPLETE)) {
                span.setAttribute("error.type", errorType(end));
                span.setStatus(StatusCode.ERROR);
            }
            span.end();
        }

        private static String errorType(ExchangeEnd end) {
            return end.outcome().equals(ExchangeEnd.COMPLETE) ? Integer.toString(end.status()) : end.outcome();
        }
    }
}
