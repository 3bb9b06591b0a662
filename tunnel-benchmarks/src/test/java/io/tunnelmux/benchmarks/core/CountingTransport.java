package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;

/** Another transport, whose frames and flushes are counted. A flush of nothing counts too: it may be a system call. */
final class CountingTransport implements Transport {

    private final Transport counted;
    private long frames;
    private long flushes;

    CountingTransport(Transport counted) {
        this.counted = counted;
    }

    long frames() {
        return frames;
    }

    long flushes() {
        return flushes;
    }

    @Override
    public TunnelLoop loop() {
        return counted.loop();
    }

    @Override
    public void start(TransportListener listener, int maxFrameBytes) {
        counted.start(listener, maxFrameBytes);
    }

    @Override
    public void write(Frame frame) {
        frames++;
        counted.write(frame);
    }

    @Override
    public void flush() {
        flushes++;
        counted.flush();
    }

    @Override
    public boolean isWritable() {
        return counted.isWritable();
    }

    @Override
    public void close(ErrorCode code, String reason) {
        counted.close(code, reason);
    }

    @Override
    public String peer() {
        return counted.peer();
    }
}
