package io.tunnelmux.core.testing;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Remembers what a transport tells, and holds it to the rules of a {@link TransportListener}: all on the loop, nothing after the end. What
 * breaks them is in {@link #faults}. Payloads are copied and released as they come; pieces of one DATA become one again.
 *
 * <p>Written to by the loop, read by any thread.
 */
public class TransportRecorder implements TransportListener {

    private final Transport transport;
    private final List<Frame> frames = new ArrayList<>();
    private final List<String> faults = new ArrayList<>();
    private final List<ProtocolException> breaches = new ArrayList<>();
    private final ByteArrayOutputStream pieces = new ByteArrayOutputStream();
    private int pieceFlags;
    private long dataBytes;
    private int reads;
    private int writableCalls;
    private int closedCalls;
    private @Nullable Throwable cause;
    private Consumer<Frame> onFrame = frame -> {};
    private Runnable onWritable = () -> {};
    private boolean keepsFrames = true;

    /** Records what this transport tells once it is started with this listener. */
    public TransportRecorder(Transport transport) {
        this.transport = transport;
    }

    /** What to do on the loop with each frame that comes, after it was recorded. Set before the start. */
    public TransportRecorder onFrame(Consumer<Frame> action) {
        onFrame = action;
        return this;
    }

    /** What to do on the loop each time the transport is writable again. Set before the start. */
    public TransportRecorder onWritable(Runnable action) {
        onWritable = action;
        return this;
    }

    /** Counts bytes of DATA only, and keeps no frames. Set before the start. */
    public TransportRecorder countsOnly() {
        keepsFrames = false;
        return this;
    }

    /** Frames that came, in order, with copies of their payloads. */
    public synchronized List<Frame> frames() {
        return List.copyOf(frames);
    }

    /** Bytes in all DATA that came. */
    public synchronized long dataBytes() {
        return dataBytes;
    }

    /** How often bytes were received. */
    public synchronized int reads() {
        return reads;
    }

    /** How often the transport became writable again. */
    public synchronized int writableCalls() {
        return writableCalls;
    }

    /** Breaches of the protocol, by scope the stream's and the tunnel's. */
    public synchronized List<ProtocolException> breaches() {
        return List.copyOf(breaches);
    }

    /** How often the end was told. */
    public synchronized int closedCalls() {
        return closedCalls;
    }

    /** What broke the transport, or null. */
    public synchronized @Nullable Throwable cause() {
        return cause;
    }

    /** What the transport did that it may not do. */
    public synchronized List<String> faults() {
        return List.copyOf(faults);
    }

    @Override
    public synchronized void onBytesReceived() {
        check("onBytesReceived");
        reads++;
    }

    @Override
    public void onWritable() {
        synchronized (this) {
            check("onWritable");
            writableCalls++;
        }
        onWritable.run();
    }

    @Override
    public synchronized void onBreach(ProtocolException breach) {
        check("onBreach");
        breaches.add(breach);
    }

    @Override
    public synchronized void onStreamBreach(ProtocolException breach) {
        check("onStreamBreach");
        breaches.add(breach);
    }

    @Override
    public synchronized void onClosed(@Nullable Throwable newCause) {
        check("onClosed");
        closedCalls++;
        cause = newCause;
    }

    @Override
    public void onData(Frame.Data frame) {
        byte[] bytes = frame.payload().toByteArray();
        frame.payload().release();
        Frame whole = null;
        synchronized (this) {
            dataBytes += bytes.length;
            pieces.writeBytes(bytes);
            pieceFlags |= frame.flags() & Frame.FLAG_TEXT;
            if (!frame.hasMore()) {
                int flags = pieceFlags | frame.flags() & Frame.FLAG_END;
                whole = new Frame.Data(
                        frame.streamId(), Payload.of(keepsFrames ? pieces.toByteArray() : new byte[0]), flags);
                pieces.reset();
                pieceFlags = 0;
            }
        }
        if (whole == null) {
            check("onData");
        } else {
            record(whole);
        }
    }

    @Override
    public void onOpen(Frame.Open frame) {
        record(new Frame.Open(frame.streamId(), copyOf(frame.payload()), frame.flags()));
    }

    @Override
    public void onMessage(Frame.Message frame) {
        record(new Frame.Message(frame.streamId(), copyOf(frame.payload()), frame.flags()));
    }

    @Override
    public void onHello(Frame.Hello frame) {
        record(new Frame.Hello(copyOf(frame.payload()), frame.isReply()));
    }

    @Override
    public void onWindow(Frame.Window frame) {
        record(frame);
    }

    @Override
    public void onClose(Frame.Close frame) {
        record(frame);
    }

    @Override
    public void onCancel(Frame.Cancel frame) {
        record(frame);
    }

    @Override
    public void onPing(Frame.Ping frame) {
        record(frame);
    }

    @Override
    public void onGoAway(Frame.GoAway frame) {
        record(frame);
    }

    @Override
    public void onAck(Frame.Ack frame) {
        record(frame);
    }

    @Override
    public void onExtension(Frame.Extension frame) {
        record(frame);
    }

    private void record(Frame frame) {
        synchronized (this) {
            check(frame.getClass().getSimpleName());
            if (reads == 0) {
                faults.add("a frame before onBytesReceived: " + frame);
            }
            if (keepsFrames) {
                frames.add(frame);
            }
        }
        onFrame.accept(frame);
    }

    private synchronized void check(String event) {
        if (!transport.loop().inLoop()) {
            faults.add(event + " off the loop");
        }
        if (closedCalls > 0) {
            faults.add(event + " after the end");
        }
    }

    private static Payload copyOf(Payload payload) {
        Payload copy = Payload.of(payload.toByteArray());
        payload.release();
        return copy;
    }
}
