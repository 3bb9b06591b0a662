package io.tunnelmux.core;

import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Test;

/** The windows of many tunnels grow and shrink at once: as if one after the other, so that together they never get more than there is. */
public class MemoryBudgetLincheck {

    private final MemoryBudget budget = MemoryBudget.ofBytes(100);

    public MemoryBudgetLincheck() {}

    @Operation
    public long promise() {
        return budget.promise(30);
    }

    @Operation
    public long promiseLittle() {
        return budget.promise(7);
    }

    @Operation
    public void takeBack() {
        budget.takeBack(5);
    }

    @Operation
    public long promisedBytes() {
        return budget.promisedBytes();
    }

    @Test
    void callsAreAsIfOneAfterTheOther() {
        new ModelCheckingOptions()
                .iterations(10)
                .invocationsPerIteration(200)
                .threads(3)
                .actorsPerThread(2)
                .check(MemoryBudgetLincheck.class);
    }
}
