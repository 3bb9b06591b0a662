package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelServer;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a DATA frame of 16 KiB costs from {@link TunnelStream#write} to {@code Transport.write}, with 1, 64, 1,024 or 4,096 streams that all have something to send.
 * In each turn 4,096 frames are written, evenly and in no order over the streams, and then all are sent: each frame is a turn of its stream's. The
 * bytes themselves are never touched, so that only the choice is measured, and the memory that it walks through.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class SchedulerBenchmark {

    private static final int FRAMES_PER_TURN = 4_096;
    private static final int FRAME_BYTES = 16 * 1024;
    private static final int MOST_CREDIT = Integer.MAX_VALUE;
    /** After so many turns what they took is granted again: well before credit is used up. */
    private static final int TURNS_PER_GRANT = 16;

    /** Streams that are ready. */
    @Param({"1", "64", "1024", "4096"})
    public int streams;

    private final CallerLoop loop = new CallerLoop();
    private final Payload payload = Payload.of(new byte[FRAME_BYTES]);
    private final TunnelStream[] inTurn = new TunnelStream[FRAMES_PER_TURN];
    private SwallowingTransport transport;
    private int turns;

    @Setup
    public void open() {
        Settings peer = Settings.builder()
                .maxStreams(FRAMES_PER_TURN)
                .streamWindowBytes(MOST_CREDIT)
                .tunnelWindowBytes(MOST_CREDIT)
                .build();
        transport = new SwallowingTransport(loop, peer);
        Sink sink = new Sink();
        TunnelKeeper keeper = new TunnelKeeper(sink);
        new TunnelServer(TunnelConfig.DEFAULTS, (hello, token) -> null, keeper).onAccepted(transport, null);
        loop.runUntilIdle();
        TunnelStream[] opened = new TunnelStream[streams];
        for (int i = 0; i < streams; i++) {
            opened[i] = keeper.tunnel().open(TunnelPair.REQUEST, false, sink);
        }
        loop.runUntilIdle();
        for (int i = 0; i < FRAMES_PER_TURN; i++) {
            inTurn[i] = opened[i % streams];
        }
        Random random = new Random(20_261_122L);
        for (int i = FRAMES_PER_TURN - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            TunnelStream stream = inTurn[i];
            inTurn[i] = inTurn[other];
            inTurn[other] = stream;
        }
    }

    @Benchmark
    @OperationsPerInvocation(FRAMES_PER_TURN)
    public long turn() {
        long before = transport.dataFrames();
        for (TunnelStream stream : inTurn) {
            stream.write(payload);
        }
        loop.runUntilIdle();
        if (transport.dataFrames() - before != FRAMES_PER_TURN) {
            throw new IllegalStateException(transport.dataFrames() - before + " frames went out");
        }
        if (++turns % TURNS_PER_GRANT == 0) {
            grant();
        }
        return before;
    }

    private void grant() {
        int bytes = TURNS_PER_GRANT * FRAMES_PER_TURN * FRAME_BYTES;
        transport.grant(0, bytes);
        for (int i = 0; i < FRAMES_PER_TURN; i++) {
            transport.grant(inTurn[i].id(), bytes / FRAMES_PER_TURN);
        }
    }
}
