package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;

/** Processor time and garbage of a target's relays from now on. Belongs to one thread. */
final class RelayMeter {
    private final Target target;
    private final ProcessorTime processorTime;
    private final long began;

    /**
     * What relays took.
     *
     * @param nanos how long it was measured
     * @param processorSeconds of all of them
     * @param garbageBytes that their JVMs allocated; absent where some are no JVMs
     */
    record Reading(long nanos, double processorSeconds, OptionalDouble garbageBytes) {
        double seconds() {
            return nanos / (double) TimeUnit.SECONDS.toNanos(1);
        }
    }

    private RelayMeter(Target target, ProcessorTime processorTime) {
        this.target = target;
        this.processorTime = processorTime;
        began = System.nanoTime();
    }

    static RelayMeter start(Target target) throws IOException {
        target.allocations().forEach(Allocation::mark);
        return new RelayMeter(target, ProcessorTime.start(target.relays()));
    }

    Reading read() throws IOException {
        long nanos = System.nanoTime() - began;
        double seconds = processorTime.seconds();
        List<Allocation> allocations = target.allocations();
        OptionalDouble garbage = allocations.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(allocations.stream()
                        .mapToLong(Allocation::bytesSinceMark)
                        .sum());
        return new Reading(nanos, seconds, garbage);
    }
}
