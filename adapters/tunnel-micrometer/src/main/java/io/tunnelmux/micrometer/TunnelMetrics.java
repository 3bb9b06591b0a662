package io.tunnelmux.micrometer;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamEnd;
import io.tunnelmux.core.StreamReport.Wait;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelObserver;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.ErrorCode;
import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToDoubleFunction;

/**
 * Counts what happens in tunnels, in a registry: give it to the {@link io.tunnelmux.core.TunnelConfig} of a gateway or an agent as an observer. One for each of
 * them and registry.
 *
 * <p>Any thread.
 */
public final class TunnelMetrics implements TunnelObserver {

    private static final String APPLICATION = "application";
    private static final String NONE = "none";

    private final MeterRegistry registry;
    private final BoundedLabels agents = new BoundedLabels(ExchangeMeters.MAX_AGENTS);
    private final Map<String, AtomicLong> tunnels = new ConcurrentHashMap<>();
    private final Map<String, Counter> counters = new ConcurrentHashMap<>();
    private final AtomicLong streams = new AtomicLong();
    private final Map<Wait, Stalls> stalls = new EnumMap<>(Wait.class);
    private final Map<TunnelClient.State, AtomicLong> clients = new EnumMap<>(TunnelClient.State.class);
    private final Timer tunnelDuration;
    private final Timer streamDuration;
    private final Counter tunnelsOpened;
    private final Counter needlessFrames;
    private final Counter sentBytes;
    private final Counter receivedBytes;
    private final Counter attempts;
    private final Counter reconnects;

    /** Of one reason. */
    private static final class Stalls {
        private final Counter count;
        private final Timer durations;
        /** Since when each of them waits. */
        private final Map<TunnelStream, Long> sinceNanos = new ConcurrentHashMap<>();

        Stalls(Counter count, Timer durations) {
            this.count = count;
            this.durations = durations;
        }

        double longestSeconds() {
            long now = System.nanoTime();
            long longest = 0;
            for (long since : sinceNanos.values()) {
                longest = Math.max(longest, now - since);
            }
            return longest / 1e9;
        }
    }

    /**
     * Counts in {@code registry}.
     *
     * @param budget of the tunnels that it is told of: {@link io.tunnelmux.core.TunnelConfig#memoryBudget()}
     */
    public TunnelMetrics(MeterRegistry registry, MemoryBudget budget) {
        this.registry = registry;
        gauge("tunnelmux_streams_active", "Streams that are open", streams, AtomicLong::get);
        tunnelDuration = Timer.builder("tunnelmux_tunnel_duration")
                .description("How long tunnels stood")
                .serviceLevelObjectives(Buckets.LONG)
                .register(registry);
        streamDuration = Timer.builder("tunnelmux_stream_duration")
                .description("How long streams were open")
                .serviceLevelObjectives(
                        Duration.ofMillis(10),
                        Duration.ofMillis(100),
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(10),
                        Duration.ofMinutes(1),
                        Duration.ofMinutes(10),
                        Duration.ofHours(1),
                        Duration.ofDays(1))
                .register(registry);
        tunnelsOpened = counter("tunnelmux_tunnels_opened", "Tunnels so far");
        needlessFrames = counter("tunnelmux_frames_needless", "Frames of no use to anybody");
        sentBytes = counter("tunnelmux_stream_bytes", "Bytes of streams that have ended", "direction", "sent");
        receivedBytes = counter("tunnelmux_stream_bytes", "Bytes of streams that have ended", "direction", "received");
        attempts = counter("tunnelmux_connect_attempts", "Attempts to connect to a gateway");
        reconnects = counter("tunnelmux_reconnects", "Tunnels that took the place of an earlier one");
        EnumSet.complementOf(EnumSet.of(Wait.NOTHING)).forEach(this::stalls);
        for (TunnelClient.State state : TunnelClient.State.values()) {
            if (state != TunnelClient.State.IDLE && state != TunnelClient.State.CLOSED) {
                AtomicLong count = new AtomicLong();
                clients.put(state, count);
                gauge(
                        "tunnelmux_connections",
                        "Connections to gateways by what they do now",
                        count,
                        AtomicLong::get,
                        "state",
                        state.name().toLowerCase(Locale.ROOT));
            }
        }
        memory(budget);
    }

    private void stalls(Wait reason) {
        String label = reason.name().toLowerCase(Locale.ROOT);
        Stalls of = new Stalls(
                counter(
                        "tunnelmux_stalls",
                        "Streams that had something to move and did not for a second",
                        "reason",
                        label),
                Timer.builder("tunnelmux_stall_duration")
                        .description("How long streams stalled that do no more")
                        .tag("reason", label)
                        .serviceLevelObjectives(
                                Duration.ofSeconds(2),
                                Duration.ofSeconds(5),
                                Duration.ofSeconds(15),
                                Duration.ofMinutes(1),
                                Duration.ofMinutes(5),
                                Duration.ofHours(1))
                        .register(registry));
        stalls.put(reason, of);
        gauge(
                "tunnelmux_stalled_streams",
                "Streams that are stalled now",
                of,
                each -> each.sinceNanos.size(),
                "reason",
                label);
        gauge(
                "tunnelmux_stall_longest_seconds",
                "How long the longest stalled stream is stalled now",
                of,
                Stalls::longestSeconds,
                "reason",
                label);
    }

    private void memory(MemoryBudget budget) {
        gauge("tunnelmux_buffer_bytes", "Bytes that all tunnels hold", budget, MemoryBudget::usedBytes);
        gauge("tunnelmux_buffer_limit_bytes", "What all tunnels may hold", budget, MemoryBudget::limitBytes);
        gauge(
                "tunnelmux_buffer_promised_bytes",
                "What peers may send beyond the first windows of streams",
                budget,
                MemoryBudget::promisedBytes);
        FunctionCounter.builder("tunnelmux_streams_shed", budget, MemoryBudget::endedStreams)
                .description("Streams that were ended because too much was held")
                .register(registry);
    }

    private Counter counter(String name, String description, String... tags) {
        return Counter.builder(name).description(description).tags(tags).register(registry);
    }

    private <T> void gauge(String name, String description, T of, ToDoubleFunction<T> value, String... tags) {
        Gauge.builder(name, of, value)
                .description(description)
                .tags(tags)
                .strongReference(true)
                .register(registry);
    }

    /** A counter with one label whose values are known to be few. */
    private void count(String name, String description, Tags tags) {
        counters.computeIfAbsent(
                        name + tags,
                        key -> Counter.builder(name)
                                .description(description)
                                .tags(tags)
                                .register(registry))
                .increment();
    }

    private static String label(int code) {
        ErrorCode known = ErrorCode.of(code);
        return known == null ? APPLICATION : known.wireName();
    }

    private static String side(boolean isLocal) {
        return isLocal ? "local" : "remote";
    }

    private AtomicLong tunnels(Tunnel tunnel) {
        String agentId = tunnel.peer().agentId();
        return tunnels.computeIfAbsent(agentId == null ? NONE : agents.of(agentId), label -> {
            AtomicLong count = new AtomicLong();
            gauge("tunnelmux_tunnels_active", "Tunnels that stand", count, AtomicLong::get, "agent_id", label);
            return count;
        });
    }

    @Override
    public void onTunnelOpened(Tunnel tunnel) {
        tunnels(tunnel).incrementAndGet();
        tunnelsOpened.increment();
    }

    @Override
    public void onTunnelClosed(Tunnel tunnel, Outcome outcome, Duration stood) {
        tunnelDuration.record(stood);
        count("tunnelmux_tunnels_closed", "Tunnels that have ended", Tags.of("outcome", label(outcome.code())));
        tunnels(tunnel).decrementAndGet();
    }

    @Override
    public void onHandshakeFailed(Tunnel tunnel, Outcome outcome) {
        count(
                "tunnelmux_handshakes_failed",
                "Connections that did not become tunnels",
                Tags.of("cause", label(outcome.code())));
    }

    @Override
    public void onStreamOpened(TunnelStream stream, boolean isLocal) {
        streams.incrementAndGet();
        count("tunnelmux_streams_opened", "Streams so far", Tags.of("opened_by", side(isLocal)));
    }

    @Override
    public void onStreamClosed(TunnelStream stream, StreamEnd end) {
        streamDuration.record(end.lived());
        sentBytes.increment((double) end.sentBytes());
        receivedBytes.increment((double) end.receivedBytes());
        count(
                "tunnelmux_streams_closed",
                "Streams that have ended",
                Tags.of("outcome", label(end.outcome().code())));
        streams.decrementAndGet();
    }

    @Override
    public void onStreamRefused(Tunnel tunnel, boolean isLocal, ErrorCode code) {
        count(
                "tunnelmux_streams_refused",
                "Streams that could not begin",
                Tags.of("opened_by", side(isLocal), "cause", code.wireName()));
    }

    @Override
    public void onStallBegan(TunnelStream stream, Wait reason, Duration waited) {
        Stalls of = stalls.get(reason);
        if (of != null) {
            of.count.increment();
            of.sinceNanos.put(stream, System.nanoTime() - waited.toNanos());
        }
    }

    @Override
    public void onStallEnded(TunnelStream stream, Wait reason, Duration lasted) {
        Stalls of = stalls.get(reason);
        if (of != null) {
            of.sinceNanos.remove(stream);
            of.durations.record(lasted.toNanos(), TimeUnit.NANOSECONDS);
        }
    }

    @Override
    public void onNeedlessFrame(Tunnel tunnel) {
        needlessFrames.increment();
    }

    @Override
    public void onClientState(TunnelClient client, TunnelClient.State before, TunnelClient.State state) {
        AtomicLong left = clients.get(before);
        if (left != null) {
            left.decrementAndGet();
        }
        AtomicLong entered = clients.get(state);
        if (entered != null) {
            entered.incrementAndGet();
        }
        if (state == TunnelClient.State.CONNECTING) {
            attempts.increment();
        } else if (state == TunnelClient.State.CONNECTED && client.connects() > 1) {
            reconnects.increment();
        }
    }
}
