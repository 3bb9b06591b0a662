package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator.ExtendedHandle;
import io.netty.channel.embedded.EmbeddedChannel;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.codec.FrameDecoder;
import io.tunnelmux.protocol.testing.CollectedFrames;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Where reads of a tunnel end. */
class TunnelReadsTest {
    private static final int HEADER_BYTES = 8;
    private static final int WHOLE = TunnelConfig.DEFAULT_SETTINGS.maxFrameBytes();

    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final TunnelReads reads = new TunnelReads();
    private final ExtendedHandle handle = (ExtendedHandle) reads.newHandle();
    private final FrameDecoder decoder = new FrameDecoder(WHOLE);
    private final CollectedFrames frames = new CollectedFrames();

    @BeforeEach
    void growToTheMost() {
        for (int i = 0; i < 10; i++) {
            handle.reset(channel.config());
            handle.attemptedBytesRead(handle.guess());
            handle.lastBytesRead(handle.guess());
            handle.incMessagesRead(1);
            handle.readComplete();
        }
    }

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
    }

    /** Frames of DATA back to back. */
    private static byte[] frames(int count, int payloadBytes) {
        byte[] bytes = new byte[count * (HEADER_BYTES + payloadBytes)];
        for (int i = 0; i < count; i++) {
            int at = i * (HEADER_BYTES + payloadBytes);
            bytes[at + 2] = (byte) (payloadBytes >>> 8);
            bytes[at + 3] = (byte) payloadBytes;
            bytes[at + 7] = 1;
        }
        return bytes;
    }

    /** Reads all of {@code bytes}, of which a first read finds only so many. */
    private void readAll(byte[] bytes, int firstBytes) {
        int at = 0;
        while (at < bytes.length) {
            ByteBuf buf = handle.allocate(UnpooledByteBufAllocator.DEFAULT);
            int there = (at < firstBytes ? firstBytes : bytes.length) - at;
            int count = Math.min(buf.writableBytes(), there);
            buf.writeBytes(bytes, at, count);
            at += count;
            decoder.decode(NettyPayload.of(buf), frames);
            reads.missing(decoder.missingBytes());
        }
    }

    /** Lengths of the pieces of DATA that were handed on. */
    private List<Integer> pieces() {
        return frames.frames().stream()
                .map(frame -> ((Frame.Data) frame).payload().length())
                .toList();
    }

    @Test
    void longFramesComeInOnePieceEach() {
        readAll(frames(5, WHOLE), 0);

        assertThat(pieces()).containsExactly(WHOLE, WHOLE, WHOLE, WHOLE, WHOLE);
    }

    @Test
    void afterAFrameThatCameInPartsTheNextOnesAreWholeAgain() {
        readAll(frames(4, WHOLE), 30_000);

        assertThat(pieces()).containsExactly(30_000 - HEADER_BYTES, WHOLE - 30_000 + HEADER_BYTES, WHOLE, WHOLE, WHOLE);
    }

    @Test
    void whatIsLeftOfAShortFrameIsReadWithWhatFollows() {
        readAll(frames(1_000, 500), 0);

        int whole = HEADER_BYTES + WHOLE + HEADER_BYTES;
        assertThat(pieces().size()).isLessThanOrEqualTo(1_000 + 1_000 * (HEADER_BYTES + 500) / whole);
        assertThat(handle.guess()).isGreaterThan(whole - 1);
    }

    @Test
    void aLimitThatIsReachedMakesNoLongBuffers() {
        int before = handle.guess();
        for (int i = 0; i < 30; i++) {
            handle.reset(channel.config());
            reads.missing(i % 2 == 0 ? 0 : 4_096);
            handle.attemptedBytesRead(handle.guess());
            handle.lastBytesRead(i % 2 == 0 ? 1 : Math.min(4_096, handle.guess()));
            handle.incMessagesRead(1);
            handle.readComplete();
        }
        reads.missing(0);

        assertThat(handle.guess()).isLessThan(before);
    }

    @Test
    void thereIsNoHeadroom() {
        ByteBuf buf = handle.allocate(UnpooledByteBufAllocator.DEFAULT);

        assertThat(buf.readerIndex()).isZero();
        assertThat(buf.writableBytes()).isEqualTo(handle.guess()).isEqualTo(buf.capacity());
        buf.release();
    }
}
