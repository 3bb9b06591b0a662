package io.tunnelmux.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameDecoder;
import io.tunnelmux.protocol.codec.FrameEncoder;
import io.tunnelmux.protocol.testing.PayloadTracker;
import org.jspecify.annotations.Nullable;

/** A transport whose other end is a source of bytes; what is written is looked at, counted and freed. */
final class PeerBytes implements Transport {

    private final VirtualLoop loop;
    private final PayloadTracker tracker;
    private @Nullable TransportListener listener;
    private @Nullable FrameDecoder decoder;
    private boolean isClosed;
    private boolean isFull;
    private boolean isGoAwayWritten;
    private long receivedBytes;
    private long writtenFrames;

    PeerBytes(VirtualLoop loop, PayloadTracker tracker) {
        this.loop = loop;
        this.tracker = tracker;
    }

    boolean isStarted() {
        return listener != null;
    }

    boolean isClosed() {
        return isClosed;
    }

    long receivedBytes() {
        return receivedBytes;
    }

    long writtenFrames() {
        return writtenFrames;
    }

    /** The peer has sent these bytes. */
    void receive(byte[] bytes) {
        if (isClosed || listener == null || decoder == null) {
            return;
        }
        receivedBytes += bytes.length;
        listener.onBytesReceived();
        try {
            decoder.decode(tracker.payload(bytes), listener);
        } catch (ProtocolException e) {
            decoder = null;
            // What comes behind a GOAWAY of the peer is nobody's concern.
            if (!isClosed) {
                listener.onBreach(e);
                assertThat(isClosed && isGoAwayWritten).as("told of a breach").isTrue();
            }
        }
    }

    void letWrite(boolean mayWrite) {
        boolean wasFull = isFull;
        isFull = !mayWrite;
        if (wasFull && mayWrite && listener != null && !isClosed) {
            listener.onWritable();
        }
    }

    /** The line is lost. */
    void cut() {
        if (!isClosed && listener != null) {
            isClosed = true;
            listener.onClosed(null);
        }
    }

    @Override
    public TunnelLoop loop() {
        return loop;
    }

    @Override
    public void start(TransportListener newListener, int maxFrameBytes) {
        listener = newListener;
        decoder = new FrameDecoder(maxFrameBytes);
    }

    @Override
    public void write(Frame frame) {
        writtenFrames++;
        if (frame instanceof Frame.GoAway goAway) {
            assertThat(ErrorCode.of(goAway.code())).as("code of %s", goAway).isNotNull();
            isGoAwayWritten = true;
        } else if (frame instanceof Frame.Cancel cancel) {
            assertThat(ErrorCode.of(cancel.code())).as("code of %s", cancel).isNotNull();
        }
        FrameEncoder.payload(frame).release();
    }

    @Override
    public void flush() {}

    @Override
    public boolean isWritable() {
        return !isClosed && !isFull;
    }

    @Override
    public void close(ErrorCode code, String reason) {
        if (!isClosed) {
            isClosed = true;
            loop.execute(() -> {
                if (listener != null) {
                    listener.onClosed(null);
                }
            });
        }
    }

    @Override
    public String peer() {
        return "a fuzzer";
    }
}
