package io.tunnelmux.core;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/** One thread gives tasks, several run what the executor below was given: each task runs once, in order, and none is forgotten. */
public class SerialExecutorLincheck {

    private final ConcurrentLinkedQueue<Runnable> below = new ConcurrentLinkedQueue<>();
    private final SerialExecutor executor = new SerialExecutor(below::add);
    /** Guarded by running one at a time, which is what is checked. */
    private final List<Integer> ran = new ArrayList<>();

    private int given;

    public SerialExecutorLincheck() {}

    @Operation(nonParallelGroup = "giver")
    public void execute() {
        int number = given++;
        executor.execute(() -> ran.add(number));
    }

    @Operation(blocking = true)
    public boolean work() {
        Runnable task = below.poll();
        if (task != null) {
            task.run();
        }
        return true;
    }

    @Validate
    public void eachRanOnceInOrder() {
        for (Runnable task = below.poll(); task != null; task = below.poll()) {
            task.run();
        }
        if (ran.size() != given) {
            throw new IllegalStateException(ran.size() + " ran of " + given);
        }
        for (int i = 0; i < given; i++) {
            if (ran.get(i) != i) {
                throw new IllegalStateException("out of order: " + ran);
            }
        }
    }

    @Test
    void eachTaskRunsOnceAndInOrder() {
        new ModelCheckingOptions()
                .iterations(6)
                .invocationsPerIteration(100)
                .threads(3)
                .actorsPerThread(2)
                .check(SerialExecutorLincheck.class);
    }
}
