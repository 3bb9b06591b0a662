package io.tunnelmux.micrometer;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.tunnelmux.netty.gateway.GatewayObserver;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

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
    private final Map<String, Counter> circuits = new ConcurrentHashMap<>();

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
    public void onCircuit(Route route, boolean isOpen) {
        if (isOpen) {
            circuits.computeIfAbsent(
                            exchanges.agentLabel(route.agentId()),
                            key -> Counter.builder("tunnelmux_circuits_opened")
                                    .description(
                                            "How often requests of a route were refused from then on, as too many had failed")
                                    .tag("agent_id", key)
                                    .register(registry))
                    .increment();
        }
    }
}
