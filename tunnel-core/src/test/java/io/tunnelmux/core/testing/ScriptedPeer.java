package io.tunnelmux.core.testing;

import io.tunnelmux.core.transport.InMemoryTransport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.HelloCodec;
import io.tunnelmux.protocol.codec.MessageCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The other end of a tunnel, which does exactly what a test says and remembers what it was sent. Payloads are copied on receipt, so that frames compare by
 * content. Join it by {@link InMemoryTransport#pair} with the end that is tested, let it greet ({@link #greets}) or answer ({@link #answers}), then let it
 * send and look at what came back. A tunnel that breaks the protocol is an {@link AssertionError}.
 *
 * <p>For one thread, that of its {@link VirtualLoop}.
 */
public final class ScriptedPeer implements TransportListener {

    private final InMemoryTransport transport;
    private final VirtualLoop loop;
    private final List<Frame> received = new ArrayList<>();
    private final MessageCodec codec = MessageCodec.of(MessageFormat.CBOR);
    private boolean isClosed;

    /** A peer at this end of a pipe, which it starts. */
    public ScriptedPeer(InMemoryTransport transport, VirtualLoop loop) {
        this.transport = transport;
        this.loop = loop;
        transport.start(this, Settings.DEFAULTS.maxFrameBytes());
    }

    /** Sends frames in one burst, and lets all happen that follows from it. */
    public ScriptedPeer sends(Frame... frames) {
        for (Frame frame : frames) {
            transport.write(frame);
        }
        transport.flush();
        loop.runUntilIdle();
        return this;
    }

    /** Greets as the agent {@code demo}. */
    public ScriptedPeer greets(Settings settings) {
        Hello hello = Hello.builder()
                .role(Hello.Role.AGENT)
                .agentId("demo")
                .capabilities(Set.of(Capabilities.JSON))
                .settings(settings)
                .build();
        return sends(new Frame.Hello(HelloCodec.encode(hello), false));
    }

    /** Answers a greeting as a gateway. */
    public ScriptedPeer answers(Settings settings) {
        Hello hello = Hello.builder()
                .role(Hello.Role.GATEWAY)
                .sessionId("session-1")
                .settings(settings)
                .build();
        return sends(new Frame.Hello(HelloCodec.encode(hello), true));
    }

    /** Opens a stream with a request. */
    public ScriptedPeer opens(int streamId, Message request, int flags) {
        return sends(new Frame.Open(streamId, codec.encode(request), flags));
    }

    /** Closes its end in an orderly way. */
    public void closes() {
        transport.close(ErrorCode.NO_ERROR, "");
        loop.runUntilIdle();
    }

    /** What has come since the last call, in order. */
    public List<Frame> takeReceived() {
        List<Frame> taken = List.copyOf(received);
        received.clear();
        return taken;
    }

    /** The frames of one kind among what has come since the last call; the others are forgotten. */
    public <T extends Frame> List<T> takeReceived(Class<T> kind) {
        return takeReceived().stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    /** The message of an OPEN or MESSAGE. */
    public Message message(Frame frame) {
        Payload payload = frame instanceof Frame.Open open ? open.payload() : ((Frame.Message) frame).payload();
        return codec.decode(frame.streamId(), payload);
    }

    /** Whether the tunnel has closed its transport. */
    public boolean isClosed() {
        return isClosed;
    }

    @Override
    public void onData(Frame.Data frame) {
        received.add(new Frame.Data(frame.streamId(), copyOf(frame.payload()), frame.flags()));
    }

    @Override
    public void onOpen(Frame.Open frame) {
        received.add(new Frame.Open(frame.streamId(), copyOf(frame.payload()), frame.flags()));
    }

    @Override
    public void onMessage(Frame.Message frame) {
        received.add(new Frame.Message(frame.streamId(), copyOf(frame.payload()), frame.flags()));
    }

    @Override
    public void onHello(Frame.Hello frame) {
        received.add(new Frame.Hello(copyOf(frame.payload()), frame.isReply()));
    }

    @Override
    public void onWindow(Frame.Window frame) {
        received.add(frame);
    }

    @Override
    public void onClose(Frame.Close frame) {
        received.add(frame);
    }

    @Override
    public void onCancel(Frame.Cancel frame) {
        received.add(frame);
    }

    @Override
    public void onPing(Frame.Ping frame) {
        received.add(frame);
    }

    @Override
    public void onGoAway(Frame.GoAway frame) {
        received.add(frame);
    }

    @Override
    public void onAck(Frame.Ack frame) {
        received.add(frame);
    }

    @Override
    public void onExtension(Frame.Extension frame) {
        received.add(frame);
    }

    @Override
    public void onStreamBreach(ProtocolException breach) {
        throw new AssertionError("the tunnel broke the protocol", breach);
    }

    @Override
    public void onBreach(ProtocolException breach) {
        throw new AssertionError("the tunnel broke the protocol", breach);
    }

    @Override
    public void onBytesReceived() {}

    @Override
    public void onWritable() {}

    @Override
    public void onClosed(@Nullable Throwable cause) {
        isClosed = true;
    }

    private static Payload copyOf(Payload payload) {
        Payload copy = Payload.of(payload.toByteArray());
        payload.release();
        return copy;
    }
}
