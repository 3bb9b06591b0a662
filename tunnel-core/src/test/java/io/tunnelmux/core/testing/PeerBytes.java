package io.tunnelmux.core.testing;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameDecoder;
import io.tunnelmux.protocol.codec.FrameEncoder;
import io.tunnelmux.protocol.testing.CollectedFrames;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A transport whose other end is a source of bytes, good or bad, and remembers what it was sent. What is written goes through bytes, too; payloads are copied
 * and released. A tunnel that does not say GOAWAY and close when it is told of a breach is an {@link AssertionError}.
 *
 * <p>For one thread, that of its {@link VirtualLoop}.
 */
public final class PeerBytes implements Transport {

    private final VirtualLoop loop;
    private final int peerMaxFrameBytes;
    private final List<Frame> written = new ArrayList<>();
    private @Nullable TransportListener listener;
    private @Nullable FrameDecoder decoder;
    private boolean isClosed;
    private boolean isFull;

    /** @param peerMaxFrameBytes the largest payload of a frame that the peer takes */
    public PeerBytes(VirtualLoop loop, int peerMaxFrameBytes) {
        this.loop = loop;
        this.peerMaxFrameBytes = peerMaxFrameBytes;
    }

    /** What was written and has not been taken out of this list. */
    public List<Frame> written() {
        return written;
    }

    /** Whether a tunnel has started it. */
    public boolean isStarted() {
        return listener != null;
    }

    /** Whether the tunnel has closed it, or the line is lost. */
    public boolean isClosed() {
        return isClosed;
    }

    /** The peer has sent these bytes, which are taken. */
    public void receive(Payload bytes) {
        if (isClosed || listener == null || decoder == null) {
            bytes.release();
            return;
        }
        listener.onBytesReceived();
        try {
            decoder.decode(bytes, listener);
        } catch (ProtocolException e) {
            decoder = null;
            // What comes behind a GOAWAY of the peer is nobody's concern.
            if (!isClosed) {
                listener.onBreach(e);
                if (!isClosed || written.stream().noneMatch(Frame.GoAway.class::isInstance)) {
                    throw new AssertionError("told of a breach, the tunnel goes on", e);
                }
            }
        }
    }

    /** Whether the line takes frames; at first it does. */
    public void letWrite(boolean mayWrite) {
        boolean wasFull = isFull;
        isFull = !mayWrite;
        if (wasFull && mayWrite && listener != null && !isClosed) {
            listener.onWritable();
        }
    }

    /** The line is lost. */
    public void cut() {
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
        if (isClosed) {
            FrameEncoder.payload(frame).release();
            return;
        }
        byte[] header = ByteBuffer.allocate(FrameEncoder.HEADER_BYTES)
                .putLong(FrameEncoder.header(frame))
                .array();
        CollectedFrames read = new CollectedFrames();
        FrameDecoder peer = new FrameDecoder(peerMaxFrameBytes);
        peer.decode(Payload.of(header), read);
        peer.decode(FrameEncoder.payload(frame), read);
        written.addAll(read.frames());
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
        return "bytes";
    }
}
