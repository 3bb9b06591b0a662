/** Spans of requests for OpenTelemetry: {@link GatewayTracing} and {@link AgentTracing}. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.opentelemetry;
