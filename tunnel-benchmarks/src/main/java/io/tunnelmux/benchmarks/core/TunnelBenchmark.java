package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A whole tunnel through memory, from the caller at the gateway's end to the handler at the agent's and back: a request and its response, heads encoded and decoded,
 * on a stream of its own; and a message of 1 MiB in pieces on a stream that is open. Credit and its return are part of it. Both ends share a thread.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class TunnelBenchmark {

    private static final int PIECE_BYTES = 16 * 1024;
    private static final int PIECES = 64;
    private static final long SEED = 20_261_128L;

    private final CallerLoop loop = new CallerLoop();
    private final Payload small = random(64);
    private final Payload large = random(PIECE_BYTES);
    private final Answerer answerer = new Answerer();
    private final Sink answers = new Sink();
    private final TunnelPair answering = TunnelPair.connect(loop, TunnelConfig.DEFAULTS, answerer);
    private final Sink taken = new Sink();
    private final TunnelPair taking = TunnelPair.connect(loop, TunnelConfig.DEFAULTS, taken);
    private final TunnelStream stream = taking.gateway().open(TunnelPair.REQUEST, false, new Sink());

    @Setup
    public void verify() {
        requestWithResponse64();
        if (!answerer.last.equals(small)) {
            throw new IllegalStateException("not what was sent: " + answerer.last);
        }
        requestWithResponse16Kib();
        if (answerer.last.length() != PIECE_BYTES) {
            throw new IllegalStateException("not what was sent: " + answerer.last);
        }
    }

    /** A request with a body, and a response with the same. */
    @Benchmark
    public long requestWithResponse64() {
        return exchange(small);
    }

    @Benchmark
    public long requestWithResponse16Kib() {
        return exchange(large);
    }

    /** 64 parts of 16 KiB, all written before the tunnel begins to carry them. */
    @Benchmark
    public long messageOf1Mib() {
        long before = taken.bytes();
        for (int i = 1; i <= PIECES; i++) {
            stream.writeUnit(large, false, i < PIECES);
        }
        loop.runUntilIdle();
        require(taken.bytes() - before == (long) PIECES * PIECE_BYTES);
        return taken.frames();
    }

    private long exchange(Payload body) {
        long bytesBefore = answers.bytes();
        long endedBefore = answers.ended();
        answering.gateway().open(TunnelPair.REQUEST, false, answers).writeLast(body);
        loop.runUntilIdle();
        require(answers.bytes() - bytesBefore == body.length() && answers.ended() - endedBefore == 1);
        return answers.ended();
    }

    private static Payload random(int size) {
        byte[] bytes = new byte[size];
        new Random(SEED).nextBytes(bytes);
        return Payload.of(bytes);
    }

    private static void require(boolean holds) {
        if (!holds) {
            throw new IllegalStateException("not all has arrived");
        }
    }

    /** Answers a request, whose body comes in one piece, with its body. */
    private static final class Answerer implements StreamHandler {

        private static final Message HEAD = new Message.ProxyResponse("r1", 200, Headers.EMPTY);

        private Payload last = Payload.EMPTY;

        @Override
        public void onMessage(TunnelStream to, Message message, boolean isEnd) {
            throw new IllegalStateException("not a body: " + message);
        }

        @Override
        public void onData(TunnelStream to, Frame.Data data) {
            last = data.payload();
            to.consumed(last.length());
            if (!data.isEnd()) {
                throw new IllegalStateException("only a part of a body: " + data);
            }
            to.send(HEAD, false);
            to.writeLast(last);
        }

        @Override
        public void onWritable(TunnelStream to) {}

        @Override
        public void onClosed(TunnelStream from, Outcome outcome) {
            require(outcome.isClean());
        }
    }
}
