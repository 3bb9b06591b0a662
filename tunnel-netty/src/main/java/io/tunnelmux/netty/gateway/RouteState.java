package io.tunnelmux.netty.gateway;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What a route's own limits are counted with, and whether what lies behind it seems to work. Any thread. */
final class RouteState {

    private final @Nullable Limiter rate;
    private final int maxConcurrent;
    private final @Nullable Breaker breaker;
    private final AtomicInteger inside = new AtomicInteger();

    /** @param onCircuit told when its breaker opens or closes */
    RouteState(
            Route route,
            AdmissionConfig limits,
            LongSupplier nanoTime,
            BiConsumer<? super Route, Breaker.State> onCircuit) {
        RateLimit limit = route.rate();
        rate = limit == null ? null : new Limiter(limit, nanoTime);
        maxConcurrent = route.maxConcurrent() == 0 ? Integer.MAX_VALUE : route.maxConcurrent();
        breaker = limits.circuitFailures() == 0
                ? null
                : new Breaker(
                        limits.circuitFailures(), limits.circuitOpen(), nanoTime, now -> onCircuit.accept(route, now));
    }

    /** Takes one turn of its rate: 0 if there was one, else how many nanoseconds until there is. */
    long take() {
        return rate == null ? 0 : rate.take();
    }

    /** Whether there is room for another request at once; then one has come in. */
    boolean enter() {
        if (inside.incrementAndGet() > maxConcurrent) {
            inside.decrementAndGet();
            return false;
        }
        return true;
    }

    /** One that came in has left. */
    void leave() {
        inside.decrementAndGet();
    }

    /** Null if it lets everything through. */
    @Nullable
    Breaker breaker() {
        return breaker;
    }
}
