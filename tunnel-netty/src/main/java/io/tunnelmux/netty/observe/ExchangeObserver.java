package io.tunnelmux.netty.observe;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Told what becomes of one request, by a gateway or by an agent. Each method does nothing unless it is overridden. In the order of the methods here:
 * {@link #trace} once and first, {@link #onQueued} and {@link #onQueueLeft} in turns, mostly never, then {@link #onAnswered} at most once, {@link #onUpgraded} at most once, {@link #onRelayed}, {@link #onChunkTaken} and {@link #onMessage} any
 * number of times between that and the end, {@link #onEnded} once and last.
 *
 * <p>Called on an event loop, one call at a time, perhaps of another thread each time. Must not block. What it throws is logged, once a second at most, and
 * does the request no harm.
 */
public interface ExchangeObserver {

    /** Observes nothing. */
    ExchangeObserver NONE = new ExchangeObserver() {};

    /** What whoever is behind is told of the trace, such as a span of this observer's as the parent; null leaves it as it is. Of several observers the first to say something counts. */
    default @Nullable TraceContext trace() {
        return null;
    }

    /** At a gateway: it waits for its turn, or for the agent to come back. */
    default void onQueued() {}

    /**
     * It waits no more: it has its turn, will get none, or is given up.
     *
     * @param waited since {@link #onQueued}
     */
    default void onQueueLeft(Duration waited) {}

    /**
     * The final answer's head is there.
     *
     * @param status also of an answer that is made here in place of another's
     * @param waited for it, since the request's head
     */
    default void onAnswered(int status, Duration waited) {}

    /** The protocol was switched. */
    default void onUpgraded(RelayMode mode) {}

    /** Bytes of an upgraded connection have come. */
    default void onRelayed(Direction direction, int bytes) {}

    /**
     * The socket of whoever was to get them has taken bytes of an upgraded connection. Not said of all: while it is waited for, no others are looked at.
     *
     * @param nanos since they came
     */
    default void onChunkTaken(Direction direction, long nanos) {}

    /** A message of an upgraded connection has gone through, or a control frame; only in the modes that read them. */
    default void onMessage(RelayedMessage message) {}

    /** It is over. */
    default void onEnded(ExchangeEnd end) {}
}
