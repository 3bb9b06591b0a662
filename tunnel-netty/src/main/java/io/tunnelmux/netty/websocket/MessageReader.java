package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/**
 * Reads the messages of a WebSocket, of text and binary, and hands on what has come of each at once. What a peer may not do is thrown before anything of it is
 * handed on: besides the rules of frames (see {@link WebSocketReader}) text must be UTF-8, messages have a limit, also when they are inflated, and
 * fragments without a byte are few.
 *
 * <p>Where messages come compressed the sink is asked before more is inflated: what waits meanwhile is what was received. One thread.
 */
public final class MessageReader {

    /** Fragments without a byte in a row, which cost the peer little. */
    static final int MAX_EMPTY_FRAGMENTS = 16;

    /** Told of what is read. May throw, which ends the reader. */
    public interface Sink {
        /**
         * The next part of a message.
         *
         * @param taken empty only if it is the last part
         */
        void onPart(ByteBuf taken, boolean isText, boolean isLast);

        /** A ping, to be answered with the same data. */
        void onPing(byte[] data);

        /** A pong, asked for or not. */
        void onPong(byte[] data);

        /**
         * The peer sends nothing more. Comes at most once, last.
         *
         * @param code {@link CloseCodes#NO_CODE} if the frame says nothing
         */
        void onClose(int code, String reason);

        /** Whether there is room for another part now. Where not, {@link #resume} goes on. */
        boolean hasRoom();
    }

    private final WebSocketReader frames;
    private final Sink sink;
    private final @Nullable MessageInflater inflater;
    private final Utf8Check utf8 = new Utf8Check();

    private boolean isText;
    private boolean isCompressed;
    private int emptyFragments;
    private boolean isClosed;

    /**
     * @param isServer whether the peer is the client, and masks
     * @param isDeflating whether permessage-deflate was agreed on
     * @param maxMessageBytes longest message that is accepted, inflated
     */
    public MessageReader(
            boolean isServer, boolean isDeflating, int maxMessageBytes, ByteBufAllocator allocator, Sink sink) {
        this.sink = sink;
        inflater = isDeflating ? new MessageInflater(maxMessageBytes, allocator) : null;
        frames = new WebSocketReader(isServer, isDeflating, maxMessageBytes, new Frames());
    }

    /**
     * Reads on. Takes {@code input}, also when it throws.
     *
     * @throws WebSocketException if the peer broke a rule
     */
    public void read(ByteBuf input) {
        frames.read(input);
    }

    /**
     * There is room for more.
     *
     * @throws WebSocketException as {@link #read}
     */
    public void resume() {
        if (inflater != null && frames.isPaused() && inflate(inflater)) {
            frames.resume();
        }
    }

    /** Whether something that was received waits for {@link #resume}. */
    public boolean isPaused() {
        return frames.isPaused();
    }

    /** Drops what waits, and from now on all that comes. Also for the sink. */
    public void close() {
        isClosed = true;
        frames.close();
        if (inflater != null) {
            inflater.close();
        }
    }

    /** Hands on what can be inflated, as long as there is room. False if there is none, and the frames wait. */
    private boolean inflate(MessageInflater from) {
        while (!isClosed) {
            if (!sink.hasRoom()) {
                frames.pause();
                return false;
            }
            ByteBuf part = from.next();
            if (part == null) {
                return true;
            }
            handOn(part, from.isLast());
        }
        return true;
    }

    private void handOn(ByteBuf part, boolean isLast) {
        if (isText && !(utf8.accept(part) && (!isLast || utf8.isComplete()))) {
            part.release();
            throw new WebSocketException(CloseCodes.INVALID_DATA, "text that is not UTF-8");
        }
        sink.onPart(part, isText, isLast);
    }

    /** What the frames hold. */
    private final class Frames implements WebSocketReader.Sink {

        @Override
        public void onMessage(boolean isMessageText, boolean isMessageCompressed) {
            isText = isMessageText;
            isCompressed = isMessageCompressed;
            utf8.reset();
            emptyFragments = 0;
        }

        @Override
        public void onBytes(ByteBuf taken, int start, int end, boolean isLast) {
            emptyFragments = 0;
            // The indices of the buffer belong to its last part, others have a slice each.
            ByteBuf part = end == taken.writerIndex() ? taken.readerIndex(start) : taken.slice(start, end - start);
            onPart(part, isLast);
        }

        @Override
        public void onEmptyFrame(boolean isLast) {
            if (isLast) {
                onPart(Unpooled.EMPTY_BUFFER, true);
            } else if (++emptyFragments >= MAX_EMPTY_FRAGMENTS) {
                throw new WebSocketException(
                        CloseCodes.POLICY_VIOLATION, MAX_EMPTY_FRAGMENTS + " fragments without a byte in a row");
            }
        }

        private void onPart(ByteBuf part, boolean isLast) {
            if (isCompressed && inflater != null) {
                inflater.add(part, isLast);
                inflate(inflater);
            } else {
                handOn(part, isLast);
            }
        }

        @Override
        public void onPing(byte[] data) {
            sink.onPing(data);
        }

        @Override
        public void onPong(byte[] data) {
            sink.onPong(data);
        }

        @Override
        public void onClose(int code, String reason) {
            sink.onClose(code, reason);
        }
    }
}
