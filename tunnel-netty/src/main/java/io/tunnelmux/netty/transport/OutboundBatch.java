package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Frames as bytes, in as few buffers as possible, and with room in front of the first. A payload that owns its buffer gets its header in
 * front of it, in that very buffer; what is small, and the headers of payloads that own none, are written behind what the last buffer
 * holds, if it is owned and has room.
 *
 * <pre>
 * DATA 16 KiB, as read                 WINDOW, DATA 64 B              DATA 8 KiB, a slice that others share
 * |room|header|payload … ……………………|header|…|header|payload|header|   |payload …|
 * |←                          one buffer                       →|   |← another →|
 * </pre>
 *
 * One thread.
 */
final class OutboundBatch {
    /** A payload up to here is copied behind what is there, which costs less than another buffer on its way through the channel. */
    static final int COPIED_BYTES = 2_048;

    private static final int FIRST_SEGMENTS = 4;
    private static final int FIRST_PACK_BYTES = 512;
    private static final int MAX_PACK_BYTES = 16_384;

    private final ByteBufAllocator allocator;
    private final int roomBytes;
    private final boolean needsOwned;

    private @Nullable ByteBuf[] segments = new ByteBuf[FIRST_SEGMENTS];
    private int count;
    private int bytes;
    /** The last segment, if it is owned, so that more may be written behind it. */
    private @Nullable ByteBuf tail;

    private int packBytes = FIRST_PACK_BYTES;

    /**
     * @param roomBytes how much room the first buffer has in front
     * @param needsOwned whether all bytes must be owned, to be masked in place; what is not is copied then, once
     */
    OutboundBatch(ByteBufAllocator allocator, int roomBytes, boolean needsOwned) {
        this.allocator = allocator;
        this.roomBytes = roomBytes;
        this.needsOwned = needsOwned;
    }

    /** Bytes of all frames in here. */
    int bytes() {
        return bytes;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Number of buffers. */
    int segments() {
        return count;
    }

    ByteBuf segment(int index) {
        return Objects.requireNonNull(segments[index]);
    }

    /** How many bytes a frame with this header takes. */
    static int frameBytes(long header) {
        return FrameEncoder.HEADER_BYTES + ((int) (header >>> 32) & 0xffff);
    }

    /**
     * Adds a frame, which is taken.
     *
     * @param header of that frame
     */
    void add(long header, Frame frame) {
        if (frame instanceof Frame.Window window) {
            writable(frameBytes(header)).writeLong(header).writeInt(window.increment());
        } else if (frame instanceof Frame.Ping ping) {
            writable(frameBytes(header)).writeLong(header).writeLong(ping.opaque());
        } else {
            add(header, FrameEncoder.payload(frame));
        }
        bytes += frameBytes(header);
    }

    private void add(long header, Payload payload) {
        boolean isSmall = payload.length() <= COPIED_BYTES;
        if (!(payload instanceof NettyPayload inBuffer) || isSmall && count > 0) {
            copy(header, payload);
            return;
        }
        int headroom = inBuffer.headroom();
        if (headroom >= FrameEncoder.HEADER_BYTES + roomInFront()) {
            ByteBuf segment = NettyPayload.toByteBuf(inBuffer);
            int start = segment.readerIndex() - FrameEncoder.HEADER_BYTES;
            segment.setLong(start, header).readerIndex(start);
            addSegment(segment, true);
            return;
        }
        boolean isOwned = headroom > 0 || inBuffer.ownsBuffer();
        if (isSmall || needsOwned && !isOwned) {
            copy(header, payload);
        } else {
            addBeside(header, inBuffer, isOwned);
        }
    }

    private void addBeside(long header, NettyPayload payload, boolean isOwned) {
        try {
            writable(FrameEncoder.HEADER_BYTES).writeLong(header);
        } catch (Throwable e) {
            payload.release();
            throw e;
        }
        addSegment(NettyPayload.toByteBuf(payload), isOwned);
    }

    private void copy(long header, Payload payload) {
        try {
            ByteBuf target =
                    writable(FrameEncoder.HEADER_BYTES + payload.length()).writeLong(header);
            if (payload instanceof NettyPayload ours) {
                ours.appendTo(target);
            } else {
                target.writeBytes(payload.toByteArray());
            }
        } finally {
            payload.release();
        }
    }

    /** The tail, if {@code length} more bytes fit behind it, or else a new one. */
    private ByteBuf writable(int length) {
        ByteBuf target = tail;
        if (target == null || target.writableBytes() < length) {
            int room = roomInFront();
            target = allocator.ioBuffer(Math.max(packBytes, room + length)).setIndex(room, room);
            packBytes = Math.min(2 * packBytes, MAX_PACK_BYTES);
            addSegment(target, true);
        }
        return target;
    }

    private int roomInFront() {
        return count == 0 ? roomBytes : 0;
    }

    private void addSegment(ByteBuf segment, boolean isOwned) {
        if (count == segments.length) {
            segments = Arrays.copyOf(segments, 2 * count);
        }
        segments[count++] = segment;
        tail = isOwned ? segment : null;
    }

    /** Forgets all segments, which somebody else has taken. */
    void reset() {
        Arrays.fill(segments, 0, count, null);
        count = 0;
        bytes = 0;
        tail = null;
        packBytes = FIRST_PACK_BYTES;
    }

    /** Releases all that is in here. */
    void release() {
        for (int i = 0; i < count; i++) {
            segment(i).release();
        }
        reset();
    }
}
