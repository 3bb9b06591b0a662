package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.Values;
import io.tunnelmux.netty.gateway.AdmissionConfig;
import io.tunnelmux.netty.gateway.RateLimit;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** The options on who is let through, who waits, and who is not. Each says what the default is; all are {@link AdmissionConfig}'s. */
final class AdmissionOptions {

    private static final String OFF = "off";

    @Option(
            names = "--max-requests",
            paramLabel = "N",
            description = "requests at once over all agents, WebSockets among them (10000)")
    private @Nullable Integer maxRequests;

    @Option(names = "--max-streams-per-agent", paramLabel = "N", description = "streams at once of an agent (8192)")
    private @Nullable Integer maxStreamsPerAgent;

    @Option(
            names = "--max-streams-per-tunnel",
            paramLabel = "N",
            description = "streams at once on a tunnel, if the agent does not allow fewer (1024)")
    private @Nullable Integer maxStreamsPerTunnel;

    @Option(names = "--max-queued", paramLabel = "N", description = "requests that wait, over all agents (4096)")
    private @Nullable Integer maxQueued;

    @Option(names = "--max-queued-per-agent", paramLabel = "N", description = "requests that wait for one agent (1024)")
    private @Nullable Integer maxQueuedPerAgent;

    @Option(
            names = "--queue-wait",
            paramLabel = "TIME",
            converter = Wait.class,
            description =
                    "how long a request may wait for one of the agent's streams to end (100ms); 'off' is not at all")
    private @Nullable Duration queueWait;

    @Option(
            names = "--reconnect-wait",
            paramLabel = "TIME",
            converter = Wait.class,
            description =
                    "how long after an agent was lost requests wait for it to come back (10s); 'off' is not at all")
    private @Nullable Duration reconnectWait;

    @Option(
            names = "--rate-limit",
            paramLabel = "N/s[:BURST]",
            converter = Rate.class,
            description = "how often an agent gets a request, as 100/s, 600/m or 100/s:200 (off)")
    private @Nullable RateOrOff agentRate;

    @Option(
            names = "--client-rate-limit",
            paramLabel = "N/s[:BURST]",
            converter = Rate.class,
            description = "how often a client address may send one (off)")
    private @Nullable RateOrOff clientRate;

    @Option(
            names = "--abort-limit",
            paramLabel = "N/s[:BURST]",
            converter = Rate.class,
            description =
                    "how often a client address may give up a request before others of it are refused (50/s:1000)")
    private @Nullable RateOrOff abortRate;

    @Option(
            names = "--max-connections-per-client",
            paramLabel = "N",
            description = "connections at once of a client address (10000)")
    private @Nullable Integer maxConnectionsPerClient;

    @Option(
            names = "--circuit-failures",
            paramLabel = "N",
            converter = CountOrOff.class,
            description =
                    "after so many failures in a row, or when half of the last 20 failed, a route to an agent rests (5); 'off' or 0 is never")
    private @Nullable Integer circuitFailures;

    @Option(
            names = "--circuit-open",
            paramLabel = "TIME",
            description = "how long it rests at first; twice as long each time up to 1m while it does not recover (5s)")
    private @Nullable Duration circuitOpen;

    /**
     * What the options say.
     *
     * @throws IllegalArgumentException if they make no sense, with a message for people
     */
    AdmissionConfig toConfig() {
        AdmissionConfig.Builder config = AdmissionConfig.builder();
        set("--max-requests", maxRequests, config::maxRequests);
        set("--max-streams-per-agent", maxStreamsPerAgent, config::maxStreamsPerAgent);
        set("--max-streams-per-tunnel", maxStreamsPerTunnel, config::maxStreamsPerTunnel);
        set("--max-queued", maxQueued, config::maxWaiting);
        set("--max-queued-per-agent", maxQueuedPerAgent, config::maxWaitingPerAgent);
        set("--queue-wait", queueWait, config::queueWait);
        set("--reconnect-wait", reconnectWait, config::reconnectWait);
        set("--rate-limit", agentRate, rate -> config.agentRate(rate.limit()));
        set("--client-rate-limit", clientRate, rate -> config.clientRate(rate.limit()));
        set("--abort-limit", abortRate, rate -> config.abortRate(rate.limit()));
        set("--max-connections-per-client", maxConnectionsPerClient, config::maxConnectionsPerClient);
        set("--circuit-failures", circuitFailures, config::circuitFailures);
        set("--circuit-open", circuitOpen, config::circuitOpen);
        return config.build();
    }

    /** Hands on a value that was given, and says of which option it was if it makes no sense. */
    static <T> void set(String option, @Nullable T value, Consumer<T> setter) {
        if (value != null) {
            try {
                setter.accept(value);
            } catch (IllegalArgumentException e) {
                String bounds = String.valueOf(e.getMessage()).replaceFirst("^\\w+: ", "");
                throw new IllegalArgumentException(option + " is out of bounds: " + bounds, e);
            }
        }
    }

    /** A rate that was given; null is that none was wanted. */
    private record RateOrOff(@Nullable RateLimit limit) {}

    // For picocli, which makes them.

    static final class Wait extends Reader<Duration> {
        Wait() {
            super(text -> text.equals(OFF) ? Duration.ZERO : Values.duration(text));
        }
    }

    static final class Rate extends Reader<RateOrOff> {
        Rate() {
            super(text -> new RateOrOff(text.equals(OFF) ? null : Rates.parse(text)));
        }
    }

    static final class CountOrOff extends Reader<Integer> {
        CountOrOff() {
            super(text -> {
                try {
                    return text.equals(OFF) ? 0 : Integer.parseInt(text);
                } catch (NumberFormatException e) {
                    throw new IllegalArgumentException("'" + text + "' is neither a number nor 'off'", e);
                }
            });
        }
    }

    private abstract static class Reader<T> implements ITypeConverter<T> {
        private final ITypeConverter<T> reader;

        Reader(Function<String, T> read) {
            reader = Values.converter(read);
        }

        @Override
        public T convert(String text) throws Exception {
            return reader.convert(text);
        }
    }
}
