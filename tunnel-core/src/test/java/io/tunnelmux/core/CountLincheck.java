package io.tunnelmux.core;

import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Test;

/** Threads that ask count what waits, up to a limit. */
public class CountLincheck {

    private static final int MOST = 2;

    private final AtomicInteger count = new AtomicInteger();

    public CountLincheck() {}

    @Operation
    public boolean takesOneMore() {
        return Conversation.takesOneMore(count, MOST);
    }

    @Operation
    public int isOver() {
        return count.updateAndGet(now -> Math.max(0, now - 1));
    }

    @Test
    void neverMoreThanTheLimitAndNoneForgotten() {
        new ModelCheckingOptions()
                .iterations(10)
                .invocationsPerIteration(100)
                .threads(3)
                .actorsPerThread(3)
                .check(CountLincheck.class);
    }
}
