package io.tunnelmux.benchmarks.codec;

import com.sun.management.ThreadMXBean;
import io.tunnelmux.benchmarks.Limits;
import io.tunnelmux.protocol.Payload;
import java.lang.management.ManagementFactory;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Garbage of frames, once the JIT compilers are done, held against {@code limits.properties}. What is run is the benchmark's own. */
class FrameGarbageTest {
    private static final int FRAMES = 10_000;
    private static final int MOST_WINDOWS = 500;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final CodecBenchmark benchmark = new CodecBenchmark();
    private long length;

    @ParameterizedTest
    @ValueSource(ints = {64, 16_384})
    void encodingMakesNone(int size) throws Exception {
        benchmark.size = size;
        benchmark.compose();
        Limits.requireWithin("heap-bytes.codec.encode." + size, MOST_WINDOWS, () -> garbage(benchmark::encodeFrame));
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 16_384})
    void decodingMakesARecordAndNoCopy(int size) throws Exception {
        benchmark.size = size;
        benchmark.compose();
        Limits.requireWithin("heap-bytes.codec.decode." + size, MOST_WINDOWS, () -> garbage(benchmark::decodeFrame));
    }

    private double garbage(Supplier<Payload> coded) {
        long thread = Thread.currentThread().getId();
        long before = threads.getThreadAllocatedBytes(thread);
        for (int i = 0; i < FRAMES; i++) {
            length += coded.get().length();
        }
        long bytes = threads.getThreadAllocatedBytes(thread) - before;
        if (length == 0) {
            throw new AssertionError("nothing was coded");
        }
        return bytes / (double) FRAMES;
    }
}
