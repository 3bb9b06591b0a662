package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelServer;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.transport.Connector;
import io.tunnelmux.core.transport.InMemoryTransport;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.transport.EmbeddedLoops;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.websocket.MessageReader;
import io.tunnelmux.netty.websocket.MessageRecorder;
import io.tunnelmux.netty.websocket.RawFrames;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.net.URI;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A client's WebSocket, a tunnel and an upstream's WebSocket without sockets: two relays with the peers of both in the hands of the test, whose own thread is
 * every loop.
 *
 * <pre>
 * test as client ⇄ channel — relay — stream ═ tunnel ═ stream — relay — channel ⇄ test as server
 * </pre>
 */
final class RelayRig implements AutoCloseable {

    private static final TunnelConfig CONFIG = TunnelConfig.builder()
            .capabilities(Set.of(Capabilities.WEBSOCKET_AWARE))
            .build();

    final Side client;
    final Side server;
    private final InMemoryTransport.Pair pipe;

    static RelayRig plain() {
        return new RelayRig(new Options());
    }

    /** What is not as usual. */
    static final class Options {
        boolean isClientDeflating;
        boolean isServerDeflating;
        int clientMaxBytes = MessageRelay.DEFAULT_MAX_MESSAGE_BYTES;
        int serverMaxBytes = MessageRelay.DEFAULT_MAX_MESSAGE_BYTES;

        @Nullable
        MessageTap tap;
        /** In place of the agent's relay. */
        @Nullable
        StreamHandler far;
    }

    RelayRig(Options options) {
        client = new Side(true, options.isClientDeflating, options.clientMaxBytes, options.tap, ErrorCode.CANCELLED);
        server = new Side(false, options.isServerDeflating, options.serverMaxBytes, null, ErrorCode.UPSTREAM_RESET);
        pipe = InMemoryTransport.pair(client.loop, server.loop);
        Gateway gateway = new Gateway();
        new TunnelServer(CONFIG, (hello, token) -> null, gateway).onAccepted(pipe.left(), null);
        TunnelClient.builder(new Once(pipe.right()))
                .gateways(List.of(URI.create("memory:rig")))
                .agentId("demo")
                .config(CONFIG)
                .handler(new Agent(options.far))
                .build()
                .start();
        pump();
    }

    /** Runs all that can run without time passing. */
    void pump() {
        do {
            client.channel.runPendingTasks();
            server.channel.runPendingTasks();
        } while (client.channel.hasPendingTasks() || server.channel.hasPendingTasks());
    }

    void advance(long seconds) {
        client.channel.advanceTimeBy(seconds, TimeUnit.SECONDS);
        server.channel.advanceTimeBy(seconds, TimeUnit.SECONDS);
        pump();
    }

    void loseTunnel() {
        pipe.left().lose(new java.io.IOException("lost by the test"));
        pump();
    }

    @Override
    public void close() {
        client.channel.close();
        server.channel.close();
        pump();
        loseTunnel();
        client.drop();
        server.drop();
        client.channel.finishAndReleaseAll();
        server.channel.finishAndReleaseAll();
    }

    /** A channel whose peer is the test. */
    final class Side {
        final Stoppable channel = new Stoppable();
        final NettyLoop loop = EmbeddedLoops.of(channel);
        private final ReadGate gate = new ReadGate(channel);
        private final MessageRelay.Settings settings;
        private final ErrorCode whenLost;
        private final MessageRecorder recorder = new MessageRecorder();
        private final MessageReader reader;

        @Nullable
        TunnelStream stream;

        private @Nullable MessageRelay relay;
        private @Nullable Outcome outcome;

        Side(boolean isServer, boolean isDeflating, int maxBytes, @Nullable MessageTap tap, ErrorCode whenLost) {
            this.whenLost = whenLost;
            settings = new MessageRelay.Settings(
                    isServer, isDeflating, maxBytes, isServer ? null : new Random(1), null, tap);
            reader = new MessageReader(!isServer, isDeflating, 1 << 30, channel.alloc(), recorder);
        }

        void join(TunnelStream joined) {
            stream = joined;
            relay = MessageRelay.join(joined, channel, loop, gate, settings, whenLost);
        }

        /** Frames as this side's peer writes them. */
        RawFrames frames() {
            return RawFrames.of(settings.isServer());
        }

        Side sends(RawFrames frames) {
            return sends(frames.toByteArray());
        }

        Side sends(byte[] bytes) {
            if (channel.isOpen()) {
                channel.writeInbound(channel.alloc().ioBuffer(bytes.length + 1).writeBytes(bytes));
            }
            pump();
            return this;
        }

        /** The test's end says that it sends nothing more. */
        void endsOutput() {
            channel.pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
            pump();
        }

        void stops() {
            channel.isStopped = true;
        }

        void goesOn() {
            channel.isStopped = false;
            channel.flush();
            pump();
        }

        /** All that came until now. */
        List<String> received() {
            for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
                reader.read(part);
            }
            return recorder.messages();
        }

        /** As {@link #received}, without pings. */
        List<String> messages() {
            return received().stream()
                    .filter(message -> !message.startsWith("ping "))
                    .toList();
        }

        boolean isReading() {
            return channel.config().isAutoRead();
        }

        /** How the stream ended on this side; null if it has not. */
        @Nullable
        Outcome outcome() {
            return outcome;
        }

        private void drop() {
            for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
                part.release();
            }
            reader.close();
        }
    }

    /** A channel whose socket takes nothing while it is stopped. */
    static final class Stoppable extends EmbeddedChannel {
        private boolean isStopped;

        Stoppable() {
            freezeTime();
            config().setWriteBufferWaterMark(new WriteBufferWaterMark(16 * 1024, 32 * 1024));
        }

        @Override
        protected void doWrite(ChannelOutboundBuffer in) throws Exception {
            if (!isStopped) {
                super.doWrite(in);
            }
        }
    }

    private static Message.ProxyRequest request() {
        return new Message.ProxyRequest(
                "r-1",
                new Message.HttpHead("GET", "/", null, null, null, Headers.EMPTY),
                new Message.Upgrade(true, false, io.tunnelmux.protocol.Payload.EMPTY),
                Message.Destination.ANY,
                0,
                null,
                null);
    }

    private abstract static class Quiet implements TunnelHandler {
        @Override
        public void onOpened(Tunnel tunnel) {
            // The gateway opens a stream.
        }

        @Override
        public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            return null;
        }

        @Override
        public void onClosed(Tunnel tunnel, Outcome outcome) {
            // The streams tell.
        }
    }

    private final class Gateway extends Quiet {
        @Override
        public void onOpened(Tunnel tunnel) {
            Watched watched = new Watched(client);
            client.join(tunnel.open(request(), false, watched));
            watched.handler = client.relay;
        }
    }

    private final class Agent extends Quiet {
        private final @Nullable StreamHandler far;

        Agent(@Nullable StreamHandler far) {
            this.far = far;
        }

        @Override
        public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            Watched watched = new Watched(server);
            if (far == null) {
                server.join(stream);
                watched.handler = server.relay;
            } else {
                server.stream = stream;
                watched.handler = far;
            }
            return watched;
        }
    }

    private static final class Watched implements StreamHandler {
        private final Side side;
        private @Nullable StreamHandler handler;

        Watched(Side side) {
            this.side = side;
        }

        @Override
        public void onMessage(TunnelStream stream, Message message, boolean isEnd) {
            handler.onMessage(stream, message, isEnd);
        }

        @Override
        public void onData(TunnelStream stream, Frame.Data data) {
            handler.onData(stream, data);
        }

        @Override
        public void onWritable(TunnelStream stream) {
            handler.onWritable(stream);
        }

        @Override
        public void onClosed(TunnelStream stream, Outcome how) {
            side.outcome = how;
            handler.onClosed(stream, how);
        }
    }

    private record Once(Transport transport) implements Connector {
        @Override
        public TunnelLoop loop() {
            return transport.loop();
        }

        @Override
        public CompletionStage<Transport> connect(URI gateway, @Nullable String token) {
            return transport.isWritable() ? CompletableFuture.completedFuture(transport) : new CompletableFuture<>();
        }
    }
}
