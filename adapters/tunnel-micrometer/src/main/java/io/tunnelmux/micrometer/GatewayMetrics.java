package io.tunnelmux.micrometer;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.tunnelmux.netty.gateway.GatewayObserver;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts what a gateway does, in a registry: give it to the gateway's configuration as an observer. One for each gateway and registry, and none beside an {@link
 * AgentMetrics}, whose figures have the same names.
 *
 * <p>Any thread.
 */
public final class GatewayMetrics implements GatewayObserver {

    private static final int MAX_CAUSES = 100;

    private final MeterRegistry registry;
    private final ExchangeMeters exchanges;
    private final BoundedLabels causes = new BoundedLabels(MAX_CAUSES);
    private final Map<String, Counter> refusals = new ConcurrentHashMap<>();
    /** By agents' ids as they are: those that share a label have a sum of their own there. */
    private final Map<String, Waiting> waiting = new ConcurrentHashMap<>();

    /** Of the agents that share a label. */
    private static final class Waiting {
        private final AtomicLong sum = new AtomicLong();
        private final Map<String, Long> byAgent = new ConcurrentHashMap<>();
    }

    /** Counts in {@code registry}. */
    public GatewayMetrics(MeterRegistry registry) {
        this.registry = registry;
        exchanges = new ExchangeMeters(registry);
    }

    @Override
    public ExchangeObserver onExchange(ExchangeInfo exchange) {
        return exchanges.begin(exchange, end -> {});
    }

    @Override
    public void onRefused(String cause) {
        refusals.computeIfAbsent(
                        causes.of(cause),
                        key -> Counter.builder("tunnelmux_refused")
                                .description("Requests, connections and tunnels that were turned away")
                                .tag("cause", key)
                                .register(registry))
                .increment();
    }

    @Override
    public void onWaiting(String agentId, int now) {
        Waiting queue = waiting.computeIfAbsent(exchanges.agentLabel(agentId), this::waiting);
        queue.byAgent.compute(agentId, (id, before) -> {
            queue.sum.addAndGet(now - (before == null ? 0 : before));
            return now == 0 ? null : (long) now;
        });
    }

    private Waiting waiting(String agentLabel) {
        Waiting queue = new Waiting();
        Gauge.builder("agent_proxy_queue_depth", queue.sum, AtomicLong::get)
                .description("Requests that wait for a tunnel of an agent")
                .tag("agent_id", agentLabel)
                .strongReference(true)
                .register(registry);
        return queue;
    }
}
