package io.tunnelmux.core;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.core.testing.ScriptedPeer;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.core.transport.Connector;
import io.tunnelmux.core.transport.InMemoryTransport;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Settings;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A client in virtual time whose attempts succeed and fail as a test says. It waits as long as chance allows. */
final class ClientRig implements Connector, TunnelHandler {

    /** Always draws the highest number. */
    private static final RandomGenerator LONGEST = new RandomGenerator() {
        @Override
        public long nextLong() {
            return Long.MAX_VALUE;
        }

        @Override
        public long nextLong(long bound) {
            return bound - 1;
        }
    };

    final VirtualLoop loop = new VirtualLoop();
    final List<Attempt> attempts = new ArrayList<>();
    final List<TunnelClient.State> states = new ArrayList<>();
    final List<String> details = new ArrayList<>();
    final List<Tunnel> tunnels = new ArrayList<>();
    final List<Outcome> ended = new ArrayList<>();
    final List<RecordingHandler> handlers = new ArrayList<>();
    final TunnelClient client;

    @Nullable
    RuntimeException connectFailure;

    ClientRig(Supplier<@Nullable String> token, String... gateways) {
        this(token, TunnelConfig.DEFAULTS, gateways);
    }

    ClientRig(Supplier<@Nullable String> token, TunnelConfig config, String... gateways) {
        client = TunnelClient.builder(this)
                .gateways(Stream.of(gateways).map(URI::create).toList())
                .agentId("demo")
                .instanceId("run-1")
                .token(token)
                .handler(this)
                .config(config)
                .backoff(new Backoff(Backoff.DEFAULT_FIRST, Backoff.DEFAULT_CEILING, LONGEST))
                .listener((state, detail) -> {
                    states.add(state);
                    details.add(detail);
                    throw new IllegalStateException("a listener that fails on purpose");
                })
                .build();
    }

    /** A client that has begun to dial. */
    static ClientRig started(String... gateways) {
        ClientRig rig = new ClientRig(() -> "secret", gateways);
        rig.client.start();
        rig.loop.runUntilIdle();
        return rig;
    }

    /** The attempt that was made last. */
    Attempt last() {
        return attempts.get(attempts.size() - 1);
    }

    /** How long the client waits from now on until it makes another attempt; null if it makes none within two minutes. */
    @Nullable
    Duration wait(int attemptsBefore) {
        Duration from = now();
        for (int i = 0; i < 1_200 && attempts.size() == attemptsBefore; i++) {
            loop.advance(Duration.ofMillis(100));
        }
        return attempts.size() == attemptsBefore ? null : last().at.minus(from);
    }

    /** Fails the last attempt, and says how long the client waits until the next. */
    @Nullable
    Duration waitAfterFailure(ErrorCode code, @Nullable Duration retryAfter) {
        int before = attempts.size();
        last().fails(code, retryAfter);
        return wait(before);
    }

    Duration now() {
        return Duration.ofNanos(loop.nanoTime());
    }

    @Override
    public TunnelLoop loop() {
        return loop;
    }

    @Override
    public CompletionStage<Transport> connect(URI gateway, @Nullable String token) {
        Attempt attempt = new Attempt(gateway, token, now());
        attempts.add(attempt);
        if (connectFailure != null) {
            throw connectFailure;
        }
        return attempt.result;
    }

    @Override
    public void onOpened(Tunnel tunnel) {
        tunnels.add(tunnel);
    }

    @Override
    public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
        RecordingHandler handler = new RecordingHandler();
        handlers.add(handler);
        return handler;
    }

    @Override
    public void onClosed(Tunnel tunnel, Outcome outcome) {
        ended.add(outcome);
    }

    /** The client has dialled. */
    final class Attempt {

        final URI gateway;
        final @Nullable String token;
        final Duration at;
        final InMemoryTransport.Pair pipe = InMemoryTransport.pair(loop, loop);
        private final CompletableFuture<Transport> result = new CompletableFuture<>();

        Attempt(URI gateway, @Nullable String token, Duration at) {
            this.gateway = gateway;
            this.token = token;
            this.at = at;
        }

        /** Succeeds; the peer has not answered the greeting yet. */
        ScriptedPeer connects() {
            ScriptedPeer peer = new ScriptedPeer(pipe.right(), loop);
            result.complete(pipe.left());
            loop.runUntilIdle();
            return peer;
        }

        /** Succeeds, and shakes hands. */
        ScriptedPeer opens() {
            ScriptedPeer peer = connects();
            peer.answers(Settings.DEFAULTS);
            peer.takeReceived();
            return peer;
        }

        void fails(ErrorCode code, @Nullable Duration retryAfter) {
            fails(new TunnelException(code, "refused", retryAfter, null));
        }

        void fails(TunnelException failure) {
            result.completeExceptionally(failure);
            loop.runUntilIdle();
        }

        void isLost() {
            pipe.right().lose(new IOException("cut"));
            loop.runUntilIdle();
        }
    }
}
