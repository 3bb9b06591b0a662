package io.tunnelmux.benchmarks.peer;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** How many streams one side has, and may have. Any thread. */
final class StreamLimit {
    private static final int MAX_STREAMS = 10_000;

    private final Semaphore free = new Semaphore(MAX_STREAMS);

    /** {@return whether there may be one more; if so, {@link #end} is owed} */
    boolean tryBegin() {
        return free.tryAcquire();
    }

    /** A stream has ended, with its socket. */
    void end() {
        free.release();
    }

    /** As {@link Peer#awaitNoStreams}. */
    boolean awaitNone(Duration atMost) throws InterruptedException {
        if (!free.tryAcquire(MAX_STREAMS, atMost.toNanos(), TimeUnit.NANOSECONDS)) {
            return false;
        }
        free.release(MAX_STREAMS);
        return true;
    }
}
