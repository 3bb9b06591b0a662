package io.tunnelmux.core.testing;

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
import io.tunnelmux.protocol.Message;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A gateway's and an agent's end of one tunnel, joined within the JVM and open:
 *
 * <pre>{@code
 * VirtualLoop loop = new VirtualLoop();
 * TunnelPair pair = TunnelPair.open(loop, gatewayHandler, agentHandler);
 * TunnelStream stream = pair.gateway().open(request, true, new RecordingHandler());
 * loop.runUntilIdle();
 * }</pre>
 *
 * In virtual time the test's thread is the loop of both ends; with two {@link ThreadLoop}s each end has a thread. Payloads arrive at the other end as they
 * are, without a copy, so those of a {@code PayloadTracker} can be followed all the way. Once the tunnel has ended it is not made anew.
 *
 * <p>Any thread, as far as the loops allow.
 */
public final class TunnelPair {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final URI ADDRESS = URI.create("memory:pair");

    private final InMemoryTransport.Pair pipe;
    private final CompletableFuture<Tunnel> gateway = new CompletableFuture<>();
    private final CompletableFuture<Tunnel> agent = new CompletableFuture<>();
    private final TunnelClient client;

    private TunnelPair(End gatewayEnd, End agentEnd) {
        pipe = InMemoryTransport.pair(gatewayEnd.loop, "the gateway", agentEnd.loop, "the agent");
        client = TunnelClient.builder(new PipeConnector(pipe.right()))
                .gateways(List.of(ADDRESS))
                .agentId("demo")
                .config(agentEnd.config)
                .handler(new Watched(agentEnd.handler, agent, this::stopClient))
                .build();
        TunnelServer server = new TunnelServer(
                gatewayEnd.config, (hello, token) -> null, new Watched(gatewayEnd.handler, gateway, () -> {}));
        gatewayEnd.loop.execute(() -> server.onAccepted(pipe.left(), null));
        client.start();
    }

    /** What one end is made of. */
    public record End(TunnelLoop loop, TunnelConfig config, TunnelHandler handler) {}

    /** A pair in virtual time, with every default. */
    public static TunnelPair open(VirtualLoop loop, TunnelHandler gateway, TunnelHandler agent) {
        return open(new End(loop, TunnelConfig.DEFAULTS, gateway), new End(loop, TunnelConfig.DEFAULTS, agent));
    }

    /**
     * A pair of these ends, which live on one {@link VirtualLoop} or on two loops with threads of their own.
     *
     * @throws AssertionError if the tunnel does not open, as when the settings of both do not go together
     */
    public static TunnelPair open(End gateway, End agent) {
        TunnelPair pair = new TunnelPair(gateway, agent);
        if (gateway.loop instanceof VirtualLoop virtual) {
            virtual.runUntilIdle();
        }
        pair.gateway();
        pair.agent();
        return pair;
    }

    /** The gateway's tunnel. */
    public Tunnel gateway() {
        return opened(gateway);
    }

    /** The agent's tunnel. */
    public Tunnel agent() {
        return opened(agent);
    }

    /** Breaks the transport between both, as a connection is lost. In virtual time both know of it after {@link VirtualLoop#runUntilIdle}. */
    public void lose() {
        pipe.left().lose(new java.io.IOException("lost by the test"));
    }

    private void stopClient() {
        client.close(Duration.ZERO);
    }

    private static Tunnel opened(CompletableFuture<Tunnel> tunnel) {
        try {
            return tunnel.get(tunnel.isDone() ? 0 : PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError("the tunnel does not open", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Hands out its transport once; who asks again, as a client does whose tunnel drains, waits for ever. */
    private static final class PipeConnector implements Connector {

        private final InMemoryTransport transport;
        private boolean isHandedOut;

        PipeConnector(InMemoryTransport transport) {
            this.transport = transport;
        }

        @Override
        public TunnelLoop loop() {
            return transport.loop();
        }

        @Override
        public CompletionStage<Transport> connect(URI gateway, @Nullable String token) {
            if (isHandedOut) {
                return new CompletableFuture<>();
            }
            isHandedOut = true;
            return CompletableFuture.completedFuture(transport);
        }
    }

    private record Watched(TunnelHandler handler, CompletableFuture<Tunnel> opened, Runnable onEnd)
            implements TunnelHandler {

        @Override
        public void onOpened(Tunnel tunnel) {
            handler.onOpened(tunnel);
            opened.complete(tunnel);
        }

        @Override
        public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            return handler.onStream(stream, request, isEnd);
        }

        @Override
        public void onMessage(Tunnel tunnel, Message message) {
            handler.onMessage(tunnel, message);
        }

        @Override
        public void onDraining(Tunnel tunnel) {
            handler.onDraining(tunnel);
        }

        @Override
        public void onClosed(Tunnel tunnel, Outcome outcome) {
            onEnd.run();
            handler.onClosed(tunnel, outcome);
        }
    }
}
