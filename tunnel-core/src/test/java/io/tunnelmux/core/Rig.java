package io.tunnelmux.core;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.core.testing.ScriptedPeer;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.core.transport.InMemoryTransport;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** A gateway's tunnel in virtual time, with a scripted agent at its other end. */
final class Rig implements TunnelHandler {

    final VirtualLoop loop = new VirtualLoop();
    final InMemoryTransport.Pair pipe = InMemoryTransport.pair(loop, loop);
    final Map<Integer, TunnelStream> accepted = new HashMap<>();
    final Map<Integer, RecordingHandler> handlers = new HashMap<>();
    final List<Outcome> ended = new ArrayList<>();
    final List<Message> messages = new ArrayList<>();
    final ScriptedPeer peer;
    boolean acceptsStreams = true;
    private @Nullable BiFunction<TunnelStream, Message, StreamHandler> acceptance;
    int drainingCalls;
    private @Nullable Tunnel tunnel;

    private Rig(TunnelConfig config, HelloVerifier verifier) {
        peer = new ScriptedPeer(pipe.right(), loop);
        new TunnelServer(config, verifier, this).onAccepted(pipe.left(), null);
        loop.runUntilIdle();
    }

    /** A tunnel before its handshake. */
    static Rig silent(TunnelConfig config, HelloVerifier verifier) {
        return new Rig(config, verifier);
    }

    static Rig open() {
        return open(Settings.DEFAULTS, Settings.DEFAULTS);
    }

    /** A tunnel after its handshake; its windows stay as they are, so that nothing is sent for their sake. */
    static Rig open(Settings local, Settings remote) {
        return open(
                TunnelConfig.builder()
                        .settings(local)
                        .maxStreamWindowBytes(local.streamWindowBytes())
                        .maxTunnelWindowBytes(local.tunnelWindowBytes())
                        .build(),
                remote);
    }

    /** A tunnel after its handshake. */
    static Rig open(TunnelConfig config, Settings remote) {
        Rig rig = new Rig(config, (hello, token) -> null);
        rig.peer.greets(remote);
        rig.peer.takeReceived();
        return rig;
    }

    /** A tunnel after its handshake whose streams are taken like this. */
    static Rig accepting(BiFunction<TunnelStream, Message, StreamHandler> acceptance) {
        Rig rig = open();
        rig.acceptance = acceptance;
        return rig;
    }

    Tunnel tunnel() {
        if (tunnel == null) {
            throw new AssertionError("the tunnel is not open");
        }
        return tunnel;
    }

    boolean isOpen() {
        return tunnel != null;
    }

    /** Opens a stream from the tunnel's side; its handler is in {@link #handlers} under its id. */
    TunnelStream opens() {
        RecordingHandler handler = new RecordingHandler();
        TunnelStream stream = tunnel().open(request(), false, handler);
        handlers.put(stream.id(), handler);
        loop.runUntilIdle();
        return stream;
    }

    RecordingHandler handler(TunnelStream stream) {
        return handlers.get(stream.id());
    }

    static Message.ProxyRequest request() {
        return request("r1", "/");
    }

    static Message.ProxyRequest request(String requestId, String path) {
        return new Message.ProxyRequest(
                requestId,
                new Message.HttpHead("GET", path, null, null, null, Headers.EMPTY),
                Message.Upgrade.NONE,
                Message.Destination.ANY,
                0,
                null,
                null);
    }

    static Payload bytes(int count) {
        return Payload.of(new byte[count]);
    }

    static Frame.Data data(int streamId, int count) {
        return new Frame.Data(streamId, bytes(count), 0);
    }

    static Frame.Data lastData(int streamId, int count) {
        return new Frame.Data(streamId, bytes(count), Frame.FLAG_END);
    }

    @Override
    public void onOpened(Tunnel opened) {
        tunnel = opened;
    }

    @Override
    public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
        if (!acceptsStreams) {
            return null;
        }
        if (acceptance != null) {
            return acceptance.apply(stream, request);
        }
        RecordingHandler handler = new RecordingHandler();
        accepted.put(stream.id(), stream);
        handlers.put(stream.id(), handler);
        return handler;
    }

    @Override
    public void onMessage(Tunnel from, Message message) {
        messages.add(message);
    }

    @Override
    public void onDraining(Tunnel draining) {
        drainingCalls++;
    }

    @Override
    public void onClosed(Tunnel closed, Outcome outcome) {
        ended.add(outcome);
    }
}
