package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;

/**
 * Read buffers with room in front of what is read, so that a tunnel's headers can be written there and the buffer goes out as it came in.
 *
 * <pre>
 * |← 24 bytes →|← what the socket gave           →|← not used →|
 * </pre>
 *
 * The size adapts to what comes: a buffer read full makes the next four times as long, up to a limit; two bursts in a row that would have
 * fitted in a quarter halve it, down to 512 bytes. Sizes are powers of two, headroom included, which is what allocators have ready.
 */
class HeadroomAllocator extends DefaultMaxMessagesRecvByteBufAllocator {
    /** A frame's header, and behind it the longest WebSocket header that a client writes; rounded up to whole words. */
    static final int HEADROOM_BYTES = 24;

    static final int MIN_BYTES = 512;
    static final int FIRST_BYTES = 2_048;
    static final int MAX_BYTES = 65_536;

    /** Reads of one channel in a turn of its loop: what comes of them goes out in one flush. */
    private static final int MAX_READS = 4;

    private final int maxBytes;
    private final int headroomBytes;

    /** @param maxBytes the longest buffer, with its headroom; at least {@value #FIRST_BYTES} */
    HeadroomAllocator(int maxBytes) {
        this(maxBytes, HEADROOM_BYTES);
    }

    HeadroomAllocator(int maxBytes, int headroomBytes) {
        super(MAX_READS);
        this.maxBytes = maxBytes;
        this.headroomBytes = headroomBytes;
    }

    /** The most that may be read next. */
    int limitBytes() {
        return Integer.MAX_VALUE;
    }

    @Override
    @SuppressWarnings("deprecation")
    public Handle newHandle() {
        return new AdaptiveHandle();
    }

    private final class AdaptiveHandle extends MaxMessageHandle {
        private int size = FIRST_BYTES;
        private boolean wasSmall;

        @Override
        public ByteBuf allocate(ByteBufAllocator alloc) {
            int bytes = headroomBytes + guess();
            return alloc.ioBuffer(bytes, bytes).setIndex(headroomBytes, headroomBytes);
        }

        @Override
        public int guess() {
            return Math.min(size - headroomBytes, limitBytes());
        }

        @Override
        public void lastBytesRead(int bytes) {
            // Not if it was only a limit that was reached.
            if (bytes == size - headroomBytes) {
                size = Math.min(4 * size, maxBytes);
                wasSmall = false;
            }
            super.lastBytesRead(bytes);
        }

        /** A buffer that is more than half full hardly ends what has come: packets end where they like. Others would be asked for nothing. */
        @Override
        public boolean continueReading(UncheckedBooleanSupplier maybeMoreDataSupplier) {
            boolean isNearlyFull = lastBytesRead() > maxBytes / 2;
            return super.continueReading(isNearlyFull ? UncheckedBooleanSupplier.TRUE_SUPPLIER : maybeMoreDataSupplier);
        }

        @Override
        public void readComplete() {
            if (totalBytesRead() + headroomBytes > size / 4) {
                wasSmall = false;
            } else if (wasSmall) {
                size = Math.max(size / 2, MIN_BYTES);
                wasSmall = false;
            } else {
                wasSmall = true;
            }
        }
    }
}
