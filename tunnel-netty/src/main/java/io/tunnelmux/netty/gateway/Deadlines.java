package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.transport.TunnelLoop;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a connection waits for, and until when. One timer serves all: moving a deadline later, or clearing it, costs nothing, for the timer looks
 * when it fires. So there are as many timers as connections, however many requests they bring, in the loop's heap, which forgets a cancelled one at once.
 * On the connection's loop.
 */
@SuppressWarnings(
        "EnumOrdinal") // An index of an array that goes nowhere: a map would box what is set for each request.
final class Deadlines {

    /** What is waited for. */
    enum Kind {
        /** The rest of a request's head. */
        HEAD,
        /** The next request. */
        IDLE,
        /** The response's head. */
        RESPONSE,
        /** More of the request's body, or room for it. */
        BODY,
        /** The client to take more of the response. */
        WRITE
    }

    private static final long NEVER = Long.MAX_VALUE;

    private final Consumer<Kind> onPassed;
    private final long[] atNanos = new long[Kind.values().length];
    private TunnelLoop loop;
    private TunnelLoop.@Nullable Timer timer;
    private long timerAtNanos = NEVER;

    Deadlines(TunnelLoop loop, Consumer<Kind> onPassed) {
        this.loop = loop;
        this.onPassed = onPassed;
        Arrays.fill(atNanos, NEVER);
    }

    void set(Kind kind, long afterNanos) {
        long at = loop.nanoTime() + afterNanos;
        atNanos[kind.ordinal()] = at;
        if (at < timerAtNanos) {
            start(at);
        }
    }

    void clear(Kind kind) {
        atNanos[kind.ordinal()] = NEVER;
    }

    boolean isSet(Kind kind) {
        return atNanos[kind.ordinal()] != NEVER;
    }

    /** Forgets all. */
    void clearAll() {
        Arrays.fill(atNanos, NEVER);
        stop();
    }

    /** From the next deadline on, time is another loop's. All that is set is forgotten: two loops may have two clocks. */
    void moveTo(TunnelLoop newLoop) {
        clearAll();
        loop = newLoop;
    }

    private void start(long at) {
        stop();
        timerAtNanos = at;
        timer = loop.schedule(this::onTimer, Math.max(0, at - loop.nanoTime()));
    }

    private void stop() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
        timerAtNanos = NEVER;
    }

    private void onTimer() {
        timer = null;
        timerAtNanos = NEVER;
        long now = loop.nanoTime();
        for (Kind kind : Kind.values()) {
            if (atNanos[kind.ordinal()] <= now) {
                atNanos[kind.ordinal()] = NEVER;
                onPassed.accept(kind);
            }
        }
        long next = Arrays.stream(atNanos).min().orElse(NEVER);
        if (next < timerAtNanos) {
            start(next);
        }
    }
}
