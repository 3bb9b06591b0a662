package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that wait, in the order in which they came. Pieces of up to 4 KiB are copied into buffers of 16 KiB, so that a byte that came alone costs a byte and
 * not the objects around it, nor the whole buffer that a socket had filled a little of; larger ones are kept as they are.
 *
 * <p>For one thread.
 */
public final class PieceQueue {

    private static final int SMALL_BYTES = 4 * 1024;
    private static final int FIRST_BYTES = 512;
    private static final int FULL_BYTES = 16 * 1024;

    private final ArrayDeque<ByteBuf> pieces = new ArrayDeque<>(1);
    /** The last of {@link #pieces} if small ones can be put to it. */
    private @Nullable ByteBuf gathering;

    /** An empty queue. */
    public PieceQueue() {
        // Nothing waits.
    }

    /** Puts bytes at the end. Takes {@code piece}. */
    public void add(ByteBuf piece, ByteBufAllocator allocator) {
        int length = piece.readableBytes();
        if (length > SMALL_BYTES) {
            gathering = null;
            pieces.add(piece);
            return;
        }
        if (length == 0) {
            piece.release();
            return;
        }
        ByteBuf target = gathering;
        if (target == null || length > target.maxWritableBytes()) {
            target = allocator.buffer(FIRST_BYTES, FULL_BYTES);
            pieces.add(target);
            gathering = target;
        }
        target.writeBytes(piece);
        piece.release();
    }

    /** Takes out the first piece; null if none waits. */
    public @Nullable ByteBuf poll() {
        ByteBuf first = pieces.poll();
        gathering = pieces.isEmpty() ? null : gathering;
        return first;
    }

    /** How many pieces wait. */
    int size() {
        return pieces.size();
    }

    /** Drops and frees all that waits. */
    public void clear() {
        for (ByteBuf piece = poll(); piece != null; piece = poll()) {
            piece.release();
        }
    }
}
