/**
 * Figures of tunnels, gateways and agents for Micrometer: {@link TunnelMetrics}, {@link GatewayMetrics}, {@link AgentMetrics}. Every set of labels is bounded.
 */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.micrometer;
