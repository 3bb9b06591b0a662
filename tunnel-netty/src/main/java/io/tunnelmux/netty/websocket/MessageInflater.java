package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * Reads compressed messages (RFC 7692), one after the other, and hands out what is in them bit by bit: so a few bytes that stand for many cost no more memory
 * than their taker asks for at a time. One thread.
 */
final class MessageInflater {

    static final int PIECE_BYTES = 16 * 1024;
    /** A piece of fewer is copied, and gets no longer buffer than it needs. */
    private static final int LITTLE_BYTES = PIECE_BYTES / 4;
    /** Up to here nobody minds how short it came. */
    static final int FREE_BYTES = 1 << 20;
    /** Beyond that, so many times what came is taken for an attack: DEFLATE could make it a thousand. */
    static final int MAX_RATIO = 100;

    /** What the sender has left out at the end of the message. */
    private static final byte[] TAIL = {0, 0, -1, -1};

    private final int maxMessageBytes;
    private final ByteBufAllocator allocator;
    /** What came and has not been read, the first of it with the inflater. */
    private final ArrayDeque<ByteBuf> input = new ArrayDeque<>(1);

    private @Nullable Inflater inflater;
    private boolean isInputComplete;
    private boolean isTailGiven;
    private long receivedBytes;
    private long inflatedBytes;
    private boolean isLast;

    MessageInflater(int maxMessageBytes, ByteBufAllocator allocator) {
        this.maxMessageBytes = maxMessageBytes;
        this.allocator = allocator;
    }

    /**
     * Takes in more of a message. What {@link #next} still has of the one before must have been taken.
     *
     * @param taken perhaps empty
     * @param isComplete whether the message is complete with it
     */
    void add(ByteBuf taken, boolean isComplete) {
        if (inflater == null) {
            inflater = ZlibPool.inflater();
            isInputComplete = false;
            isTailGiven = false;
            isLast = false;
            receivedBytes = 0;
            inflatedBytes = 0;
        }
        isInputComplete = isComplete;
        receivedBytes += taken.readableBytes();
        input.add(taken);
        if (input.size() == 1) {
            inflater.setInput(view(taken));
        }
    }

    /**
     * The next bytes of the message; null if there are none before more is added, or all has been handed out.
     *
     * @return the caller's; empty only if it {@linkplain #isLast() is the last}
     * @throws WebSocketException if what came is not compressed as it should be, or the message too long
     */
    @Nullable
    ByteBuf next() {
        Inflater current = inflater;
        if (current == null) {
            return null;
        }
        ByteBuf piece = allocator.ioBuffer(PIECE_BYTES, PIECE_BYTES);
        try {
            boolean needsMore = fill(current, piece);
            inflatedBytes += piece.readableBytes();
            checkLimits();
            isLast = needsMore && isTailGiven;
        } catch (DataFormatException e) {
            piece.release();
            throw new WebSocketException(CloseCodes.INVALID_DATA, "a message that cannot be inflated");
        } catch (Throwable e) {
            piece.release();
            throw e;
        }
        if (isLast) {
            close();
        } else if (!piece.isReadable()) {
            piece.release();
            return null;
        }
        return piece.readableBytes() < LITTLE_BYTES ? trimmed(piece) : piece;
    }

    /** What has to wait somewhere must not keep many times its length meanwhile. */
    private ByteBuf trimmed(ByteBuf piece) {
        try {
            return allocator.ioBuffer(piece.readableBytes()).writeBytes(piece);
        } finally {
            piece.release();
        }
    }

    /** Whether what {@link #next} has handed out completes its message. */
    boolean isLast() {
        return isLast;
    }

    /** Gives back all that is held of a message. */
    void close() {
        input.forEach(ByteBuf::release);
        input.clear();
        if (inflater != null) {
            ZlibPool.giveBack(inflater);
            inflater = null;
        }
    }

    /** Fills a piece. True if there was too little to fill it with. */
    private boolean fill(Inflater current, ByteBuf piece) throws DataFormatException {
        ByteBuffer room = piece.nioBuffer(0, PIECE_BYTES);
        while (room.hasRemaining()) {
            int count = current.inflate(room);
            if (current.finished()) {
                goOnBehindFinal(current);
            } else if (count == 0 && !feed(current)) {
                piece.writerIndex(room.position());
                return true;
            }
        }
        piece.writerIndex(PIECE_BYTES);
        return false;
    }

    /** A sender may mark a block as the last of all, which is none of RFC 7692's business; blocks may follow. */
    private void goOnBehindFinal(Inflater current) {
        int left = current.getRemaining();
        current.reset();
        ByteBuf first = input.peek();
        if (first == null) {
            // It was the tail: whatever is left of it says nothing.
            return;
        }
        first.readerIndex(first.writerIndex() - left);
        current.setInput(view(first));
    }

    /** Gives the inflater what comes next. False if nothing does. */
    private boolean feed(Inflater current) {
        ByteBuf first = input.peek();
        while (first != null && current.getRemaining() == 0) {
            input.remove().release();
            first = input.peek();
            if (first != null && first.isReadable()) {
                current.setInput(view(first));
                return true;
            }
        }
        if (!isInputComplete || isTailGiven) {
            return false;
        }
        isTailGiven = true;
        current.setInput(TAIL);
        return true;
    }

    private void checkLimits() {
        if (inflatedBytes > maxMessageBytes) {
            throw new WebSocketException(CloseCodes.TOO_BIG, "a message of more than " + maxMessageBytes + " bytes");
        }
        if (inflatedBytes > FREE_BYTES && inflatedBytes / MAX_RATIO > receivedBytes) {
            throw new WebSocketException(
                    CloseCodes.TOO_BIG,
                    receivedBytes + " bytes that stand for more than " + MAX_RATIO + " times as many");
        }
    }

    private static ByteBuffer view(ByteBuf bytes) {
        return bytes.nioBuffer();
    }
}
