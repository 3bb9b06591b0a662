package io.tunnelmux.core;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What one stream waits to send, in order, and how much it has sent lately.
 *
 * <p>On a byte stream, small DATA that waits behind small DATA is gathered into one piece, by copying: a producer of single bytes must cost neither an object
 * for each byte here nor a frame for each on the wire. So what waits is bounded in objects as it is in bytes. What waits alone is never copied. On a
 * message-oriented stream the boundaries mean something: nothing is gathered, what a frame costs here counts as bytes, and DATA that goes out in pieces
 * bears MORE on all but the last.
 */
final class StreamQueue {

    static final int SMALL_BYTES = 1_024;
    static final int GATHERED_BYTES = 16 * 1_024;

    /**
     * A stream is sparse until it has sent so much more than it forgets: the head of any response and the first two turns of its body. A download has that
     * behind it at once.
     */
    static final int SPARSE_BYTES = 32 * 1_024;

    /** More than this is not remembered: after 33 ms of rest nothing is held against a stream. */
    private static final int MAX_RECENT_BYTES = 2 * SPARSE_BYTES;

    /**
     * While nothing waits, a byte is forgotten every 512 ns, or 2 MB in a second. An echo of 64 bytes would have to come back within 33 µs, on all of a
     * processor, to send more than it forgets. While something waits nothing is forgotten: a download on a slow link sends little in a second too, and it
     * is the one that others must not wait for.
     */
    private static final int NANOS_PER_BYTE_SHIFT = 9;

    /** About what the objects of a frame take on the heap. */
    private static final int UNIT_COST_BYTES = 64;

    private final Fifo<Frame> frames = new Fifo<>();
    private int bytes;
    /** Behind {@link #frames}, the small DATA that is being gathered; null if none is. */
    private @Nullable Gathered gathered;

    private boolean isMessageOriented;
    private boolean isInUnit;
    /** TEXT, if that is what the next piece bears. */
    private int unitFlags;

    private int recentBytes;
    private boolean isResting = true;
    private long restingSinceNanos;

    /** Bytes of DATA that wait; units with what they cost beside their bytes. */
    int bytes() {
        return isMessageOriented ? bytes + UNIT_COST_BYTES * frames.size() : bytes;
    }

    boolean isEmpty() {
        return gathered == null && frames.isEmpty();
    }

    /** Whether DATA with bytes is what goes next. */
    boolean needsCredit() {
        Frame head = frames.peekFirst();
        return head == null
                ? gathered != null
                : head instanceof Frame.Data data && data.payload().length() > 0;
    }

    /** Whether a unit has been begun and not ended. */
    boolean isInUnit() {
        return isInUnit;
    }

    void add(Frame frame) {
        if (frame instanceof Frame.Data data) {
            bytes += data.payload().length();
            if (isGatherable(frame) && gather(data)) {
                return;
            }
        }
        seal();
        frames.addLast(frame);
    }

    /** Adds a unit, or a part of one if {@code hasMore}; takes the payload. From here on the stream is message-oriented. */
    void addUnit(int streamId, Payload payload, boolean isText, boolean hasMore) {
        seal();
        isMessageOriented = true;
        if (!isInUnit) {
            unitFlags = isText ? Frame.FLAG_TEXT : 0;
        }
        isInUnit = hasMore;
        if (hasMore && payload.length() == 0) {
            // MORE is only for what has bytes; TEXT waits for the first piece that does.
            payload.release();
            return;
        }
        bytes += payload.length();
        frames.addLast(new Frame.Data(streamId, payload, unitFlags | (hasMore ? Frame.FLAG_MORE : 0)));
        unitFlags = 0;
    }

    private boolean isGatherable(@Nullable Frame frame) {
        return !isMessageOriented
                && frame instanceof Frame.Data data
                && data.flags() == 0
                && data.payload().length() <= SMALL_BYTES;
    }

    /** Puts DATA to what is being gathered, or begins to gather with the last that waits. False if there is nothing to put it to. */
    private boolean gather(Frame.Data data) {
        Gathered target = gathered;
        if (target == null) {
            if (!isGatherable(frames.peekLast()) || !(frames.pollLast() instanceof Frame.Data first)) {
                return false;
            }
            target = new Gathered(first);
            gathered = target;
        } else if (target.length + data.payload().length() > GATHERED_BYTES) {
            return false;
        }
        target.append(data);
        return true;
    }

    /** What was gathered takes its place in the queue. */
    private void seal() {
        if (gathered != null) {
            frames.addLast(gathered.whole());
            gathered = null;
        }
    }

    /** Ends this half: by a flag on the last DATA if that still waits, else by an empty one. The end of a unit without bytes stays a frame of its own. */
    void addEnd(int streamId) {
        seal();
        if (frames.peekLast() instanceof Frame.Data last && last.payload().length() > 0) {
            frames.pollLast();
            frames.addLast(new Frame.Data(streamId, last.payload(), last.flags() | Frame.FLAG_END));
        } else {
            frames.addLast(new Frame.Data(streamId, Payload.EMPTY, Frame.FLAG_END));
        }
    }

    /** Takes the first frame, which must be there, or of a longer payload the first {@code maxBytes} as a frame of its own. */
    Frame take(int maxBytes) {
        if (frames.isEmpty()) {
            seal();
        }
        Frame first = frames.pollFirst();
        if (first == null) {
            throw new IllegalStateException("nothing waits");
        }
        Frame taken = first;
        if (first instanceof Frame.Data data) {
            if (data.payload().length() > maxBytes) {
                int pieceFlags = data.flags() & ~Frame.FLAG_END | (isMessageOriented ? Frame.FLAG_MORE : 0);
                taken = new Frame.Data(data.streamId(), data.payload().retainedSlice(0, maxBytes), pieceFlags);
                frames.addFirst(new Frame.Data(
                        data.streamId(), data.payload().dropFirst(maxBytes), data.flags() & ~Frame.FLAG_TEXT));
                bytes -= maxBytes;
            } else {
                bytes -= data.payload().length();
            }
        } else if (first instanceof Frame.Open open && open.payload().length() > maxBytes) {
            taken = new Frame.Open(open.streamId(), open.payload().retainedSlice(0, maxBytes), Frame.FLAG_MORE);
            frames.addFirst(new Frame.Open(open.streamId(), open.payload().dropFirst(maxBytes), open.flags()));
        } else if (first instanceof Frame.Message message && message.payload().length() > maxBytes) {
            taken = new Frame.Message(
                    message.streamId(), message.payload().retainedSlice(0, maxBytes), Frame.FLAG_MORE);
            frames.addFirst(
                    new Frame.Message(message.streamId(), message.payload().dropFirst(maxBytes), message.flags()));
        }
        return taken;
    }

    /** Drops and frees all that waits. */
    void clear() {
        frames.forEach(frame -> {
            if (frame instanceof Frame.Data data) {
                data.payload().release();
            }
        });
        frames.clear();
        gathered = null;
        bytes = 0;
    }

    // How much was sent lately: a leaky bucket, after Turner, "New directions in communications", IEEE Communications
    // Magazine 24(10), 1986.

    /** Something waits, perhaps after a rest. */
    void onReady(long nowNanos) {
        if (isResting) {
            isResting = false;
            long forgotten = nowNanos - restingSinceNanos >> NANOS_PER_BYTE_SHIFT;
            recentBytes = (int) Math.max(0, recentBytes - forgotten);
        }
    }

    void onSent(int sentBytes, long nowNanos) {
        recentBytes = Math.min(MAX_RECENT_BYTES, recentBytes + sentBytes);
        if (isEmpty()) {
            isResting = true;
            restingSinceNanos = nowNanos;
        }
    }

    boolean isSparse() {
        return recentBytes < SPARSE_BYTES;
    }

    /** Pieces that become one. */
    private static final class Gathered {

        private final int streamId;
        private byte[] bytes;
        private int length;

        Gathered(Frame.Data first) {
            streamId = first.streamId();
            bytes = new byte[2 * SMALL_BYTES];
            append(first);
        }

        void append(Frame.Data data) {
            Payload payload = data.payload();
            int needed = length + payload.length();
            if (needed > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(needed, 2 * bytes.length));
            }
            payload.copyTo(0, bytes, length, payload.length());
            payload.release();
            length = needed;
        }

        Frame.Data whole() {
            return new Frame.Data(streamId, Payload.of(Arrays.copyOf(bytes, length)), 0);
        }
    }
}
