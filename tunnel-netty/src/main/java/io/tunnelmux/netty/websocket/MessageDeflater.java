package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.zip.Deflater;
import org.jspecify.annotations.Nullable;

/** Compresses messages (RFC 7692), one after the other, piece by piece: each can be read as far as it goes. One thread. */
final class MessageDeflater {

    /** What stands at the end of all that is flushed, and is left out at the end of a message. */
    private static final int TAIL_BYTES = 4;
    /** The head of an empty block: what is left of one without its tail. */
    private static final int EMPTY_BLOCK = 0;
    /** What a flush adds, and what does not get shorter takes more. */
    private static final int SLACK_BYTES = 64;

    private @Nullable Deflater deflater;

    /**
     * Compresses more of a message.
     *
     * @param taken perhaps empty
     * @param isLast whether the message is complete with it
     * @param roomBytes how much room the result has in front
     * @return the caller's; not empty, unless what was taken is, and not the last
     */
    ByteBuf next(ByteBuf taken, boolean isLast, int roomBytes, ByteBufAllocator allocator) {
        int length = taken.readableBytes();
        Deflater current = deflater == null ? ZlibPool.deflater() : deflater;
        deflater = current;
        ByteBuf result =
                allocator.ioBuffer(roomBytes + SLACK_BYTES + length / 2).setIndex(roomBytes, roomBytes);
        try {
            if (length > 0) {
                current.setInput(taken.nioBuffer());
                deflate(current, result);
            }
            if (isLast && length > 0) {
                result.writerIndex(result.writerIndex() - TAIL_BYTES);
            } else if (isLast) {
                result.writeByte(EMPTY_BLOCK);
            }
        } catch (Throwable e) {
            result.release();
            throw e;
        } finally {
            taken.release();
        }
        if (isLast) {
            close();
        }
        return result;
    }

    private static void deflate(Deflater current, ByteBuf result) {
        boolean isFull;
        do {
            result.ensureWritable(SLACK_BYTES);
            ByteBuffer room = result.nioBuffer(result.writerIndex(), result.writableBytes());
            result.writerIndex(result.writerIndex() + current.deflate(room, Deflater.SYNC_FLUSH));
            isFull = !room.hasRemaining();
        } while (isFull);
    }

    /** Gives back all that is held of a message. */
    void close() {
        if (deflater != null) {
            ZlibPool.giveBack(deflater);
            deflater = null;
        }
    }
}
