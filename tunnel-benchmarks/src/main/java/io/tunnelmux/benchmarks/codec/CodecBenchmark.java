package io.tunnelmux.benchmarks.codec;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.ProxyChunk;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.codec.EnvelopeCodec;
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
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One piece of a response's body, three ways: as a JSON envelope with base64, as a CBOR envelope, as a DATA frame.
 *
 * <p>Sending begins with the bytes as a socket has left them and ends with what is given to the next socket: an envelope is one new
 * buffer; a frame is a header, written into a buffer that is there already, beside the very bytes that came. Receiving begins with what
 * a socket has read, whole messages or frames, and ends with the bytes in the hands of who wants them. The sockets themselves cost the same all
 * three ways, except for the third more that base64 has to carry; they are not measured here.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class CodecBenchmark {

    private static final String REQUEST_ID = "5f0c9a1e-2d43-4c9b-8f6a-1b7e0d2c3a44";
    private static final int STREAM_ID = 4_242;
    private static final long SEED = 20_261_121L;

    private final EnvelopeCodec json = EnvelopeCodec.of(MessageFormat.JSON);
    private final EnvelopeCodec cbor = EnvelopeCodec.of(MessageFormat.CBOR);
    private final FrameDecoder frameDecoder = new FrameDecoder(32_768);
    private final DataTaker dataTaker = new DataTaker();
    private final ByteBuffer headroom = ByteBuffer.allocateDirect(FrameEncoder.HEADER_BYTES);

    /** Bytes of the piece. */
    @Param({"1024", "16384"})
    public int size;

    private Payload body = Payload.EMPTY;
    private Payload jsonEnvelope = Payload.EMPTY;
    private Payload cborEnvelope = Payload.EMPTY;
    private Payload frame = Payload.EMPTY;

    @Setup
    public void compose() {
        byte[] bytes = new byte[size];
        new Random(SEED).nextBytes(bytes);
        body = Payload.of(bytes);
        jsonEnvelope = encodeJson();
        cborEnvelope = encodeCbor();
        frame = Payload.of(ByteBuffer.allocate(FrameEncoder.HEADER_BYTES + size)
                .putLong(FrameEncoder.header(new Frame.Data(STREAM_ID, body, 0)))
                .put(bytes)
                .array());
        requireBody(decodeJson());
        requireBody(decodeCbor());
        requireBody(decodeFrame());
    }

    private void requireBody(Payload decoded) {
        if (!decoded.equals(body)) {
            throw new IllegalStateException("not what was sent: " + decoded);
        }
    }

    @Benchmark
    public Payload encodeJson() {
        return json.encode(chunk());
    }

    @Benchmark
    public Payload encodeCbor() {
        return cbor.encode(chunk());
    }

    @Benchmark
    public Payload encodeFrame() {
        Frame.Data data = new Frame.Data(STREAM_ID, body, 0);
        headroom.putLong(0, FrameEncoder.header(data));
        return FrameEncoder.payload(data);
    }

    @Benchmark
    public Payload decodeJson() {
        return bytesOf(json.decode(jsonEnvelope));
    }

    @Benchmark
    public Payload decodeCbor() {
        return bytesOf(cbor.decode(cborEnvelope));
    }

    @Benchmark
    public Payload decodeFrame() {
        frameDecoder.decode(frame, dataTaker);
        return dataTaker.last();
    }

    private ProxyChunk chunk() {
        return new ProxyChunk(REQUEST_ID, body, false, ProxyChunk.Kind.RESPONSE);
    }

    private static Payload bytesOf(Message message) {
        return ((ProxyChunk) message).data();
    }
}
