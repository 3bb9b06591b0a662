package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.SocketTimeoutException;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * What a thread writes on a stream. It waits in a {@link ByteLane}, at most 64 KiB of it, until the loop moves it to the stream, which it does as long as that
 * is writable. However small the pieces are, there is never more than one task under way for them.
 */
final class BlockingOutput extends OutputStream {

    static final int HIGH_WATER_BYTES = 64 * 1024;
    static final int LOW_WATER_BYTES = 32 * 1024;

    private final ByteLane lane = new ByteLane();
    private final WaitingPlace place;
    private final TunnelLoop loop;
    private final Sink sink;
    private final Runnable move = this::move;
    private final AtomicBoolean isMoveDue = new AtomicBoolean();
    /** Between the first and the last byte of a call: nothing is ended there. */
    private volatile boolean isWriting;
    /** A call was cut short: what was written is not the whole, and no end may make it look so. */
    private volatile boolean isBroken;

    private volatile boolean isEnded;
    private volatile boolean isClosed;
    private volatile @Nullable Sending sending;
    private volatile @Nullable Outcome outcome;
    private boolean isEndMoved;

    private record Sending(Message message, boolean isEnd) {}

    /** The stream, as far as this needs it; called on the loop but for {@link #cancel}. */
    interface Sink {
        boolean isWritable();

        void write(Payload payload);

        void send(Message message, boolean isEnd);

        void end();

        void close();

        void cancel(ErrorCode code, String reason);
    }

    BlockingOutput(TunnelLoop loop, Sink sink) {
        this.loop = loop;
        this.sink = sink;
        place = new WaitingPlace(loop);
    }

    WaitingPlace place() {
        return place;
    }

    /** This half ended with the stream's opening. Before anything else. */
    void onEndSent() {
        isEnded = true;
        isEndMoved = true;
    }

    // The loop's.

    /** Moves on what waits, as far as the stream takes it. */
    void move() {
        isMoveDue.set(false);
        if (outcome != null) {
            return;
        }
        while (sink.isWritable()) {
            Payload payload = lane.take(ByteLane.MAX_SEGMENT_BYTES);
            if (payload == null) {
                break;
            }
            sink.write(payload);
        }
        boolean isAllWritten = isEnded && !isWriting;
        if (lane.isEmpty()) {
            Sending message = sending;
            if (message != null && sink.isWritable()) {
                sending = null;
                isEndMoved |= message.isEnd;
                sink.send(message.message, message.isEnd);
            }
            if (isAllWritten && !isBroken && !isEndMoved) {
                isEndMoved = true;
                sink.end();
            }
            if (isEndMoved && isClosed) {
                sink.close();
            }
        }
        if (lane.bytes() <= LOW_WATER_BYTES) {
            place.wake();
        }
    }

    /** The stream has ended. */
    void onClosed(Outcome newOutcome) {
        outcome = newOutcome;
        lane.clear();
        place.wake();
    }

    // The threads'.

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] source, int offset, int count) throws IOException {
        Objects.checkFromIndexSize(offset, count, source.length);
        WaitingPlace.Turn turn = beginWriting();
        int written = 0;
        try {
            while (written < count) {
                int room = HIGH_WATER_BYTES - lane.bytes();
                if (room <= 0) {
                    place.await(turn, () -> lane.bytes() <= LOW_WATER_BYTES || isOver());
                    requireOpen();
                } else {
                    int some = Math.min(room, count - written);
                    lane.put(source, offset + written, some);
                    written += some;
                    moveSoon();
                }
            }
        } catch (IOException e) {
            breakOff(e, written);
            throw e;
        } finally {
            finishWriting();
        }
    }

    /**
     * Sends a message behind what was written, and returns when the stream has it.
     *
     * @param isEnd whether this half ends with it
     */
    void send(Message message, boolean isEnd) throws IOException {
        WaitingPlace.Turn turn = beginWriting();
        try {
            sending = new Sending(message, isEnd);
            if (isEnd) {
                isEnded = true;
            }
            moveSoon();
            place.await(turn, () -> sending == null || outcome != null);
            if (sending != null) {
                requireOpen();
            }
        } catch (IOException e) {
            breakOff(e, 0);
            throw e;
        } finally {
            finishWriting();
        }
    }

    private WaitingPlace.Turn beginWriting() throws IOException {
        WaitingPlace.Turn turn = place.begin();
        isWriting = true;
        try {
            requireOpen();
        } catch (IOException e) {
            finishWriting();
            throw e;
        }
        return turn;
    }

    /** A call that is given up costs the stream: half of what was to be written must not look like all of it. */
    private void breakOff(IOException cause, int written) {
        if (cause instanceof InterruptedIOException interruption) {
            interruption.bytesTransferred = written;
        }
        isBroken = true;
        if (outcome == null) {
            boolean isTimeout = cause instanceof SocketTimeoutException;
            sink.cancel(
                    isTimeout ? ErrorCode.TIMEOUT : ErrorCode.CANCELLED,
                    isTimeout ? "a write took too long" : "a write was given up");
        }
    }

    private void finishWriting() {
        isWriting = false;
        boolean isEndDue = isEnded;
        place.finish();
        if (isEndDue) {
            moveSoon();
        }
    }

    private void requireOpen() throws IOException {
        Outcome seen = outcome;
        if (seen != null) {
            throw new StreamException(seen);
        }
        if (isEnded) {
            throw new IOException("the output was closed");
        }
    }

    private boolean isOver() {
        return isEnded || outcome != null;
    }

    private void moveSoon() {
        if (outcome == null && !isMoveDue.getAndSet(true)) {
            loop.execute(move);
        }
    }

    /** Ends this half behind what was written. Never waits; any thread. Further calls do nothing. */
    @Override
    public void close() {
        isEnded = true;
        place.wake();
        moveSoon();
    }

    /** As {@link #close}, and the stream is closed behind it. */
    void closeStream() {
        isClosed = true;
        close();
    }
}
