package io.tunnelmux.micrometer;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.tunnelmux.netty.agent.AgentObserver;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.protocol.ErrorCode;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Counts what an agent does, in a registry: give it to the agent's configuration as an observer. One for each agent and registry, and none beside a {@link
 * GatewayMetrics}, whose figures have the same names.
 *
 * <p>Any thread.
 */
public final class AgentMetrics implements AgentObserver {

    private static final Set<ErrorCode> UPSTREAM_ERRORS = EnumSet.of(
            ErrorCode.UPSTREAM_UNREACHABLE, ErrorCode.UPSTREAM_RESET, ErrorCode.UPSTREAM_INVALID, ErrorCode.TIMEOUT);

    private final ExchangeMeters exchanges;
    private final Map<String, Counter> upstreamErrors = new HashMap<>();

    /** Counts in {@code registry}. */
    public AgentMetrics(MeterRegistry registry) {
        exchanges = new ExchangeMeters(registry);
        for (ErrorCode code : UPSTREAM_ERRORS) {
            upstreamErrors.put(
                    code.wireName(),
                    Counter.builder("tunnelmux_upstream_errors")
                            .description("Requests that failed because of their upstream")
                            .tag("code", code.wireName())
                            .register(registry));
        }
    }

    @Override
    public ExchangeObserver onExchange(ExchangeInfo exchange) {
        return exchanges.begin(exchange, this::onEnded);
    }

    private void onEnded(ExchangeEnd end) {
        Counter errors = upstreamErrors.get(end.outcome());
        if (errors != null) {
            errors.increment();
        }
    }
}
