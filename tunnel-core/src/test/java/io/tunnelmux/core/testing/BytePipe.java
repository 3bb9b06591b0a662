package io.tunnelmux.core.testing;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameDecoder;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Two transports joined by a line that carries bytes, as a socket would: frames are encoded where they are written and decoded where they arrive, in
 * the portions and after the delays that a {@link Line} chooses for each direction. With a virtual loop and a seeded line, all of it can be replayed.
 *
 * <p>Each end is for the thread of its loop; {@link #lose} is for any.
 */
public final class BytePipe {

    /** How one direction behaves. Asked on either loop, by one thread at a time. */
    public interface Line {

        /** How long the next portion takes, in nanoseconds, from when it can be carried to when it arrives. */
        long delayNanos();

        /** How many of these bytes arrive together: 1 to {@code availableBytes}. */
        int portionBytes(int availableBytes);

        /** Bytes written and not arrived from which on the sender is not writable; it is again at half of that. */
        int highWaterBytes();

        /** A payload over bytes that have arrived, which are taken. */
        default Payload payload(byte[] bytes) {
            return Payload.of(bytes);
        }
    }

    private static final int HEADER_BYTES = FrameEncoder.HEADER_BYTES;

    private final End left;
    private final End right;
    private boolean isLost;

    /** A pipe between ends of these loops, which may be one and the same. */
    public BytePipe(TunnelLoop leftLoop, TunnelLoop rightLoop, Line leftToRight, Line rightToLeft) {
        left = new End("left", leftLoop, leftToRight);
        right = new End("right", rightLoop, rightToLeft);
        left.other = right;
        right.other = left;
    }

    /** One end. */
    public Transport left() {
        return left;
    }

    /** The other end. */
    public Transport right() {
        return right;
    }

    /** Bytes that have arrived at the right end so far. */
    public long arrivedAtRight() {
        return left.arrivedBytes;
    }

    /** Bytes that have arrived at the left end so far. */
    public long arrivedAtLeft() {
        return right.arrivedBytes;
    }

    /** Whether both ends have closed, and said so to whoever has started them. */
    public boolean isOver() {
        return (left.isEnded || left.isToldEarly) && (right.isEnded || right.isToldEarly);
    }

    /**
     * From here on nothing arrives, in neither direction.
     *
     * @param cause what the ends are told
     * @param leftNanos after how long the left end learns of it; below 0 is never, as when a cable is cut and nobody says so
     * @param rightNanos the same for the right end
     */
    public void lose(Throwable cause, long leftNanos, long rightNanos) {
        isLost = true;
        left.learns(cause, leftNanos);
        right.learns(cause, rightNanos);
    }

    /** Runs {@code action}, for instance {@link #lose}, once the right end has got so many bytes and before it gets another. */
    public void whenArrivedAtRight(long bytes, Runnable action) {
        left.pauseAfter(bytes, action);
    }

    /** Runs {@code action}, for instance {@link #lose}, once the left end has got so many bytes and before it gets another. */
    public void whenArrivedAtLeft(long bytes, Runnable action) {
        right.pauseAfter(bytes, action);
    }

    /** Hands on what comes as long as the end is open, also if it closes while one portion is read. */
    private record OpenOnly(End end, FrameHandler handler) implements FrameHandler {

        private void hand(Frame frame) {
            if (end.isClosed) {
                FrameEncoder.payload(frame).release();
            } else {
                frame.deliverTo(handler);
            }
        }

        @Override
        public void onData(Frame.Data frame) {
            hand(frame);
        }

        @Override
        public void onOpen(Frame.Open frame) {
            hand(frame);
        }

        @Override
        public void onMessage(Frame.Message frame) {
            hand(frame);
        }

        @Override
        public void onWindow(Frame.Window frame) {
            hand(frame);
        }

        @Override
        public void onClose(Frame.Close frame) {
            hand(frame);
        }

        @Override
        public void onCancel(Frame.Cancel frame) {
            hand(frame);
        }

        @Override
        public void onPing(Frame.Ping frame) {
            hand(frame);
        }

        @Override
        public void onGoAway(Frame.GoAway frame) {
            hand(frame);
        }

        @Override
        public void onHello(Frame.Hello frame) {
            hand(frame);
        }

        @Override
        public void onAck(Frame.Ack frame) {
            hand(frame);
        }

        @Override
        public void onExtension(Frame.Extension frame) {
            if (!end.isClosed) {
                handler.onExtension(frame);
            }
        }

        @Override
        public void onStreamBreach(ProtocolException breach) {
            if (!end.isClosed) {
                handler.onStreamBreach(breach);
            }
        }
    }

    private final class End implements Transport {

        private final String name;
        private final TunnelLoop loop;
        private final Line line;
        private final ByteQueue written = new ByteQueue();
        private final ByteQueue underWay = new ByteQueue();
        private @Nullable End other;
        private @Nullable TransportListener listener;
        private @Nullable FrameDecoder decoder;
        private int unsentBytes;
        private long arrivedBytes;
        private long actionAfterBytes = Long.MAX_VALUE;
        private @Nullable Runnable action;
        private boolean isFull;
        private boolean isCarrying;
        private boolean isClosed;
        private boolean isEnded;
        private boolean isFinishing;
        private boolean isToldEarly;
        private @Nullable Throwable earlyCause;

        End(String name, TunnelLoop loop, Line line) {
            this.name = name;
            this.loop = loop;
            this.line = line;
        }

        @Override
        public TunnelLoop loop() {
            return loop;
        }

        @Override
        public String peer() {
            return "the " + other().name + " end of a pipe of bytes";
        }

        @Override
        public void start(TransportListener newListener, int maxFrameBytes) {
            requireInLoop();
            if (listener != null) {
                throw new IllegalStateException("started twice");
            }
            listener = newListener;
            decoder = new FrameDecoder(maxFrameBytes);
            if (isToldEarly) {
                loop.execute(() -> onEnd(earlyCause));
            }
            other().carry();
        }

        @Override
        public void write(Frame frame) {
            requireInLoop();
            long header = FrameEncoder.header(frame);
            Payload payload = FrameEncoder.payload(frame);
            if (!isClosed) {
                written.add(header, payload);
                unsentBytes += HEADER_BYTES + payload.length();
                isFull |= unsentBytes >= line.highWaterBytes();
            }
            payload.release();
        }

        @Override
        public void flush() {
            requireInLoop();
            written.moveTo(underWay);
            carry();
        }

        @Override
        public boolean isWritable() {
            return !isClosed && !isFull;
        }

        @Override
        public void close(ErrorCode code, String reason) {
            requireInLoop();
            if (isClosed) {
                return;
            }
            flush();
            isClosed = true;
            isFinishing = true;
            carry();
            loop.execute(() -> onEnd(null));
        }

        private End other() {
            return Objects.requireNonNull(other);
        }

        private void requireInLoop() {
            if (!loop.inLoop()) {
                throw new AssertionError("called outside of its loop");
            }
        }

        /** Sends the next portion on its way, or the end of them. */
        private void carry() {
            boolean hasSomething = underWay.size() > 0 || isFinishing;
            if (hasSomething && !isCarrying && !isLost && (other().listener != null || other().isClosed)) {
                isCarrying = true;
                other().loop.schedule(this::arrive, line.delayNanos());
            }
        }

        /** On the other end's loop. */
        private void arrive() {
            isCarrying = false;
            if (isLost) {
                return;
            }
            if (underWay.size() == 0) {
                if (isFinishing) {
                    isFinishing = false;
                    other().onEnd(null);
                }
                return;
            }
            long untilAction = Math.max(1, actionAfterBytes - arrivedBytes);
            int count = (int) Math.min(line.portionBytes(underWay.size()), untilAction);
            byte[] bytes = underWay.take(count);
            arrivedBytes += count;
            loop.execute(() -> onArrived(count));
            other().receive(bytes);
            actIfDue();
            carry();
        }

        private void pauseAfter(long bytes, Runnable newAction) {
            actionAfterBytes = bytes;
            action = newAction;
            actIfDue();
        }

        private void actIfDue() {
            Runnable due = action;
            if (arrivedBytes >= actionAfterBytes && due != null) {
                action = null;
                actionAfterBytes = Long.MAX_VALUE;
                due.run();
            }
        }

        private void onArrived(int count) {
            unsentBytes -= count;
            if (isFull && unsentBytes <= line.highWaterBytes() / 2) {
                isFull = false;
                if (listener != null && !isClosed) {
                    listener.onWritable();
                }
            }
        }

        private void receive(byte[] bytes) {
            if (isClosed || listener == null || decoder == null) {
                return;
            }
            listener.onBytesReceived();
            try {
                decoder.decode(line.payload(bytes), new OpenOnly(this, listener));
            } catch (ProtocolException e) {
                decoder = null;
                listener.onBreach(e);
            }
        }

        private void learns(Throwable cause, long nanos) {
            if (nanos >= 0) {
                loop.schedule(() -> onEnd(cause), nanos);
            }
        }

        private void onEnd(@Nullable Throwable cause) {
            if (isEnded) {
                return;
            }
            isClosed = true;
            if (listener == null) {
                isToldEarly = true;
                earlyCause = cause;
                return;
            }
            isEnded = true;
            if (!isFinishing) {
                underWay.clear();
            }
            written.clear();
            other().carry();
            listener.onClosed(cause);
        }
    }
}
