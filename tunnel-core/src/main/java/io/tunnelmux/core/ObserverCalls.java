package io.tunnelmux.core;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls observers, and lets nothing that they throw get any further than the log, where there is a line a second for it. Any thread. */
final class ObserverCalls {

    private static final Logger LOG = LoggerFactory.getLogger(TunnelObserver.class);
    private static final long LOG_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final List<TunnelObserver> observers;
    private final Logger log;
    private final AtomicLong failures = new AtomicLong();
    /** Means nothing before the first failure. */
    private final AtomicLong loggedNanos = new AtomicLong();

    ObserverCalls(List<TunnelObserver> observers) {
        this(observers, LOG);
    }

    ObserverCalls(List<TunnelObserver> observers, Logger log) {
        this.observers = List.copyOf(observers);
        this.log = log;
    }

    List<TunnelObserver> observers() {
        return observers;
    }

    void call(long nowNanos, Consumer<TunnelObserver> call) {
        for (TunnelObserver observer : observers) {
            call(observer, nowNanos, call);
        }
    }

    private void call(TunnelObserver observer, long nowNanos, Consumer<TunnelObserver> call) {
        try {
            call.accept(observer);
        } catch (RuntimeException e) {
            long failed = failures.incrementAndGet();
            long logged = loggedNanos.get();
            boolean isTime = failed == 1 || nowNanos - logged >= LOG_EVERY_NANOS;
            if (isTime && loggedNanos.compareAndSet(logged, nowNanos)) {
                log.error("an observer failed so_far={}", failed, e);
            }
        }
    }
}
