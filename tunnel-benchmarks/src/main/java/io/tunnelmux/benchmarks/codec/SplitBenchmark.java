package io.tunnelmux.benchmarks.codec;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.codec.FrameDecoder;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.nio.ByteBuffer;
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
 * What the decoder takes for a DATA frame, by how the bytes come: the same 64 frames whole, or cut into reads of 16 bytes, of 1,460 (a segment of TCP) and of 64 KiB,
 * which is as much as is read at once. An operation is a frame, however many reads it comes in. Reads are made beforehand; what becomes of them while frames are
 * taken out of them is measured.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class SplitBenchmark {

    private static final int FRAMES = 64;
    private static final int STREAM_ID = 4_242;
    private static final int MAX_FRAME_BYTES = 32_768;
    private static final long SEED = 20_261_128L;

    private final FrameDecoder decoder = new FrameDecoder(MAX_FRAME_BYTES);
    private final DataTaker taker = new DataTaker();

    /** Bytes of each frame's payload. */
    @Param({"64", "1024", "16384"})
    public int size;

    /** Bytes of each read but the last; 0 for all in one. */
    @Param({"0", "16", "1460", "65536"})
    public int read;

    private Payload[] reads = {};

    @Setup
    public void cut() {
        byte[] payload = new byte[size];
        new Random(SEED).nextBytes(payload);
        long header = FrameEncoder.header(new Frame.Data(STREAM_ID, Payload.of(payload), 0));
        ByteBuffer stretch = ByteBuffer.allocate(FRAMES * (FrameEncoder.HEADER_BYTES + size));
        while (stretch.hasRemaining()) {
            stretch.putLong(header).put(payload);
        }
        int bytes = stretch.flip().remaining();
        int length = read == 0 ? bytes : read;
        reads = new Payload[(bytes + length - 1) / length];
        for (int i = 0; i < reads.length; i++) {
            byte[] cut = new byte[Math.min(length, stretch.remaining())];
            stretch.get(cut);
            reads[i] = Payload.of(cut);
        }
        requireLastPiece(payload);
    }

    private void requireLastPiece(byte[] payload) {
        Payload last = decode();
        for (int i = 1; i <= last.length(); i++) {
            if (last.byteAt(last.length() - i) != payload[size - i]) {
                throw new IllegalStateException("not what was sent: " + last);
            }
        }
    }

    @Benchmark
    @OperationsPerInvocation(FRAMES)
    public Payload decode() {
        int framesBefore = taker.frames();
        int bytesBefore = taker.bytes();
        for (Payload bytes : reads) {
            decoder.decode(bytes, taker);
        }
        if (taker.frames() - framesBefore != FRAMES || taker.bytes() - bytesBefore != FRAMES * size) {
            throw new IllegalStateException("not all has come");
        }
        return taker.last();
    }
}
