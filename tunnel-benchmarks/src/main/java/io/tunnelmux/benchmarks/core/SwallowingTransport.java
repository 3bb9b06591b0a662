package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.HelloCodec;

/** Takes every frame and is done with it; its peer greets, grants what it is told to grant, and is otherwise silent. */
final class SwallowingTransport implements Transport {

    private final CallerLoop loop;
    private final Settings peer;
    private TransportListener listener;
    private long dataFrames;

    SwallowingTransport(CallerLoop loop, Settings peer) {
        this.loop = loop;
        this.peer = peer;
    }

    /** DATA that was swallowed. */
    long dataFrames() {
        return dataFrames;
    }

    /** Grants credit on a stream, or on the tunnel if {@code streamId} is 0. */
    void grant(int streamId, int bytes) {
        listener.onWindow(new Frame.Window(streamId, bytes));
    }

    @Override
    public CallerLoop loop() {
        return loop;
    }

    @Override
    public void start(TransportListener newListener, int maxFrameBytes) {
        listener = newListener;
        Hello hello = Hello.builder()
                .role(Hello.Role.AGENT)
                .agentId("benchmark")
                .settings(peer)
                .build();
        loop.execute(() -> newListener.onHello(new Frame.Hello(HelloCodec.encode(hello), false)));
    }

    @Override
    public void write(Frame frame) {
        if (frame instanceof Frame.Data data) {
            data.payload().release();
            dataFrames++;
        }
    }

    @Override
    public void flush() {}

    @Override
    public boolean isWritable() {
        return true;
    }

    @Override
    public void close(ErrorCode code, String reason) {}

    @Override
    public String peer() {
        return "nobody";
    }
}
