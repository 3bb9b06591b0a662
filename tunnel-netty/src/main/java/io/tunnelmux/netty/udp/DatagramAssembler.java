package io.tunnelmux.netty.udp;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import org.jspecify.annotations.Nullable;

/**
 * Makes datagrams of the units of one stream, which come in pieces where they are longer than a frame. A unit longer than any datagram is skipped. What is held
 * of a unit is never more than {@value UdpSocket#MAX_BYTES} bytes, so that the credit of its pieces may be given back at once: a whole one can be
 * longer than the stream's window.
 *
 * <p>For one thread.
 */
public final class DatagramAssembler {

    private @Nullable ByteBuf pieces;
    private boolean isSkipping;
    private int skipped;

    /** One that waits for a unit. */
    public DatagramAssembler() {
        // Nothing has come.
    }

    /**
     * Adds a piece. Takes the frame's payload.
     *
     * @return the whole unit, if this was the last of it; the caller's from now on
     */
    public @Nullable ByteBuf add(Frame.Data data, ByteBufAllocator allocator) {
        Payload payload = data.payload();
        int length = payload.length();
        ByteBuf begun = pieces;
        boolean hasMore = data.hasMore();
        if (isSkipping || (begun == null ? 0 : begun.readableBytes()) + length > UdpSocket.MAX_BYTES) {
            payload.release();
            clear();
            skipped += hasMore ? 0 : 1;
            isSkipping = hasMore;
            return null;
        }
        if (begun == null) {
            if (data.isEnd() && length == 0) {
                // The end of the half, and no unit.
                payload.release();
                return null;
            }
            if (!hasMore) {
                return NettyPayload.toByteBuf(payload);
            }
            begun = allocator.ioBuffer(Math.min(2 * length, UdpSocket.MAX_BYTES), UdpSocket.MAX_BYTES);
            pieces = begun;
        }
        ByteBuf piece = NettyPayload.toByteBuf(payload);
        begun.writeBytes(piece);
        piece.release();
        if (hasMore) {
            return null;
        }
        pieces = null;
        return begun;
    }

    /** How many units were longer than any datagram. */
    public int skipped() {
        return skipped;
    }

    /** Drops what has come of a unit. */
    public void clear() {
        if (pieces != null) {
            pieces.release();
            pieces = null;
        }
    }
}
