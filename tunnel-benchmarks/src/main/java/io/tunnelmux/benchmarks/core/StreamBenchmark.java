package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Payload;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a stream costs, and a DATA frame on one, from the caller at one end of a tunnel to the handler at the other, credit and its return included. Both ends
 * share a thread and frames go through memory: nothing is encoded and no bytes are touched.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class StreamBenchmark {

    private static final int BURST = 16;

    private final CallerLoop loop = new CallerLoop();
    private final Payload small = Payload.of(new byte[64]);
    private final Payload large = Payload.of(new byte[16 * 1024]);
    private final Sink taken = new Sink();
    private final Sink ends = new Sink();
    private TunnelPair pair;
    private TunnelStream stream;

    @Setup
    public void connect() {
        pair = TunnelPair.connect(loop, TunnelConfig.DEFAULTS, taken);
        stream = pair.gateway().open(TunnelPair.REQUEST, false, ends);
        loop.runUntilIdle();
    }

    /** A request without a body, and an answer that is nothing but its end. */
    @Benchmark
    public long openAndClose() {
        long before = ends.ended();
        TunnelStream opened = pair.gateway().open(TunnelPair.REQUEST, false, ends);
        opened.end();
        loop.runUntilIdle();
        require(ends.ended() - before == 1);
        return before;
    }

    /** One at a time, as in a conversation: a turn of the loop at either end for each. */
    @Benchmark
    public long data64() {
        return oneByOne(small);
    }

    @Benchmark
    public long data16Kib() {
        return oneByOne(large);
    }

    /** Sixteen at a time, as in a download: both ends' turns are shared. */
    @Benchmark
    @OperationsPerInvocation(BURST)
    public long data16KibInBursts() {
        long before = taken.frames();
        for (int i = 0; i < BURST; i++) {
            stream.write(large);
        }
        loop.runUntilIdle();
        require(taken.frames() - before >= BURST / 2);
        return before;
    }

    private long oneByOne(Payload payload) {
        long before = taken.frames();
        stream.write(payload);
        loop.runUntilIdle();
        require(taken.frames() - before == 1);
        return before;
    }

    private static void require(boolean holds) {
        if (!holds) {
            throw new IllegalStateException("not all has arrived");
        }
    }
}
