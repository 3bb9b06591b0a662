package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that wait, in the order in which they came. Pieces of up to 4 KiB are copied into buffers of 16 KiB, so that a byte that came alone costs a byte and
 * not the objects around it, nor the whole buffer that a socket had filled a little of. So are larger ones that fill less than a quarter of the memory that they
 * keep: whoever sends much else beside each of them must not make a few megabytes cost many times as much. All others are kept as they are.
 *
 * <p>For one thread.
 */
public final class PieceQueue {

    private static final int SMALL_BYTES = 4 * 1024;
    private static final int FIRST_BYTES = 512;
    private static final int FULL_BYTES = 16 * 1024;
    /** How many times as long as itself the memory of a piece that is kept may be. */
    private static final int WASTE = 4;
    /** A buffer of so many bytes may be kept for a single one. */
    private static final int LITTLE_BYTES = 4 * 1024;

    /** Null as long as nothing has had to wait, as for most connections. */
    private @Nullable ArrayDeque<ByteBuf> pieces;
    /** The last of {@link #pieces} if small ones can be put to it. */
    private @Nullable ByteBuf gathering;

    /** An empty queue. */
    public PieceQueue() {
        // Nothing waits.
    }

    /** Puts bytes at the end. Takes {@code piece}. */
    public void add(ByteBuf piece, ByteBufAllocator allocator) {
        int length = piece.readableBytes();
        if (length > SMALL_BYTES && (length >= FULL_BYTES || !isWasteful(piece))) {
            gathering = null;
            waiting().add(compact(piece, allocator));
            return;
        }
        if (length == 0) {
            piece.release();
            return;
        }
        ByteBuf target = gathering;
        if (target == null || length > target.maxWritableBytes()) {
            target = allocator.buffer(FIRST_BYTES, FULL_BYTES);
            waiting().add(target);
            gathering = target;
        }
        target.writeBytes(piece);
        piece.release();
    }

    /** The same bytes, in memory of about their length where they filled little of a large buffer. Takes {@code piece}. */
    public static ByteBuf compact(ByteBuf piece, ByteBufAllocator allocator) {
        if (!isWasteful(piece)) {
            return piece;
        }
        try {
            return allocator.buffer(piece.readableBytes()).writeBytes(piece);
        } finally {
            piece.release();
        }
    }

    /** Whether a piece keeps a buffer many times as long as itself. */
    private static boolean isWasteful(ByteBuf piece) {
        ByteBuf whole = piece;
        for (ByteBuf part = piece.unwrap(); part != null; part = part.unwrap()) {
            whole = part;
        }
        return whole.capacity() > Math.max(LITTLE_BYTES, WASTE * piece.readableBytes());
    }

    /** Takes out the first piece; null if none waits. */
    public @Nullable ByteBuf poll() {
        ArrayDeque<ByteBuf> waiting = pieces;
        if (waiting == null) {
            return null;
        }
        ByteBuf first = waiting.poll();
        gathering = waiting.isEmpty() ? null : gathering;
        return first;
    }

    /** Gives back what is left of the first piece. Takes {@code rest}. */
    public void addFirst(ByteBuf rest) {
        waiting().addFirst(rest);
    }

    private ArrayDeque<ByteBuf> waiting() {
        ArrayDeque<ByteBuf> waiting = pieces;
        if (waiting == null) {
            waiting = new ArrayDeque<>(1);
            pieces = waiting;
        }
        return waiting;
    }

    /** How many pieces wait. */
    int size() {
        return pieces == null ? 0 : pieces.size();
    }

    /** Drops and frees all that waits. */
    public void clear() {
        for (ByteBuf piece = poll(); piece != null; piece = poll()) {
            piece.release();
        }
    }
}
