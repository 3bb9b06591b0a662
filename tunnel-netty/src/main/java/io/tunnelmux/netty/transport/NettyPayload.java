package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.IllegalReferenceCountException;
import io.tunnelmux.netty.websocket.Ownership;
import io.tunnelmux.protocol.Payload;
import java.util.Objects;

/**
 * A run of bytes inside a {@link ByteBuf}. Slices share the buffer and cost one small object; no second buffer is made until one is asked
 * for.
 *
 * <p>Each payload holds one reference to its buffer. A payload that holds the only one <em>owns</em> the buffer: a transport may then write
 * a header into the room in front of the bytes, append behind them, and mask them in place. So whoever makes a payload must not use
 * memory again to which it keeps no reference of its own: bytes that are to be kept belong into {@link Payload#of(byte[])}.
 *
 * <p>Not safe for use by several threads at once; handing one over to another thread is.
 */
public final class NettyPayload implements Payload {
    private static final int RELEASED = -1;

    private final ByteBuf buf;
    private int start;
    private int end;

    private NettyPayload(ByteBuf buf, int start, int end) {
        this.buf = buf;
        this.start = start;
        this.end = end;
    }

    /**
     * The readable bytes of a buffer. What stands in front of them is room for headers, if the payload owns the buffer by then.
     *
     * @param taken with one reference
     */
    public static NettyPayload of(ByteBuf taken) {
        return new NettyPayload(taken, taken.readerIndex(), taken.writerIndex());
    }

    /** The bytes from {@code start} to {@code end} of a buffer, of which one reference is taken. */
    static NettyPayload region(ByteBuf taken, int start, int end) {
        return new NettyPayload(taken, start, end);
    }

    /**
     * The bytes as a buffer, for a channel to write. Without a copy, unless the payload is of another carrier.
     *
     * @param taken its reference goes over to the buffer that is returned
     */
    public static ByteBuf toByteBuf(Payload taken) {
        if (taken instanceof NettyPayload payload) {
            return payload.intoBuffer();
        }
        try {
            return Unpooled.wrappedBuffer(taken.toByteArray());
        } finally {
            taken.release();
        }
    }

    @Override
    public int length() {
        return end - start;
    }

    @Override
    public byte byteAt(int index) {
        return buf.getByte(start + Objects.checkIndex(index, length()));
    }

    @Override
    public long longAt(int index) {
        return buf.getLong(start + Objects.checkFromIndexSize(index, Long.BYTES, length()));
    }

    @Override
    public void copyTo(int index, byte[] target, int targetOffset, int count) {
        buf.getBytes(start + Objects.checkFromIndexSize(index, count, length()), target, targetOffset, count);
    }

    @Override
    public NettyPayload retainedSlice(int index, int count) {
        int from = start + Objects.checkFromIndexSize(index, count, length());
        return new NettyPayload(buf.retain(), from, from + count);
    }

    @Override
    public NettyPayload dropFirst(int count) {
        start += Objects.checkFromIndexSize(0, count, length()) + count;
        return this;
    }

    @Override
    public void release() {
        checkNotReleased();
        end = RELEASED;
        buf.release();
    }

    /** Whether nobody else holds a reference to the buffer, so that all of its memory may be written to. */
    boolean ownsBuffer() {
        return Ownership.isOwned(buf);
    }

    /** How many bytes may be written in front of this payload; 0 if it does not own the buffer. */
    int headroom() {
        return Ownership.isOwned(buf) ? start : 0;
    }

    /** Copies everything behind what has been written to {@code target}. */
    void appendTo(ByteBuf target) {
        target.writeBytes(buf, start, length());
    }

    private ByteBuf intoBuffer() {
        checkNotReleased();
        // The indices of a shared buffer are not ours to set.
        if (Ownership.isOwned(buf)) {
            buf.setIndex(start, end);
            end = RELEASED;
            return buf;
        }
        // Pooled allocators keep retained slices to use them again; a plain one is new each time.
        ByteBuf slice = buf.retainedSlice(start, end - start);
        release();
        return slice;
    }

    private void checkNotReleased() {
        if (end == RELEASED) {
            throw new IllegalReferenceCountException("released or given away before");
        }
    }

    @Override
    public String toString() {
        return end == RELEASED ? "released" : length() + " bytes at " + start + " of " + buf;
    }
}
