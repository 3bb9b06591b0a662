package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where threads take turns to wait for what a loop brings about. One has the turn and waits for that, the others wait for the turn; the loop itself never waits
 * here. Fit for virtual threads: no monitor is held.
 *
 * <p>A waiting thread announces itself, looks once more, and parks; who brings something about writes it to a volatile field and then wakes whom it finds
 * announced. So one of both always sees the other.
 */
final class WaitingPlace {

    private final TunnelLoop loop;
    private final ReentrantLock turn = new ReentrantLock();
    private volatile @Nullable Thread waiting;
    private volatile long timeoutNanos;

    WaitingPlace(TunnelLoop loop) {
        this.loop = loop;
    }

    /** How long a turn may take from here on, waiting for it included; zero is for ever. */
    void timeout(Duration timeout) {
        if (timeout.isNegative()) {
            throw new IllegalArgumentException("timeout: " + timeout);
        }
        timeoutNanos = Deadlines.nanosOf(timeout);
    }

    /** A time by which a turn is to be over. */
    private record Deadline(boolean isSet, long atNanos) implements Turn {}

    /** One thread's turn. */
    sealed interface Turn permits Deadline {}

    /**
     * Waits for the turn and takes it.
     *
     * @throws IllegalStateException on the loop, which would wait for itself
     * @throws SocketTimeoutException if that takes too long
     * @throws InterruptedIOException if the thread is interrupted meanwhile; it stays so
     */
    Turn begin() throws InterruptedIOException {
        requireElsewhere();
        long nanos = timeoutNanos;
        Deadline deadline = new Deadline(nanos != 0, loop.nanoTime() + nanos);
        if (!turn.tryLock()) {
            try {
                if (!turn.tryLock(nanos == 0 ? Long.MAX_VALUE : nanos, TimeUnit.NANOSECONDS)) {
                    throw new SocketTimeoutException("another thread has its turn for too long");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw interrupted();
            }
        }
        return deadline;
    }

    /** Takes the turn if nobody has it; the loop may ask for it too. */
    boolean tryBegin() {
        return turn.tryLock();
    }

    /** Gives the turn back. */
    void finish() {
        turn.unlock();
    }

    void requireElsewhere() {
        if (loop.inLoop()) {
            throw new IllegalStateException("the tunnel's own loop must not wait for itself");
        }
    }

    /**
     * Waits, during this thread's turn, until something holds. What it says must change only together with a later {@link #wake}.
     *
     * @throws SocketTimeoutException if it does not by the turn's deadline
     * @throws InterruptedIOException if the thread is interrupted meanwhile; it stays so
     */
    void await(Turn given, BooleanSupplier something) throws InterruptedIOException {
        Deadline deadline = (Deadline) given;
        waiting = Thread.currentThread();
        try {
            while (!something.getAsBoolean()) {
                if (Thread.currentThread().isInterrupted()) {
                    throw interrupted();
                }
                if (!deadline.isSet) {
                    LockSupport.park(this);
                    continue;
                }
                long nanos = deadline.atNanos - loop.nanoTime();
                if (nanos <= 0) {
                    throw new SocketTimeoutException("nothing happened in time");
                }
                LockSupport.parkNanos(this, nanos);
            }
        } finally {
            waiting = null;
        }
    }

    /** Makes the thread that waits look again. Any thread. */
    void wake() {
        Thread thread = waiting;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }

    private static InterruptedIOException interrupted() {
        return new InterruptedIOException("the thread was interrupted");
    }
}
