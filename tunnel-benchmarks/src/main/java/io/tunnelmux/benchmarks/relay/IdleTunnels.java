package io.tunnelmux.benchmarks.relay;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyConnector;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.protocol.Message;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/**
 * Many agents in one process, none of which serves anything: {@code GATEWAY TOKEN}. On standard input, {@code open COUNT} opens tunnels of so many agents, each of
 * which has a ping answered, and {@code close} closes all; each is answered by a line once that is done.
 */
final class IdleTunnels {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final NettyLoops loops = NettyLoops.create(1, IoMode.AUTO);
    private final URI gateway;
    private final String token;
    private final List<TunnelClient> clients = new ArrayList<>();

    private IdleTunnels(URI gateway, String token) {
        this.gateway = gateway;
        this.token = token;
    }

    public static void main(String[] args) throws IOException {
        IdleTunnels tunnels = new IdleTunnels(URI.create(args[0]), args[1]);
        System.out.println("ready");
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String order = orders.readLine(); order != null; order = orders.readLine()) {
            String[] words = order.split(" ");
            if (words[0].equals("open")) {
                tunnels.open(Integer.parseInt(words[1]));
            } else {
                tunnels.close();
            }
            System.out.println("done");
        }
        System.exit(0);
    }

    private void open(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            Pinger pinger = new Pinger();
            TunnelClient client = TunnelClient.builder(
                            NettyConnector.builder(loops.next()).build())
                    .gateways(List.of(gateway))
                    .agentId("idle-" + clients.size())
                    .token(() -> token)
                    .handler(pinger)
                    .build();
            clients.add(client);
            client.start();
            try {
                pinger.answered
                        .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                        .join();
            } catch (CompletionException e) {
                throw new IOException("tunnel " + clients.size() + " does not answer", e);
            }
        }
    }

    private void close() {
        CompletableFuture<?>[] closing = clients.stream()
                .map(client -> client.close(PATIENCE).toCompletableFuture())
                .toArray(CompletableFuture<?>[]::new);
        CompletableFuture.allOf(closing).join();
        clients.clear();
    }

    /** Pings once, and serves nothing. */
    private static final class Pinger implements TunnelHandler {
        private final CompletableFuture<Duration> answered = new CompletableFuture<>();

        @Override
        public void onOpened(Tunnel opened) {
            opened.ping().whenComplete((roundTrip, failure) -> {
                if (failure == null) {
                    answered.complete(roundTrip);
                } else {
                    answered.completeExceptionally(failure);
                }
            });
        }

        @Override
        public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            throw new IllegalStateException("nothing is served here");
        }

        @Override
        public void onClosed(Tunnel closed, Outcome outcome) {
            answered.completeExceptionally(new IOException(outcome.toString()));
        }
    }
}
