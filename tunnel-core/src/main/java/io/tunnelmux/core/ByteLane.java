package io.tunnelmux.core;

import io.tunnelmux.protocol.Payload;
import org.jspecify.annotations.Nullable;

/**
 * Bytes on their way from one thread to another: one thread puts, one takes, and neither ever waits for the other. How much may wait is for whoever puts to see
 * to.
 *
 * <p>Small pieces are gathered in segments by copying, so that a producer of single bytes costs neither an object for each nor keeps a socket's buffer for
 * each. A long payload is kept as it is until it was taken.
 *
 * <pre>
 *        taken ▼           ▼ there up to here: written after the bytes, read before them
 * head ──▶ [###========----] ──next──▶ (a payload) ──next──▶ [====------] ◀── tail
 *          a segment's bytes
 * </pre>
 */
final class ByteLane {

    /** Room of a segment that gathers; one that is filled at once may have up to {@link #MAX_SEGMENT_BYTES}. */
    static final int SEGMENT_BYTES = 8 * 1024;

    static final int MAX_SEGMENT_BYTES = 32 * 1024;
    /** Payloads of so many bytes and fewer are copied. */
    static final int SMALL_BYTES = 4 * 1024;

    private static final byte[] NOTHING = new byte[0];

    private static final class Segment {

        final byte[] bytes;
        final @Nullable Payload payload;
        volatile int end;
        volatile @Nullable Segment next;

        Segment(byte[] bytes, int end) {
            this.bytes = bytes;
            this.end = end;
            payload = null;
        }

        Segment(Payload payload) {
            this.payload = payload;
            bytes = NOTHING;
            end = payload.length();
        }
    }

    /** The producer's. */
    private Segment tail = new Segment(NOTHING, 0);

    private volatile long putBytes;

    /** The consumer's. */
    private Segment head = tail;

    private int headTaken;
    private volatile long takenBytes;

    // The producer's calls.

    /** Puts a copy of these bytes. */
    void put(byte[] source, int offset, int count) {
        int done = 0;
        while (done < count) {
            Segment segment = tail;
            int end = segment.end;
            int room = Math.max(0, segment.bytes.length - end);
            int some = Math.min(count - done, room == 0 ? MAX_SEGMENT_BYTES : room);
            if (room == 0) {
                byte[] bytes = new byte[Math.max(some, SEGMENT_BYTES)];
                System.arraycopy(source, offset + done, bytes, 0, some);
                append(new Segment(bytes, some));
            } else {
                System.arraycopy(source, offset + done, segment.bytes, end, some);
                segment.end = end + some;
            }
            done += some;
        }
        addPut(count);
    }

    /** Puts bytes, which are taken. */
    void put(Payload payload) {
        int count = payload.length();
        if (count <= SMALL_BYTES) {
            byte[] copy = payload.toByteArray();
            payload.release();
            put(copy, 0, count);
        } else {
            append(new Segment(payload));
            addPut(count);
        }
    }

    private void append(Segment segment) {
        tail.next = segment;
        tail = segment;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // one thread writes it
    private void addPut(int count) {
        putBytes += count;
    }

    // Any thread's.

    /** Bytes that were put and not taken; those of a put under way are not among them. */
    int bytes() {
        long taken = takenBytes;
        return (int) Math.max(0, putBytes - taken);
    }

    // The consumer's calls.

    /** Whether nothing can be taken now. */
    boolean isEmpty() {
        return available() == 0;
    }

    /** Takes up to {@code count} bytes; 0 if there are none. */
    int take(byte[] target, int offset, int count) {
        int done = 0;
        while (done < count) {
            int some = Math.min(available(), count - done);
            if (some == 0) {
                break;
            }
            Payload payload = head.payload;
            if (payload == null) {
                System.arraycopy(head.bytes, headTaken, target, offset + done, some);
            } else {
                payload.copyTo(headTaken, target, offset + done, some);
            }
            passOver(some);
            done += some;
        }
        addTaken(done);
        return done;
    }

    /** Takes what lies together, up to {@code count} bytes, without a copy; null if there is nothing. */
    @Nullable
    Payload take(int count) {
        int some = Math.min(available(), count);
        if (some == 0) {
            return null;
        }
        Payload whole = head.payload == null ? Payload.of(head.bytes) : head.payload;
        Payload taken = whole.retainedSlice(headTaken, some);
        passOver(some);
        addTaken(some);
        return taken;
    }

    /** Drops and frees all that can be taken; tells how many bytes that were. */
    int clear() {
        int done = 0;
        for (int some = available(); some > 0; some = available()) {
            passOver(some);
            done += some;
        }
        addTaken(done);
        return done;
    }

    /** Bytes in the first segment that is not used up; makes that the head. */
    private int available() {
        while (true) {
            // Once there is a next segment this one's end stands: so it is read after that.
            Segment next = head.next;
            int count = head.end - headTaken;
            if (count > 0 || next == null) {
                return count;
            }
            head = next;
            headTaken = 0;
        }
    }

    private void passOver(int count) {
        headTaken += count;
        if (head.payload != null && headTaken == head.end) {
            head.payload.release();
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // one thread writes it
    private void addTaken(int count) {
        takenBytes += count;
    }
}
