package io.tunnelmux.netty.gateway;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Tells of a state that several threads change, without a lock held: not of each change, but never of an old state last. Whoever makes the first change that
 * was not told of tells all until there is no more. Any thread.
 */
final class LastWord {

    private final Runnable teller;
    private final AtomicInteger untold = new AtomicInteger();

    /** @param teller reads the state and tells it; called by one thread at a time */
    LastWord(Runnable teller) {
        this.teller = teller;
    }

    /** The state has changed. */
    void onChanged() {
        if (untold.getAndIncrement() == 0) {
            int told = 1;
            do {
                teller.run();
                told = untold.addAndGet(-told);
            } while (told != 0);
        }
    }
}
