package io.tunnelmux.micrometer;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.RelayedMessage;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What is counted of requests, at a gateway and at an agent alike. Any thread. */
final class ExchangeMeters {

    static final int MAX_PATTERNS = 200;
    static final int MAX_AGENTS = 1_000;

    /** Those of the Prometheus clients, and below them what a chunk takes where nothing is slow. */
    private static final Duration[] CHUNK_BUCKETS = Stream.of(
                    100L,
                    250L,
                    500L,
                    1_000L,
                    2_500L,
                    5_000L,
                    10_000L,
                    25_000L,
                    50_000L,
                    100_000L,
                    250_000L,
                    500_000L,
                    1_000_000L,
                    2_500_000L,
                    5_000_000L,
                    10_000_000L)
            .map(micros -> Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(micros)))
            .toArray(Duration[]::new);

    private static final double[] LATENCY_BUCKETS = {
        .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120
    };

    private static final String NO_STATUS = "none";

    private final MeterRegistry registry;
    private final BoundedLabels agents = new BoundedLabels(MAX_AGENTS);
    private final PathPatterns patterns = new PathPatterns(MAX_PATTERNS);
    private final AtomicLong active = new AtomicLong();
    private final AtomicLong activeWebSockets = new AtomicLong();
    private final Map<RelayMode, Counter> modes = new EnumMap<>(RelayMode.class);
    private final Map<Direction, Counter> bytes = new EnumMap<>(Direction.class);
    private final Map<Direction, Map<RelayedMessage.Kind, Counter>> messages = new EnumMap<>(Direction.class);
    private final Timer chunkLatency;
    private final Timer webSocketDuration;
    private final Counter receivedBytes;
    private final Counter sentBytes;
    private final Map<String, DistributionSummary> latencies = new ConcurrentHashMap<>();
    private final Map<String, AtomicLong> queues = new ConcurrentHashMap<>();
    private final Timer queueWait;
    private final Map<String, Counter> outcomes = new ConcurrentHashMap<>();
    private final Map<Answered, Counter> requests = new ConcurrentHashMap<>();

    private record Answered(String agentId, String statusClass) {}

    ExchangeMeters(MeterRegistry registry) {
        this.registry = registry;
        gauge("tunnelmux_requests_active", "Requests under way, upgraded connections as well", active);
        gauge("websocket_connections_active", "WebSocket connections that are open", activeWebSockets);
        for (RelayMode mode : RelayMode.values()) {
            modes.put(
                    mode,
                    Counter.builder("websocket_mode")
                            .description("WebSocket connections so far, by how they are carried")
                            .tag("mode", mode.label())
                            .register(registry));
        }
        for (Direction direction : Direction.values()) {
            bytes.put(
                    direction,
                    Counter.builder("websocket_stream_bytes")
                            .description("Bytes of WebSocket connections, with the frames' headers")
                            .tag("direction", direction.label())
                            .register(registry));
            messages.put(direction, messages(direction));
        }
        chunkLatency = Timer.builder("websocket_stream_latency")
                .description(
                        "Time from the arrival of bytes of a WebSocket until the socket of their taker has them, of samples")
                .serviceLevelObjectives(CHUNK_BUCKETS)
                .register(registry);
        webSocketDuration = Timer.builder("websocket_connection_duration")
                .description("How long WebSocket connections were open")
                .serviceLevelObjectives(Buckets.LONG)
                .register(registry);
        queueWait = Timer.builder("agent_proxy_queue_wait")
                .description("How long requests waited that had to wait for an agent")
                .serviceLevelObjectives(
                        Duration.ofMillis(10), Duration.ofMillis(100), Duration.ofSeconds(1), Duration.ofSeconds(10))
                .register(registry);
        receivedBytes = body("received");
        sentBytes = body("sent");
    }

    private Map<RelayedMessage.Kind, Counter> messages(Direction direction) {
        Map<RelayedMessage.Kind, Counter> ofDirection = new EnumMap<>(RelayedMessage.Kind.class);
        for (RelayedMessage.Kind kind : RelayedMessage.Kind.values()) {
            ofDirection.put(
                    kind,
                    Counter.builder("websocket_messages")
                            .description(
                                    "Messages and control frames of WebSocket connections that are read on the way")
                            .tag("direction", direction.label())
                            .tag("kind", kind.label())
                            .register(registry));
        }
        return ofDirection;
    }

    private void gauge(String name, String description, AtomicLong value) {
        Gauge.builder(name, value, AtomicLong::get)
                .description(description)
                .strongReference(true)
                .register(registry);
    }

    private Counter body(String direction) {
        return Counter.builder("tunnelmux_request_bytes")
                .description(
                        "Bytes of requests' bodies (received) and of their answers' (sent), of WebSockets as well, once they are over")
                .tag("direction", direction)
                .register(registry);
    }

    /** At most {@value #MAX_AGENTS} are told apart. */
    String agentLabel(String agentId) {
        return agents.of(agentId);
    }

    /** @param ends told of each end, beside what is counted */
    ExchangeObserver begin(ExchangeInfo info, Consumer<ExchangeEnd> ends) {
        active.incrementAndGet();
        return new Observed(info, ends);
    }

    private AtomicLong queue(String agentLabel) {
        return queues.computeIfAbsent(agentLabel, label -> {
            AtomicLong depth = new AtomicLong();
            Gauge.builder("agent_proxy_queue_depth", depth, AtomicLong::get)
                    .description("Requests that wait for their turn at an agent, or for the agent to come back")
                    .tag("agent_id", label)
                    .strongReference(true)
                    .register(registry);
            return depth;
        });
    }

    private DistributionSummary latency(String pattern) {
        // Not a timer: its name would end in _seconds.
        return latencies.computeIfAbsent(
                pattern,
                key -> DistributionSummary.builder("agent_proxy_latency_by_path")
                        .description("Seconds until the head of the answer was there, by what paths have in common")
                        .tag("path_pattern", key)
                        .serviceLevelObjectives(LATENCY_BUCKETS)
                        .register(registry));
    }

    private Counter requests(Answered answered) {
        return requests.computeIfAbsent(
                answered,
                key -> Counter.builder("tunnelmux_requests")
                        .description("Requests that are over, by the class of their status")
                        .tag("agent_id", key.agentId)
                        .tag("status", key.statusClass)
                        .register(registry));
    }

    private Counter outcome(String outcome) {
        return outcomes.computeIfAbsent(
                outcome,
                key -> Counter.builder("tunnelmux_request_outcomes")
                        .description("Requests that are over, by how they ended")
                        .tag("outcome", key)
                        .register(registry));
    }

    private static String statusClass(int status) {
        return status < 100 || status > 599 ? NO_STATUS : status / 100 + "xx";
    }

    private final class Observed implements ExchangeObserver {

        private final ExchangeInfo info;
        private final Consumer<ExchangeEnd> ends;
        private @Nullable RelayMode mode;
        private long upgradedNanos;

        Observed(ExchangeInfo info, Consumer<ExchangeEnd> ends) {
            this.info = info;
            this.ends = ends;
        }

        @Override
        public void onQueued() {
            queue(agentLabel(info.agentId())).incrementAndGet();
        }

        @Override
        public void onQueueLeft(Duration waited) {
            queue(agentLabel(info.agentId())).decrementAndGet();
            queueWait.record(waited);
        }

        @Override
        public void onAnswered(int status, Duration waited) {
            latency(patterns.of(info.path(), status)).record(waited.toNanos() / 1e9);
        }

        @Override
        public void onUpgraded(RelayMode newMode) {
            if (info.isWebSocket() || newMode != RelayMode.ZERO_COPY) {
                mode = newMode;
                upgradedNanos = System.nanoTime();
                activeWebSockets.incrementAndGet();
                Objects.requireNonNull(modes.get(newMode)).increment();
            }
        }

        @Override
        public void onRelayed(Direction direction, int count) {
            if (mode != null) {
                Objects.requireNonNull(bytes.get(direction)).increment(count);
            }
        }

        @Override
        public void onMessage(RelayedMessage message) {
            Objects.requireNonNull(Objects.requireNonNull(messages.get(message.direction()))
                            .get(message.kind()))
                    .increment();
        }

        @Override
        public void onChunkTaken(Direction direction, long nanos) {
            if (mode != null) {
                chunkLatency.record(nanos, TimeUnit.NANOSECONDS);
            }
        }

        @Override
        public void onEnded(ExchangeEnd end) {
            if (mode != null) {
                webSocketDuration.record(System.nanoTime() - upgradedNanos, TimeUnit.NANOSECONDS);
            }
            requests(new Answered(agentLabel(info.agentId()), statusClass(end.status())))
                    .increment();
            outcome(end.outcome()).increment();
            receivedBytes.increment((double) end.receivedBytes());
            sentBytes.increment((double) end.sentBytes());
            ends.accept(end);
            // Who sees them at zero finds all counted.
            if (mode != null) {
                activeWebSockets.decrementAndGet();
            }
            active.decrementAndGet();
        }
    }
}
