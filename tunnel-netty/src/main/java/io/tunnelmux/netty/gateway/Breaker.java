package io.tunnelmux.netty.gateway;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps requests from what has failed again and again, so that their clients do not wait in vain and what is ill has time to recover. It opens after so many
 * failures in a row, or when half of the last {@value #WINDOW} requests have failed. While it is open nothing goes through; then a few requests may try, of which
 * the first that succeeds closes it, and the first that fails opens it for twice as long, up to a minute.
 *
 * <p>Whoever is let through says what became of it, exactly once. What began before the breaker last changed its mind no longer counts.
 *
 * <p>Any thread.
 */
final class Breaker {

    enum State {
        /** All go through. */
        CLOSED,
        /** Nobody does. */
        OPEN,
        /** A few try. */
        HALF_OPEN
    }

    /** In place of a turn: not let through. */
    static final long BARRED = -1;

    /** So many requests at once try whether it works again: one alone might be a slow one. */
    static final int PROBES = 3;

    /** So many outcomes are looked back on. */
    static final int WINDOW = 20;

    private static final int ALL = (1 << WINDOW) - 1;
    private static final long LONGEST_OPEN_NANOS = Duration.ofMinutes(1).toNanos();

    private final int failuresInARow;
    private final long openNanos;
    private final LongSupplier nanoTime;
    private final LastWord onChange;

    private State state = State.CLOSED;
    /** How often the state has changed. */
    private long turn;

    private int inARow;
    /** A bit for each of the last outcomes, 1 for a failure, the newest in bit 0. */
    private int failures;

    private int outcomes;
    private int probes;
    private long nextOpenNanos;
    private long openUntilNanos;
    private @Nullable Object lastEvent;

    /**
     * @param failuresInARow after so many it opens
     * @param open for so long at first
     * @param onChange told whenever it opens, and when it closes
     */
    Breaker(int failuresInARow, Duration open, LongSupplier nanoTime, Consumer<State> onChange) {
        this.failuresInARow = failuresInARow;
        this.nanoTime = nanoTime;
        this.onChange = new LastWord(() -> onChange.accept(state()));
        openNanos = open.toNanos();
        nextOpenNanos = openNanos;
    }

    /** Lets a request through, or says {@link #BARRED}. The number that it returns goes back with what became of the request. */
    synchronized long enter() {
        if (state == State.OPEN && nanoTime.getAsLong() - openUntilNanos >= 0) {
            become(State.HALF_OPEN);
        }
        if (state == State.OPEN || state == State.HALF_OPEN && probes == PROBES) {
            return BARRED;
        }
        if (state == State.HALF_OPEN) {
            probes++;
        }
        return turn;
    }

    /** It was answered. */
    void onSuccess(long enteredTurn) {
        synchronized (this) {
            if (enteredTurn != turn) {
                return;
            }
            inARow = 0;
            remember(0);
            if (state != State.HALF_OPEN) {
                return;
            }
            become(State.CLOSED);
            nextOpenNanos = openNanos;
        }
        onChange.onChanged();
    }

    /**
     * It failed.
     *
     * @param event what has made it fail, if that has made others fail as well: all of them count once
     */
    void onFailure(long enteredTurn, @Nullable Object event) {
        synchronized (this) {
            if (enteredTurn != turn) {
                return;
            }
            if (event != null && event.equals(lastEvent)) {
                onNothing(enteredTurn);
                return;
            }
            lastEvent = event;
            inARow++;
            remember(1);
            if (state == State.CLOSED && !isIll()) {
                return;
            }
            openUntilNanos = nanoTime.getAsLong() + nextOpenNanos;
            nextOpenNanos = Math.min(2 * nextOpenNanos, Math.max(openNanos, LONGEST_OPEN_NANOS));
            become(State.OPEN);
        }
        onChange.onChanged();
    }

    private boolean isIll() {
        return inARow >= failuresInARow || outcomes == WINDOW && 2 * Integer.bitCount(failures) >= WINDOW;
    }

    /** Nothing can be told from what became of it, as when the client went away. */
    synchronized void onNothing(long enteredTurn) {
        if (enteredTurn == turn && state == State.HALF_OPEN) {
            probes--;
        }
    }

    /** How long to wait before the next try; 0 if one may be made. */
    synchronized long waitNanos() {
        return state == State.OPEN ? Math.max(0, openUntilNanos - nanoTime.getAsLong()) : 0;
    }

    synchronized State state() {
        return state;
    }

    private void remember(int failure) {
        failures = (failures << 1 | failure) & ALL;
        outcomes = Math.min(outcomes + 1, WINDOW);
    }

    private void become(State next) {
        state = next;
        turn++;
        inARow = 0;
        failures = 0;
        outcomes = 0;
        probes = 0;
    }
}
