package io.tunnelmux.core;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayDeque;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What one stream waits to send, in order. An idle stream costs no array.
 *
 * <p>Small DATA that waits behind small DATA is gathered into one piece, by copying: a producer of single bytes must cost neither an object for each byte
 * here nor a frame for each on the wire. So what waits is bounded in objects as it is in bytes. What waits alone is never copied.
 */
final class StreamQueue {

    static final int SMALL_BYTES = 1_024;
    static final int GATHERED_BYTES = 16 * 1_024;

    private static final int FIRST_CAPACITY = 4;
    private static final byte[] NOTHING = new byte[0];

    private @Nullable ArrayDeque<Frame> frames;
    private int bytes;
    /** Behind {@link #frames}, the DATA that is being gathered; empty if none is. */
    private byte[] gathered = NOTHING;

    private int gatheredBytes;
    private int gatheredStreamId;

    /** Bytes of DATA that wait. */
    int bytes() {
        return bytes;
    }

    boolean isEmpty() {
        return gatheredBytes == 0 && (frames == null || frames.isEmpty());
    }

    void add(Frame frame) {
        if (frame instanceof Frame.Data data) {
            bytes += data.payload().length();
            if (isGatherable(frame) && gather(data)) {
                return;
            }
        }
        seal();
        addLast(frame);
    }

    private void addLast(Frame frame) {
        if (frames == null) {
            frames = new ArrayDeque<>(FIRST_CAPACITY);
        }
        frames.addLast(frame);
    }

    private static boolean isGatherable(@Nullable Frame frame) {
        return frame instanceof Frame.Data data
                && data.flags() == 0
                && data.payload().length() <= SMALL_BYTES;
    }

    /** Puts DATA to what is being gathered, or begins to gather with the last that waits. False if there is nothing to put it to. */
    private boolean gather(Frame.Data data) {
        if (gatheredBytes == 0) {
            if (frames == null || !isGatherable(frames.peekLast())) {
                return false;
            }
            append((Frame.Data) frames.removeLast());
        } else if (gatheredBytes + data.payload().length() > GATHERED_BYTES) {
            return false;
        }
        append(data);
        return true;
    }

    private void append(Frame.Data data) {
        Payload payload = data.payload();
        int needed = gatheredBytes + payload.length();
        if (needed > gathered.length) {
            gathered = Arrays.copyOf(gathered, Math.max(needed, 2 * gathered.length));
        }
        payload.copyTo(0, gathered, gatheredBytes, payload.length());
        payload.release();
        gatheredBytes = needed;
        gatheredStreamId = data.streamId();
    }

    /** What was gathered takes its place in the queue. */
    private void seal() {
        if (gatheredBytes > 0) {
            addLast(new Frame.Data(gatheredStreamId, Payload.of(Arrays.copyOf(gathered, gatheredBytes)), 0));
            gathered = NOTHING;
            gatheredBytes = 0;
        }
    }

    /** Ends this half: by a flag on the last DATA if that still waits, else by an empty one. */
    void addEnd(int streamId) {
        seal();
        if (frames != null && frames.peekLast() instanceof Frame.Data last) {
            frames.removeLast();
            frames.addLast(new Frame.Data(streamId, last.payload(), last.flags() | Frame.FLAG_END));
        } else {
            add(new Frame.Data(streamId, Payload.EMPTY, Frame.FLAG_END));
        }
    }

    @Nullable
    Frame peek() {
        if (frames == null || frames.isEmpty()) {
            seal();
        }
        return frames == null ? null : frames.peekFirst();
    }

    /** Takes the first frame, which must be there, or of a longer payload the first {@code maxBytes} as a frame of its own. */
    Frame take(int maxBytes) {
        if (peek() == null || frames == null) {
            throw new IllegalStateException("nothing waits");
        }
        Frame first = frames.removeFirst();
        Frame taken = first;
        if (first instanceof Frame.Data data && data.payload().length() > maxBytes) {
            taken = new Frame.Data(
                    data.streamId(), data.payload().retainedSlice(0, maxBytes), data.flags() & ~Frame.FLAG_END);
            frames.addFirst(new Frame.Data(
                    data.streamId(), data.payload().dropFirst(maxBytes), data.flags() & ~Frame.FLAG_TEXT));
        } else if (first instanceof Frame.Open open && open.payload().length() > maxBytes) {
            taken = new Frame.Open(open.streamId(), open.payload().retainedSlice(0, maxBytes), Frame.FLAG_MORE);
            frames.addFirst(new Frame.Open(open.streamId(), open.payload().dropFirst(maxBytes), open.flags()));
        } else if (first instanceof Frame.Message message && message.payload().length() > maxBytes) {
            taken = new Frame.Message(
                    message.streamId(), message.payload().retainedSlice(0, maxBytes), Frame.FLAG_MORE);
            frames.addFirst(
                    new Frame.Message(message.streamId(), message.payload().dropFirst(maxBytes), message.flags()));
        }
        if (taken instanceof Frame.Data data) {
            bytes -= data.payload().length();
        }
        return taken;
    }

    /** Drops and frees all that waits. */
    void clear() {
        if (frames != null) {
            for (Frame frame : frames) {
                if (frame instanceof Frame.Data data) {
                    data.payload().release();
                }
            }
            frames = null;
        }
        gathered = NOTHING;
        gatheredBytes = 0;
        bytes = 0;
    }
}
