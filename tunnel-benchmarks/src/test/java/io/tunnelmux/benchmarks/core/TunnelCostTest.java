package io.tunnelmux.benchmarks.core;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.tunnelmux.benchmarks.Limits;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Payload;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames, flushes and garbage of a tunnel through memory, both ends together unless it says otherwise, held against {@code limits.properties}. */
class TunnelCostTest {
    private static final int BURST = 64;
    private static final int MESSAGES = 1_000;
    private static final int MOST_WINDOWS = 300;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final CallerLoop loop = new CallerLoop();
    private final List<CountingTransport> ends = new ArrayList<>();
    private final Sink taken = new Sink();
    private final TunnelPair pair = TunnelPair.connect(loop, TunnelConfig.DEFAULTS, taken, transport -> {
        CountingTransport end = new CountingTransport(transport);
        ends.add(end);
        return end;
    });

    @Test
    void whatIsWrittenInOneTurnLeavesInOneFlush() throws Exception {
        Limits.requireWithin("flushes.core.burst-of-64", 1, () -> burst(CountingTransport::flushes));
    }

    @Test
    void whatIsWrittenInOneTurnIsAFrameEach() throws Exception {
        Limits.requireWithin("frames.core.burst-of-64", 1, () -> burst(CountingTransport::frames));
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 16_384})
    void messageTakesHardlyMoreThanAFrame(int size) throws Exception {
        Limits.requireWithin("frames.core.message." + size, 1, () -> oneByOne(size, this::frames));
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 16_384})
    void messageTakesHardlyMoreThanAFlush(int size) throws Exception {
        Limits.requireWithin("flushes.core.message." + size, 1, () -> oneByOne(size, this::flushes));
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 16_384})
    void messageMakesLittleGarbage(int size) throws Exception {
        long thread = Thread.currentThread().getId();
        Limits.requireWithin(
                "heap-bytes.core.message." + size,
                MOST_WINDOWS,
                () -> oneByOne(size, () -> threads.getThreadAllocatedBytes(thread)));
    }

    /** A count, which goes on for ever. */
    private interface Counter {
        long count();
    }

    /** What the gateway's end counts when 64 streams are written to in one turn. */
    private double burst(ToLongFunction<CountingTransport> counter) {
        Payload payload = Payload.of(new byte[64]);
        List<TunnelStream> streams = new ArrayList<>();
        for (int i = 0; i < BURST; i++) {
            streams.add(pair.gateway().open(TunnelPair.REQUEST, false, taken));
        }
        loop.runUntilIdle();
        long before = counter.applyAsLong(ends.get(0));
        loop.execute(() -> streams.forEach(stream -> stream.write(payload)));
        loop.runUntilIdle();
        assertThat(taken.frames()).isEqualTo(BURST);
        return counter.applyAsLong(ends.get(0)) - before;
    }

    /** What is counted per message, of those that are sent one after another. */
    private double oneByOne(int size, Counter counter) {
        Payload payload = Payload.of(new byte[size]);
        TunnelStream stream = pair.gateway().open(TunnelPair.REQUEST, false, taken);
        loop.runUntilIdle();
        long bytesBefore = taken.bytes();
        long before = counter.count();
        for (int i = 0; i < MESSAGES; i++) {
            stream.write(payload);
            loop.runUntilIdle();
        }
        double perMessage = (counter.count() - before) / (double) MESSAGES;
        assertThat(taken.bytes() - bytesBefore).isEqualTo((long) MESSAGES * size);
        stream.end();
        loop.runUntilIdle();
        return perMessage;
    }

    private long frames() {
        return ends.get(0).frames() + ends.get(1).frames();
    }

    private long flushes() {
        return ends.get(0).flushes() + ends.get(1).flushes();
    }
}
