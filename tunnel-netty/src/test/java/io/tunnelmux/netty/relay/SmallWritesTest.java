package io.tunnelmux.netty.relay;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocatorMetric;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.tunnelmux.netty.testing.LeakGuard;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakGuard.class)
class SmallWritesTest {

    private static final int WINDOW_BYTES = 131_072;
    private static final long MIB = 1024 * 1024;
    /** An entry and the buffer object in it. */
    private static final long ENTRY_BYTES = 200;

    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);
    private final Stoppable channel = new Stoppable();

    /** A channel whose socket takes nothing while it is stopped. */
    private final class Stoppable extends EmbeddedChannel {
        private boolean isStopped;

        Stoppable() {
            config().setOption(ChannelOption.ALLOCATOR, allocator);
            SmallWrites.addTo(pipeline());
        }

        @Override
        protected void doWrite(ChannelOutboundBuffer in) throws Exception {
            if (!isStopped) {
                super.doWrite(in);
            }
        }

        void goOn() {
            isStopped = false;
            flush();
            runPendingTasks();
        }

        /** What the entries of the channel's queue cost beside their buffers. */
        long entryBytes() throws Exception {
            int[] entries = {0};
            ChannelOutboundBuffer buffer = unsafe().outboundBuffer();
            if (buffer != null) {
                buffer.forEachFlushedMessage(message -> ++entries[0] > 0);
            }
            return entries[0] * ENTRY_BYTES;
        }

        byte[] takeWritten() throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            for (ByteBuf piece = readOutbound(); piece != null; piece = readOutbound()) {
                piece.readBytes(bytes, piece.readableBytes());
                piece.release();
            }
            return bytes.toByteArray();
        }
    }

    /** A buffer of its own for each byte: what a socket fills when each comes in a segment of its own. */
    private ByteBuf single(int i) {
        return allocator.buffer(64).writeByte(i);
    }

    private long allocatedBytes() {
        ByteBufAllocatorMetric metric = allocator.metric();
        return metric.usedDirectMemory() + metric.usedHeapMemory();
    }

    @Test
    void aWindowOfSingleBytesForAStoppedReaderHoldsLessThanAMegabyte() throws Exception {
        channel.isStopped = true;

        for (int i = 0; i < WINDOW_BYTES; i++) {
            channel.write(single(i), channel.voidPromise());
            channel.flush();
        }

        assertThat(channel.entryBytes() + allocatedBytes()).isLessThan(MIB);
        channel.goOn();
        byte[] written = channel.takeWritten();
        assertThat(written).hasSize(WINDOW_BYTES);
        for (int i = 0; i < WINDOW_BYTES; i++) {
            assertThat(written[i]).isEqualTo((byte) i);
        }
        assertThat(allocatedBytes()).isZero();
        channel.finishAndReleaseAll();
    }

    @Test
    void piecesThatFillLittleOfTheirBuffersDoNotKeepThem() throws IOException {
        channel.isStopped = true;
        int pieceBytes = 5_000;
        int pieces = (int) (2 * MIB / pieceBytes);

        for (int i = 0; i < pieces; i++) {
            ByteBuf read = allocator.buffer(65_536).writeZero(65_536);
            read.setByte(60_000, i);
            channel.write(read.slice(60_000, pieceBytes), channel.voidPromise());
            channel.flush();
        }

        assertThat(allocatedBytes()).isLessThan(3 * MIB);
        channel.goOn();
        byte[] written = channel.takeWritten();
        assertThat(written).hasSize(pieces * pieceBytes);
        for (int i = 0; i < pieces; i++) {
            assertThat(written[i * pieceBytes]).isEqualTo((byte) i);
        }
        channel.finishAndReleaseAll();
    }

    @Test
    void soDoesOneInChunksOfHttp() throws Exception {
        channel.pipeline().addLast(new HttpResponseEncoder());
        channel.isStopped = true;
        HttpResponse head = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        head.headers().set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        channel.write(head, channel.voidPromise());

        for (int i = 0; i < WINDOW_BYTES; i++) {
            channel.write(new DefaultHttpContent(single('x')), channel.voidPromise());
            channel.flush();
        }

        assertThat(channel.entryBytes() + allocatedBytes()).isLessThan(MIB);
        channel.goOn();
        assertThat(channel.takeWritten().length).isGreaterThan(6 * WINDOW_BYTES);
        channel.finishAndReleaseAll();
    }

    @Test
    void nothingIsLostOrOvertakenWhateverIsWrittenAndWhenever() throws IOException {
        for (long seed = 0; seed < 300; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            Stoppable line = new Stoppable();
            ByteArrayOutputStream expected = new ByteArrayOutputStream();
            ByteArrayOutputStream actual = new ByteArrayOutputStream();
            ChannelFuture last = line.newSucceededFuture();
            for (int i = 0; i < 400; i++) {
                switch (random.nextInt(8)) {
                    case 0 -> line.isStopped = true;
                    case 1 -> line.goOn();
                    case 2 -> line.flush();
                    case 3 -> last = line.write(bytes(random, expected));
                    default -> line.write(bytes(random, expected), line.voidPromise());
                }
                actual.write(line.takeWritten());
            }
            line.goOn();
            actual.write(line.takeWritten());
            assertThat(actual.toByteArray()).as("seed %d", seed).isEqualTo(expected.toByteArray());
            assertThat(last.isSuccess()).as("seed %d", seed).isTrue();
            line.finishAndReleaseAll();
        }
        assertThat(allocatedBytes()).isZero();
    }

    private ByteBuf bytes(SplittableRandom random, ByteArrayOutputStream expected) throws IOException {
        byte[] bytes = new byte[random.nextInt(4) == 0 ? random.nextInt(20_000) : random.nextInt(10)];
        random.nextBytes(bytes);
        expected.write(bytes);
        return allocator.buffer(bytes.length + 1).writeBytes(bytes);
    }

    @Test
    void whatWaitsIsFreedWithTheChannelAndGoesOnWithoutTheHandler() throws IOException {
        for (boolean isClosed : new boolean[] {true, false}) {
            Stoppable line = new Stoppable();
            line.isStopped = true;
            line.write(allocator.buffer(100_000).writeZero(100_000));
            for (int i = 0; i < 1_000; i++) {
                line.write(single(i), line.voidPromise());
            }
            line.flush();
            if (isClosed) {
                line.close();
            } else {
                line.pipeline().remove(SmallWrites.class);
                line.goOn();
                assertThat(line.takeWritten()).hasSize(101_000);
            }
            line.finishAndReleaseAll();
            assertThat(allocatedBytes()).isZero();
        }
    }

    @Test
    void aChannelThatKeepsUpGetsWhatIsWrittenAsItIs() {
        ByteBuf piece = single(1);

        channel.write(piece, channel.voidPromise());
        channel.flush();

        ByteBuf written = channel.readOutbound();
        assertThat(written).isSameAs(piece);
        written.release();
        channel.writeOneOutbound(Unpooled.EMPTY_BUFFER);
        channel.finishAndReleaseAll();
    }
}
