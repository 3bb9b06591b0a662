package io.tunnelmux.netty.gateway;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts the requests that were not let in, and tells of them: one line a second and cause at most. Any thread. */
@SuppressWarnings("EnumOrdinal") // An index of an array that goes nowhere.
final class Refusals {

    /** Why. */
    enum Cause {
        /** The gateway has as many requests as it may. */
        GATEWAY_FULL,
        /** The route has as many requests as it may. */
        ROUTE_FULL,
        /** The agent has, and its queue is full or was waited in long enough. */
        AGENT_FULL,
        CLIENT_RATE,
        /** The client has given up too many requests. */
        CLIENT_ABORTS,
        ROUTE_RATE,
        AGENT_RATE,
        CIRCUIT_OPEN,
        AGENT_RECONNECTING,
        AGENT_OFFLINE;

        private final String label = name().toLowerCase(Locale.ROOT);
    }

    private static final Logger LOG = LoggerFactory.getLogger(RequestAdmission.class);
    private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final LongSupplier nanoTime;
    private final Consumer<String> told;
    /** By the causes' ordinals. */
    private final Count[] counts = new Count[Cause.values().length];

    /** @param told of each cause, in lower case */
    Refusals(LongSupplier nanoTime, Consumer<String> told) {
        this.nanoTime = nanoTime;
        this.told = told;
        Arrays.setAll(counts, cause -> new Count(nanoTime.getAsLong()));
    }

    private static final class Count {
        private final LongAdder all = new LongAdder();
        private final AtomicLong nextLineNanos;

        Count(long nowNanos) {
            nextLineNanos = new AtomicLong(nowNanos);
        }
    }

    void add(Cause cause, Route route) {
        Count count = counts[cause.ordinal()];
        count.all.increment();
        told.accept(cause.label);
        long now = nanoTime.getAsLong();
        long due = count.nextLineNanos.get();
        if (now - due >= 0 && count.nextLineNanos.compareAndSet(due, now + INTERVAL_NANOS)) {
            LOG.info("requests refused cause={} route=\"{}\" since_start={}", cause.label, route, count.all.sum());
        }
    }

    /** How many there were of each cause since the start. */
    Map<Cause, Long> counts() {
        Map<Cause, Long> sums = new EnumMap<>(Cause.class);
        for (Cause cause : Cause.values()) {
            sums.put(cause, counts[cause.ordinal()].all.sum());
        }
        return sums;
    }
}
