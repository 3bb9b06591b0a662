package io.tunnelmux.core;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** What one stream waits to send, in order. An idle stream costs no array. */
final class StreamQueue {

    private static final int FIRST_CAPACITY = 4;

    private @Nullable ArrayDeque<Frame> frames;
    private int bytes;

    /** Bytes of DATA that wait. */
    int bytes() {
        return bytes;
    }

    boolean isEmpty() {
        return frames == null || frames.isEmpty();
    }

    void add(Frame frame) {
        if (frames == null) {
            frames = new ArrayDeque<>(FIRST_CAPACITY);
        }
        frames.addLast(frame);
        if (frame instanceof Frame.Data data) {
            bytes += data.payload().length();
        }
    }

    /** Ends this half: by a flag on the last DATA if that still waits, else by an empty one. */
    void addEnd(int streamId) {
        if (frames != null && frames.peekLast() instanceof Frame.Data last) {
            frames.removeLast();
            frames.addLast(new Frame.Data(streamId, last.payload(), last.flags() | Frame.FLAG_END));
        } else {
            add(new Frame.Data(streamId, Payload.EMPTY, Frame.FLAG_END));
        }
    }

    @Nullable
    Frame peek() {
        return frames == null ? null : frames.peekFirst();
    }

    /** Takes the first frame, which must be there, or of a longer payload the first {@code maxBytes} as a frame of its own. */
    Frame take(int maxBytes) {
        if (frames == null) {
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
        bytes = 0;
    }
}
