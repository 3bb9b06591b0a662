package io.tunnelmux.core;

import io.tunnelmux.core.testing.VirtualLoop;
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

/** A transport whose other end is a list of frames and a source of bytes. What is written goes through bytes, too. */
final class VectorTransport implements Transport {

    private final VirtualLoop loop;
    private final int peerMaxFrameBytes;
    private final List<Frame> written = new ArrayList<>();
    private @Nullable TransportListener listener;
    private @Nullable FrameDecoder decoder;
    private boolean isClosed;

    VectorTransport(VirtualLoop loop, int peerMaxFrameBytes) {
        this.loop = loop;
        this.peerMaxFrameBytes = peerMaxFrameBytes;
    }

    /** What was written and has not been taken from here. */
    List<Frame> written() {
        return written;
    }

    boolean isClosed() {
        return isClosed;
    }

    /** The peer has sent these bytes. */
    void receive(Payload bytes) {
        if (isClosed || listener == null || decoder == null) {
            return;
        }
        listener.onBytesReceived();
        try {
            decoder.decode(bytes, listener);
        } catch (ProtocolException e) {
            decoder = null;
            listener.onBreach(e);
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
        return !isClosed;
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
        return "a vector";
    }
}
