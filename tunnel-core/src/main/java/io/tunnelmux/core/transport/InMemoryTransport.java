package io.tunnelmux.core.transport;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One of the two ends of a pipe within the JVM. Frames arrive at the other end as they are, with the very payloads that were written, one turn of its loop
 * after a flush. Up to 64 KiB may be under way before an end is no longer writable.
 *
 * <p>The two ends may belong to two loops.
 */
public final class InMemoryTransport implements Transport {

    /** Bytes under way from which on an end is not writable; it is again at half of that. */
    public static final int HIGH_WATER_BYTES = 64 * 1024;

    private static final int FRAME_OVERHEAD_BYTES = 8;

    private final TunnelLoop loop;
    private final String name;
    private @Nullable InMemoryTransport other;
    private @Nullable TransportListener listener;
    private Deque<Frame> written = new ArrayDeque<>();
    private final Deque<Frame> arrived = new ArrayDeque<>();
    private int unsentBytes;
    /** From when there is too much under way to when half of it has arrived. */
    private boolean isFull;

    private boolean isStarted;
    private boolean isReceiving;
    private boolean isClosed;
    /** Closed by this side, or lost: what still arrives is dropped. */
    private boolean isDeaf;

    private boolean isOver;
    private @Nullable Throwable endCause;

    private InMemoryTransport(TunnelLoop loop, String name) {
        this.loop = loop;
        this.name = name;
    }

    /** The two ends of a new pipe. */
    public record Pair(InMemoryTransport left, InMemoryTransport right) {}

    /** Makes a pipe whose ends are owned by these loops, which may be one and the same. */
    public static Pair pair(TunnelLoop leftLoop, TunnelLoop rightLoop) {
        return pair(leftLoop, "the left end of a pipe", rightLoop, "the right end of a pipe");
    }

    /** As {@link #pair(TunnelLoop, TunnelLoop)}; each end's name is what the other's {@link #peer} says. */
    public static Pair pair(TunnelLoop leftLoop, String leftName, TunnelLoop rightLoop, String rightName) {
        InMemoryTransport left = new InMemoryTransport(leftLoop, leftName);
        InMemoryTransport right = new InMemoryTransport(rightLoop, rightName);
        left.other = right;
        right.other = left;
        return new Pair(left, right);
    }

    @Override
    public TunnelLoop loop() {
        return loop;
    }

    @Override
    public void start(TransportListener newListener, int maxFrameBytes) {
        assert loop.inLoop();
        if (isStarted) {
            throw new IllegalStateException("already started");
        }
        isStarted = true;
        listener = newListener;
        loop.execute(this::receive);
    }

    @Override
    public void write(Frame frame) {
        assert loop.inLoop();
        if (isClosed) {
            release(frame);
            return;
        }
        written.add(frame);
        unsentBytes += bytesOf(frame);
        isFull |= unsentBytes >= HIGH_WATER_BYTES;
    }

    @Override
    public void flush() {
        assert loop.inLoop();
        if (written.isEmpty()) {
            return;
        }
        Deque<Frame> burst = written;
        written = new ArrayDeque<>();
        InMemoryTransport target = other();
        target.loop.execute(() -> target.onBurst(burst));
    }

    @Override
    public boolean isWritable() {
        return !isClosed && !isFull;
    }

    @Override
    public void close(ErrorCode code, String reason) {
        assert loop.inLoop();
        if (isDeaf) {
            return;
        }
        isDeaf = true;
        if (isClosed) {
            // The other end was first. What it sent before is not wanted any more.
            loop.execute(this::receive);
            return;
        }
        flush();
        isClosed = true;
        InMemoryTransport target = other();
        target.loop.execute(() -> target.onEnd(null));
        loop.execute(() -> onEnd(null));
    }

    /** Breaks the pipe as a lost connection would: what has not arrived never does, and both ends learn of it. May be called from any thread. */
    public void lose(Throwable cause) {
        InMemoryTransport target = other();
        loop.execute(() -> onLost(cause));
        target.loop.execute(() -> target.onLost(cause));
    }

    @Override
    public String peer() {
        return other().name;
    }

    private InMemoryTransport other() {
        return Objects.requireNonNull(other);
    }

    private void onBurst(Deque<Frame> burst) {
        arrived.addAll(burst);
        if (isReceiving || isDeaf) {
            receive();
        }
    }

    /** Hands on all that has arrived, and the end if that has come. */
    private void receive() {
        isReceiving = true;
        TransportListener told = listener;
        if (told != null && !isDeaf && !arrived.isEmpty()) {
            told.onBytesReceived();
        }
        int bytes = 0;
        for (Frame frame = arrived.poll(); frame != null; frame = arrived.poll()) {
            bytes += bytesOf(frame);
            if (told == null || isDeaf) {
                release(frame);
            } else {
                frame.deliverTo(told);
            }
        }
        if (bytes > 0) {
            int arrivedBytes = bytes;
            InMemoryTransport source = other();
            source.loop.execute(() -> source.onArrived(arrivedBytes));
        }
        tellIfOver();
    }

    private void onArrived(int bytes) {
        unsentBytes -= bytes;
        if (isFull && unsentBytes <= HIGH_WATER_BYTES / 2) {
            isFull = false;
            if (listener != null && !isClosed) {
                listener.onWritable();
            }
        }
    }

    private void onLost(Throwable cause) {
        isDeaf = true;
        onEnd(cause);
    }

    private void onEnd(@Nullable Throwable cause) {
        if (isOver) {
            return;
        }
        isOver = true;
        isClosed = true;
        endCause = cause;
        written.forEach(InMemoryTransport::release);
        written.clear();
        if (isReceiving || isDeaf) {
            receive();
        }
    }

    private void tellIfOver() {
        TransportListener told = listener;
        if (isOver && told != null) {
            listener = null;
            told.onClosed(endCause);
        }
    }

    private static int bytesOf(Frame frame) {
        return FRAME_OVERHEAD_BYTES + payload(frame).length();
    }

    private static void release(Frame frame) {
        payload(frame).release();
    }

    private static Payload payload(Frame frame) {
        if (frame instanceof Frame.Data data) {
            return data.payload();
        } else if (frame instanceof Frame.Open open) {
            return open.payload();
        } else if (frame instanceof Frame.Message message) {
            return message.payload();
        } else if (frame instanceof Frame.Hello hello) {
            return hello.payload();
        }
        return Payload.EMPTY;
    }
}
