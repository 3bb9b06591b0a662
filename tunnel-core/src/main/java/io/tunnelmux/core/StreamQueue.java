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

    /** What goes next: most streams have no more than that. */
    private @Nullable Frame first;
    /** Behind {@link #first}. Null as long as there never was any. */
    private @Nullable Fifo<Frame> others;

    private int bytes;
    /** Of messages that wait, with what they cost beside their bytes. */
    private int messageBytes;
    /** Behind {@link #others}, the small DATA that is being gathered; null if none is. */
    private @Nullable Gathered gathered;

    private boolean isMessageOriented;
    private boolean isInUnit;
    /** TEXT, if that is what the next piece bears. */
    private int unitFlags;

    private int recentBytes;
    /** When the last frame went out, or the first that waits was added if that is later. */
    private long sinceNanos;

    /** Bytes of DATA that wait. */
    int payloadBytes() {
        return bytes;
    }

    /** As {@link #payloadBytes}, and messages; these and units with what they cost beside their bytes. */
    int bytes() {
        return bytes + messageBytes + (isMessageOriented ? UNIT_COST_BYTES * frames() : 0);
    }

    boolean isEmpty() {
        return first == null && gathered == null;
    }

    /** Whether DATA with bytes is what goes next. */
    boolean needsCredit() {
        return first == null
                ? gathered != null
                : first instanceof Frame.Data data && data.payload().length() > 0;
    }

    /** Whether a unit has been begun and not ended. */
    boolean isInUnit() {
        return isInUnit;
    }

    void add(Frame frame, long nowNanos) {
        beginIfResting(nowNanos);
        if (frame instanceof Frame.Data data) {
            bytes += data.payload().length();
            if (isGatherable(frame) && gather(data)) {
                return;
            }
        } else if (frame instanceof Frame.Message message) {
            messageBytes += UNIT_COST_BYTES + message.payload().length();
        }
        seal();
        addLast(frame);
    }

    /** Adds a unit, or a part of one if {@code hasMore}; takes the payload. From here on the stream is message-oriented. */
    void addUnit(int streamId, Payload payload, boolean isText, boolean hasMore, long nowNanos) {
        beginIfResting(nowNanos);
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
        addLast(new Frame.Data(streamId, payload, unitFlags | (hasMore ? Frame.FLAG_MORE : 0)));
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
            if (!isGatherable(last()) || !(removeLast() instanceof Frame.Data begun)) {
                return false;
            }
            target = new Gathered(begun);
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
            addLast(gathered.whole());
            gathered = null;
        }
    }

    /** Ends this half: by a flag on the last DATA if that still waits, else by an empty one. The end of a unit without bytes stays a frame of its own. */
    void addEnd(int streamId, long nowNanos) {
        beginIfResting(nowNanos);
        seal();
        if (last() instanceof Frame.Data last && last.payload().length() > 0) {
            removeLast();
            addLast(new Frame.Data(streamId, last.payload(), last.flags() | Frame.FLAG_END));
        } else {
            addLast(new Frame.Data(streamId, Payload.EMPTY, Frame.FLAG_END));
        }
    }

    /** Takes the first frame, which must be there, or of a longer payload the first {@code maxBytes} as a frame of its own. */
    Frame take(int maxBytes) {
        if (first == null) {
            seal();
        }
        Frame whole = first;
        if (whole == null) {
            throw new IllegalStateException("nothing waits");
        }
        if (whole instanceof Frame.Data data) {
            int length = data.payload().length();
            if (length > maxBytes) {
                int pieceFlags = data.flags() & ~Frame.FLAG_END | (isMessageOriented ? Frame.FLAG_MORE : 0);
                Frame piece = new Frame.Data(data.streamId(), data.payload().retainedSlice(0, maxBytes), pieceFlags);
                first = new Frame.Data(
                        data.streamId(), data.payload().dropFirst(maxBytes), data.flags() & ~Frame.FLAG_TEXT);
                bytes -= maxBytes;
                return piece;
            }
            bytes -= length;
        } else if (whole instanceof Frame.Open open && open.payload().length() > maxBytes) {
            Frame piece = new Frame.Open(open.streamId(), open.payload().retainedSlice(0, maxBytes), Frame.FLAG_MORE);
            first = new Frame.Open(open.streamId(), open.payload().dropFirst(maxBytes), open.flags());
            return piece;
        } else if (whole instanceof Frame.Message message) {
            int length = message.payload().length();
            if (length > maxBytes) {
                Frame piece = new Frame.Message(
                        message.streamId(), message.payload().retainedSlice(0, maxBytes), Frame.FLAG_MORE);
                first = new Frame.Message(message.streamId(), message.payload().dropFirst(maxBytes), message.flags());
                messageBytes -= maxBytes;
                return piece;
            }
            messageBytes -= UNIT_COST_BYTES + length;
        }
        first = others == null ? null : others.pollFirst();
        return whole;
    }

    /** Drops and frees all that waits. */
    void clear() {
        release(first);
        if (others != null) {
            others.forEach(StreamQueue::release);
        }
        first = null;
        others = null;
        gathered = null;
        bytes = 0;
        messageBytes = 0;
    }

    private static void release(@Nullable Frame frame) {
        if (frame instanceof Frame.Data data) {
            data.payload().release();
        }
    }

    private int frames() {
        // Other threads ask for a hint: what is not null now may be so a moment later.
        Fifo<Frame> behind = others;
        return (first == null ? 0 : 1) + (behind == null ? 0 : behind.size());
    }

    private @Nullable Frame last() {
        return others == null || others.isEmpty() ? first : others.peekLast();
    }

    private void addLast(Frame frame) {
        if (first == null) {
            first = frame;
            return;
        }
        if (others == null) {
            others = new Fifo<>();
        }
        others.addLast(frame);
    }

    private @Nullable Frame removeLast() {
        if (others != null && !others.isEmpty()) {
            return others.pollLast();
        }
        Frame removed = first;
        first = null;
        return removed;
    }

    // How much was sent lately: a leaky bucket, after Turner, "New directions in communications", IEEE Communications
    // Magazine 24(10), 1986.

    private void beginIfResting(long nowNanos) {
        if (isEmpty()) {
            if (recentBytes > 0) {
                long forgotten = nowNanos - sinceNanos >> NANOS_PER_BYTE_SHIFT;
                recentBytes = (int) Math.max(0, recentBytes - forgotten);
            }
            sinceNanos = nowNanos;
        }
    }

    /** What was taken has gone out. */
    void onSent(int sentBytes, long nowNanos) {
        recentBytes = Math.min(MAX_RECENT_BYTES, recentBytes + sentBytes);
        sinceNanos = nowNanos;
    }

    /** Since when what waits has waited: the last frame went out then, or it came when nothing else waited. */
    long waitingSinceNanos() {
        return sinceNanos;
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
