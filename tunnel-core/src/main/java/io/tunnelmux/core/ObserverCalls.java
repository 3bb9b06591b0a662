package io.tunnelmux.core;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls an observer, and lets nothing that it throws get any further than the log, where there is a line a second for it. Any thread. */
final class ObserverCalls {

    private static final Logger LOG = LoggerFactory.getLogger(TunnelObserver.class);
    private static final long LOG_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final TunnelObserver observer;
    private final Logger log;
    private final AtomicLong failures = new AtomicLong();
    /** Means nothing before the first failure. */
    private final AtomicLong loggedNanos = new AtomicLong();

    ObserverCalls(TunnelObserver observer) {
        this(observer, LOG);
    }

    ObserverCalls(TunnelObserver observer, Logger log) {
        this.observer = observer;
        this.log = log;
    }

    TunnelObserver observer() {
        return observer;
    }

    void call(long nowNanos, Consumer<TunnelObserver> call) {
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
