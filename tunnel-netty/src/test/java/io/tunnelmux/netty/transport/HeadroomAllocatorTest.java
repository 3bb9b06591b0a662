package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelConfig;
import io.netty.channel.RecvByteBufAllocator.ExtendedHandle;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.UncheckedBooleanSupplier;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How much of a socket is read in a turn, and into buffers of which size. */
class HeadroomAllocatorTest {
    private static final int MAX_READS = 4;
    /** What a channel says that knows no more than whether a read filled its buffer. */
    private static final UncheckedBooleanSupplier NOTHING_MORE = UncheckedBooleanSupplier.FALSE_SUPPLIER;

    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final ChannelConfig config = channel.config();
    private final ExtendedHandle handle =
            (ExtendedHandle) new HeadroomAllocator(HeadroomAllocator.MAX_BYTES).newHandle();

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
    }

    /** A turn in which so much lies in the socket. {@return what each read got} */
    private List<Integer> turn(int bytes) {
        List<Integer> reads = new ArrayList<>();
        int left = bytes;
        handle.reset(config);
        do {
            ByteBuf buf = handle.allocate(UnpooledByteBufAllocator.DEFAULT);
            int read = Math.min(left, buf.writableBytes());
            handle.attemptedBytesRead(buf.writableBytes());
            handle.lastBytesRead(read);
            handle.incMessagesRead(1);
            buf.release();
            left -= read;
            reads.add(read);
        } while (handle.continueReading(() -> handle.lastBytesRead() == handle.attemptedBytesRead()));
        handle.readComplete();
        return reads;
    }

    private void growToTheMost() {
        turn(1_000_000);
        assertThat(handle.guess()).isEqualTo(HeadroomAllocator.MAX_BYTES - HeadroomAllocator.HEADROOM_BYTES);
    }

    @Test
    void noMoreIsReadInATurnThanFourBuffers() {
        growToTheMost();

        int full = HeadroomAllocator.MAX_BYTES - HeadroomAllocator.HEADROOM_BYTES;
        assertThat(turn(1_000_000)).hasSize(MAX_READS).containsOnly(full);
        assertThat(turn(2 * full)).containsExactly(full, full, 0);
    }

    @Test
    void littleIsReadInOneTurnWithoutAskingForMore() {
        assertThat(turn(100)).containsExactly(100);
        growToTheMost();
        assertThat(turn(HeadroomAllocator.MAX_BYTES / 2)).containsExactly(HeadroomAllocator.MAX_BYTES / 2);
    }

    @Test
    void aLongBufferThatIsMoreThanHalfFullMayNotHaveBeenAll() {
        growToTheMost();

        handle.reset(config);
        handle.attemptedBytesRead(handle.guess());
        handle.lastBytesRead(HeadroomAllocator.MAX_BYTES / 2 + 1);
        handle.incMessagesRead(1);
        assertThat(handle.continueReading(NOTHING_MORE)).isTrue();

        handle.attemptedBytesRead(handle.guess());
        handle.lastBytesRead(HeadroomAllocator.MAX_BYTES / 2);
        handle.incMessagesRead(1);
        assertThat(handle.continueReading(NOTHING_MORE)).isFalse();
    }

    @Test
    void nothingIsReadOnBehindTheEnd() {
        growToTheMost();

        handle.reset(config);
        handle.attemptedBytesRead(handle.guess());
        handle.lastBytesRead(-1);
        assertThat(handle.continueReading(NOTHING_MORE)).isFalse();
    }

    @Test
    void buffersGrowFourfoldWhenFullAndAreHalvedWhenTwoTurnsWouldHaveFittedInAQuarter() {
        int first = HeadroomAllocator.FIRST_BYTES - HeadroomAllocator.HEADROOM_BYTES;
        assertThat(handle.guess()).isEqualTo(first);
        // One more, which no longer fits in a quarter of what follows.
        turn(first + 1);
        assertThat(handle.guess()).isEqualTo(4 * HeadroomAllocator.FIRST_BYTES - HeadroomAllocator.HEADROOM_BYTES);

        turn(10);
        assertThat(handle.guess()).isEqualTo(4 * HeadroomAllocator.FIRST_BYTES - HeadroomAllocator.HEADROOM_BYTES);
        turn(10);
        assertThat(handle.guess()).isEqualTo(2 * HeadroomAllocator.FIRST_BYTES - HeadroomAllocator.HEADROOM_BYTES);
        for (int i = 0; i < 20; i++) {
            turn(10);
        }
        assertThat(handle.guess()).isEqualTo(HeadroomAllocator.MIN_BYTES - HeadroomAllocator.HEADROOM_BYTES);
    }
}
