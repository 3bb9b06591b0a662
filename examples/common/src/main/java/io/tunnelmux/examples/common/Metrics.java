package io.tunnelmux.examples.common;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.micrometer.AgentMetrics;
import io.tunnelmux.micrometer.GatewayMetrics;
import io.tunnelmux.micrometer.ProcessMetrics;
import io.tunnelmux.micrometer.TunnelMetrics;
import io.tunnelmux.netty.agent.AgentObserver;
import io.tunnelmux.netty.gateway.GatewayObserver;

/** The figures of a program, for Prometheus to fetch; those of the process as well, until that ends. Any thread. */
public final class Metrics {

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final ProcessMetrics process = new ProcessMetrics();

    /** Nothing is counted yet but what the process does. */
    public Metrics() {
        process.bindTo(registry);
    }

    /** The configuration, of tunnels that are counted. */
    public TunnelConfig observed(TunnelConfig.Builder tunnels) {
        MemoryBudget budget = tunnels.build().memoryBudget();
        return tunnels.observer(new TunnelMetrics(registry, budget)).build();
    }

    /** Counts what a gateway does; called once, and for a gateway's program alone. */
    public GatewayObserver gateway() {
        return new GatewayMetrics(registry);
    }

    /** Counts what an agent does; called once, and for an agent's program alone. */
    public AgentObserver agent() {
        return new AgentMetrics(registry);
    }

    /** All figures, in Prometheus' text format 0.0.4. */
    public String text() {
        return registry.scrape();
    }
}
