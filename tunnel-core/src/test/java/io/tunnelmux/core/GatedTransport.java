package io.tunnelmux.core;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.HelloCodec;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A transport that takes as many frames as a test says, and a gateway's tunnel over it whose peer's credit is all but endless. For one thread. */
final class GatedTransport implements Transport, TunnelHandler {

    static final int ENDLESS = Integer.MAX_VALUE;
    private static final int MANY = 1 << 20;
    private static final int MUCH_BYTES = 4 * 1024 * 1024;

    final VirtualLoop loop = new VirtualLoop();
    final List<TunnelStream> accepted = new ArrayList<>();
    private final List<Frame> written = new ArrayList<>();
    private int allowedFrames = ENDLESS;
    private @Nullable TransportListener listener;
    private @Nullable Tunnel tunnel;
    private @Nullable Outcome ended;

    GatedTransport(Settings peer) {
        Settings local =
                Settings.builder().maxStreams(MANY).tunnelWindowBytes(ENDLESS).build();
        new TunnelServer(TunnelConfig.builder().settings(local).build(), (hello, token) -> null, this)
                .onAccepted(this, null);
        Hello hello = Hello.builder()
                .role(Hello.Role.AGENT)
                .agentId("demo")
                .settings(peer)
                .build();
        listener().onHello(new Frame.Hello(HelloCodec.encode(hello), false));
        loop.runUntilIdle();
        written.clear();
    }

    /** With credit for 2^31-1 bytes, on the tunnel and each stream. */
    static GatedTransport withEndlessCredit() {
        return new GatedTransport(Settings.builder()
                .maxStreams(MANY)
                .streamWindowBytes(ENDLESS)
                .tunnelWindowBytes(ENDLESS)
                .build());
    }

    /** A stream whose OPEN has gone out. To be called as long as the gate is open. */
    TunnelStream opens(Priority priority) {
        if (!isWritable()) {
            throw new AssertionError("the gate is shut");
        }
        TunnelStream stream = tunnel().open(Rig.request(), false, new RecordingHandler());
        stream.priority(priority);
        loop.runUntilIdle();
        written.clear();
        return stream;
    }

    /** Shuts the gate. From here on these have much waiting, and none counts as one that sends little. */
    void saturates(TunnelStream... streams) {
        for (TunnelStream stream : streams) {
            stream.write(Rig.bytes(2 * StreamQueue.SPARSE_BYTES));
        }
        loop.runUntilIdle();
        shuts();
        for (TunnelStream stream : streams) {
            stream.write(Rig.bytes(MUCH_BYTES));
        }
    }

    /** Takes no more. */
    void shuts() {
        takes(0);
    }

    /** Takes so many frames more, as far as there are. Returns them. */
    List<Frame> takes(int frames) {
        written.clear();
        allowedFrames = frames;
        listener().onWritable();
        loop.runUntilIdle();
        allowedFrames = 0;
        return List.copyOf(written);
    }

    Tunnel tunnel() {
        if (tunnel == null) {
            throw new AssertionError("the tunnel is not open");
        }
        return tunnel;
    }

    TransportListener listener() {
        if (listener == null) {
            throw new AssertionError("not started");
        }
        return listener;
    }

    @Nullable
    Outcome ended() {
        return ended;
    }

    @Override
    public VirtualLoop loop() {
        return loop;
    }

    @Override
    public void start(TransportListener newListener, int maxFrameBytes) {
        listener = newListener;
    }

    @Override
    public void write(Frame frame) {
        allowedFrames--;
        written.add(frame);
    }

    @Override
    public void flush() {}

    @Override
    public boolean isWritable() {
        return allowedFrames > 0;
    }

    @Override
    public void close(ErrorCode code, String reason) {}

    @Override
    public String peer() {
        return "a gate";
    }

    @Override
    public void onOpened(Tunnel opened) {
        tunnel = opened;
    }

    @Override
    public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
        accepted.add(stream);
        return new RecordingHandler();
    }

    @Override
    public void onClosed(Tunnel closed, Outcome outcome) {
        ended = outcome;
    }
}
