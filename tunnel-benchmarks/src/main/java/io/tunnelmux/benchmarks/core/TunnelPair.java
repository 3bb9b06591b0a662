package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelServer;
import io.tunnelmux.core.transport.Connector;
import io.tunnelmux.core.transport.InMemoryTransport;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;

/** The two ends of a tunnel through memory, on one loop. The gateway's opens streams, the agent's takes what comes on them. */
final class TunnelPair {

    /** What opens a stream here. */
    static final Message REQUEST = new Message.ProxyRequest(
            "r1",
            new Message.HttpHead("GET", "/", null, null, null, Headers.EMPTY),
            Message.Upgrade.NONE,
            Message.Destination.ANY,
            0,
            null,
            null);

    private final Tunnel gateway;

    private TunnelPair(Tunnel gateway) {
        this.gateway = gateway;
    }

    /** A pair after its handshake. */
    static TunnelPair connect(CallerLoop loop, TunnelConfig config, StreamHandler agentStreams) {
        return connect(loop, config, agentStreams, transport -> transport);
    }

    /** A pair, each of whose ends has its transport from {@code around}: the gateway's first. */
    static TunnelPair connect(
            CallerLoop loop, TunnelConfig config, StreamHandler agentStreams, UnaryOperator<Transport> around) {
        InMemoryTransport.Pair pipe = InMemoryTransport.pair(loop, loop);
        TunnelKeeper keeper = new TunnelKeeper(agentStreams);
        new TunnelServer(config, (hello, token) -> null, keeper).onAccepted(around.apply(pipe.left()), null);
        TunnelClient.builder(new PipeConnector(loop, around.apply(pipe.right())))
                .gateways(List.of(URI.create("pipe://benchmark")))
                .agentId("benchmark")
                .config(config)
                .handler(new TunnelKeeper(agentStreams))
                .build()
                .start();
        loop.runUntilIdle();
        return new TunnelPair(keeper.tunnel());
    }

    /** The end that opens streams. */
    Tunnel gateway() {
        return gateway;
    }

    private record PipeConnector(CallerLoop callerLoop, Transport end) implements Connector {

        @Override
        public TunnelLoop loop() {
            return callerLoop;
        }

        @Override
        public CompletionStage<Transport> connect(URI gateway, String token) {
            return CompletableFuture.completedFuture(end);
        }
    }
}
