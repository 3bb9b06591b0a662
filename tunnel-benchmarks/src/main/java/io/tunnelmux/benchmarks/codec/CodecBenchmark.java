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
 *
 * <p>A frame's payload has at most 65,535 bytes, and 32,768 unless both peers ask for more: a piece of 64 KiB is one envelope and two frames.
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
    private static final int MAX_FRAME_BYTES = 32_768;
    private static final long SEED = 20_261_121L;

    private final EnvelopeCodec json = EnvelopeCodec.of(MessageFormat.JSON);
    private final EnvelopeCodec cbor = EnvelopeCodec.of(MessageFormat.CBOR);
    private final FrameDecoder frameDecoder = new FrameDecoder(MAX_FRAME_BYTES);
    private final DataTaker dataTaker = new DataTaker();
    private final ByteBuffer headroom = ByteBuffer.allocateDirect(FrameEncoder.HEADER_BYTES);

    /** Bytes of the piece. */
    @Param({"64", "1024", "16384", "65536"})
    public int size;

    private Payload body = Payload.EMPTY;
    /** The body, as frames carry it. */
    private Payload[] parts = {};

    private Payload jsonEnvelope = Payload.EMPTY;
    private Payload cborEnvelope = Payload.EMPTY;
    private Payload frames = Payload.EMPTY;

    @Setup
    public void compose() {
        byte[] bytes = new byte[size];
        new Random(SEED).nextBytes(bytes);
        body = Payload.of(bytes);
        jsonEnvelope = encodeJson();
        cborEnvelope = encodeCbor();
        parts = new Payload[(size + MAX_FRAME_BYTES - 1) / MAX_FRAME_BYTES];
        ByteBuffer encoded = ByteBuffer.allocate(parts.length * FrameEncoder.HEADER_BYTES + size);
        for (int i = 0; i < parts.length; i++) {
            int start = i * MAX_FRAME_BYTES;
            int count = Math.min(MAX_FRAME_BYTES, size - start);
            parts[i] = body.retainedSlice(start, count);
            encoded.putLong(FrameEncoder.header(new Frame.Data(STREAM_ID, parts[i], 0)))
                    .put(bytes, start, count);
        }
        frames = Payload.of(encoded.array());
        requireFramesHoldBody();
        requireBody(decodeJson());
        requireBody(decodeCbor());
    }

    private void requireFramesHoldBody() {
        int before = dataTaker.bytes();
        if (!decodeFrame().equals(parts[parts.length - 1]) || dataTaker.bytes() - before != size) {
            throw new IllegalStateException("not what was sent: " + dataTaker.last());
        }
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
        Payload last = Payload.EMPTY;
        for (Payload part : parts) {
            Frame.Data data = new Frame.Data(STREAM_ID, part, 0);
            headroom.putLong(0, FrameEncoder.header(data));
            last = FrameEncoder.payload(data);
        }
        return last;
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
        frameDecoder.decode(frames, dataTaker);
        return dataTaker.last();
    }

    private ProxyChunk chunk() {
        return new ProxyChunk(REQUEST_ID, body, false, ProxyChunk.Kind.RESPONSE);
    }

    private static Payload bytesOf(Message message) {
        return ((ProxyChunk) message).data();
    }
}
