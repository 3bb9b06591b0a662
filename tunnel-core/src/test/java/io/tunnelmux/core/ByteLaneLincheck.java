package io.tunnelmux.core;

import io.tunnelmux.protocol.Payload;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Test;

/** One thread puts, one takes: as if the calls came one after the other. */
public class ByteLaneLincheck {

    private final ByteLane lane = new ByteLane();
    /** The producer's. */
    private byte next;

    public ByteLaneLincheck() {}

    @Operation(nonParallelGroup = "producer")
    public void put() {
        lane.put(new byte[] {next++, next++}, 0, 2);
    }

    @Operation(nonParallelGroup = "producer")
    public void putLong() {
        byte[] bytes = new byte[ByteLane.SMALL_BYTES + 1];
        bytes[0] = next++;
        lane.put(Payload.of(bytes));
    }

    @Operation(nonParallelGroup = "producer")
    public void putMoreThanASegment() {
        byte[] bytes = new byte[ByteLane.SEGMENT_BYTES - 1];
        bytes[0] = next++;
        lane.put(bytes, 0, bytes.length);
    }

    @Operation(nonParallelGroup = "consumer")
    public int take() {
        byte[] one = new byte[1];
        return lane.take(one, 0, 1) == 0 ? -1_000 : one[0];
    }

    @Operation(nonParallelGroup = "consumer")
    public int takePayload() {
        Payload taken = lane.take(5);
        return taken == null ? 0 : 31 * taken.length() + taken.byteAt(0);
    }

    @Operation(nonParallelGroup = "consumer")
    public boolean isEmpty() {
        return lane.isEmpty();
    }

    @Test
    void callsAreAsIfOneAfterTheOther() {
        new ModelCheckingOptions()
                .iterations(6)
                .invocationsPerIteration(100)
                .threads(2)
                .actorsPerThread(3)
                .check(ByteLaneLincheck.class);
    }
}
