package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.Backoff;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.transport.NettyConnector;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.netty.transport.TlsConfig;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** An agent on a real tunnel, whose every answer a test gives by hand. */
final class FakeAgent implements AutoCloseable {

    static final long PATIENCE_SECONDS = 10;

    private final BlockingQueue<Call> calls = new LinkedBlockingQueue<>();
    private final CompletableFuture<Tunnel> opened = new CompletableFuture<>();
    private final CompletableFuture<Outcome> lost = new CompletableFuture<>();
    private final CompletableFuture<Void> draining = new CompletableFuture<>();
    private final TunnelClient client;
    private volatile boolean refusesAll;
    private volatile boolean takesNothing;

    private FakeAgent(
            NettyLoops loops,
            InetSocketAddress gateway,
            String id,
            String instance,
            String token,
            @Nullable TlsConfig tls)
            throws IOException {
        String scheme = tls == null ? "ws" : "wss";
        client = TunnelClient.builder(
                        NettyConnector.builder(loops.next()).tls(tls).build())
                .gateways(List.of(URI.create(scheme + "://localhost:" + gateway.getPort() + "/tunnel")))
                .agentId(id)
                .instanceId(instance)
                .token(() -> token)
                .config(TunnelConfig.builder()
                        .capabilities(Set.of(Capabilities.JSON, Capabilities.TCP, Capabilities.UDP))
                        .build())
                .backoff(new Backoff(Duration.ofMinutes(1), Duration.ofMinutes(1), new Random(1)))
                .handler(new Handler())
                .build();
    }

    /** Dials, and waits until the tunnel stands. */
    static FakeAgent connect(
            NettyLoops loops,
            InetSocketAddress gateway,
            String id,
            String instance,
            String token,
            @Nullable TlsConfig tls)
            throws Exception {
        FakeAgent agent = new FakeAgent(loops, gateway, id, instance, token, tls);
        agent.client.start();
        agent.tunnel();
        return agent;
    }

    /** Dials, and waits for nothing. */
    static FakeAgent dial(NettyLoops loops, InetSocketAddress gateway, String id, String instance, String token)
            throws IOException {
        FakeAgent agent = new FakeAgent(loops, gateway, id, instance, token, null);
        agent.client.start();
        return agent;
    }

    Tunnel tunnel() throws Exception {
        return opened.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    Outcome lost() throws Exception {
        return lost.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    boolean isLost() {
        return lost.isDone();
    }

    void awaitDraining() throws Exception {
        draining.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    TunnelClient client() {
        return client;
    }

    /** From now on every stream is refused. */
    FakeAgent refusesAll() {
        refusesAll = true;
        return this;
    }

    /** From now on no credit is granted for what comes. */
    FakeAgent takesNothing() {
        takesNothing = true;
        return this;
    }

    /** From now on credit is granted again for what comes. */
    FakeAgent takesAll() {
        takesNothing = false;
        return this;
    }

    /** The next request. */
    Call next() throws InterruptedException {
        return next(Duration.ofSeconds(PATIENCE_SECONDS)).orElseThrow(() -> new AssertionError("no request came"));
    }

    /** The next request, if it comes within this time. */
    Optional<Call> next(Duration patience) throws InterruptedException {
        return Optional.ofNullable(calls.poll(patience.toNanos(), TimeUnit.NANOSECONDS));
    }

    boolean hasCall() {
        return !calls.isEmpty();
    }

    @Override
    public void close() throws Exception {
        client.close(Duration.ZERO).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    static Headers headers(String... fields) {
        Headers.Builder headers = Headers.builder();
        for (int i = 0; i < fields.length; i += 2) {
            headers.add(fields[i], fields[i + 1]);
        }
        return headers.build();
    }

    private final class Handler implements TunnelHandler {

        @Override
        public void onOpened(Tunnel tunnel) {
            opened.complete(tunnel);
        }

        @Override
        public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            if (refusesAll) {
                return null;
            }
            Call call = new Call(stream, request, isEnd);
            calls.add(call);
            return call;
        }

        @Override
        public void onDraining(Tunnel tunnel) {
            draining.complete(null);
        }

        @Override
        public void onClosed(Tunnel tunnel, Outcome outcome) {
            lost.complete(outcome);
        }
    }

    /** One request that has come. */
    final class Call implements StreamHandler {

        private final TunnelStream stream;
        private final Message opening;
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();
        private final BlockingQueue<Integer> arrivals = new LinkedBlockingQueue<>();
        private final CompletableFuture<Headers> ended = new CompletableFuture<>();
        private final CompletableFuture<Outcome> closed = new CompletableFuture<>();

        Call(TunnelStream stream, Message opening, boolean isEnd) {
            this.stream = stream;
            this.opening = opening;
            if (isEnd) {
                ended.complete(Headers.EMPTY);
            }
        }

        Message.ProxyRequest request() {
            return (Message.ProxyRequest) opening;
        }

        /** What it began with, if that is no request for HTTP. */
        Message opening() {
            return opening;
        }

        TunnelStream stream() {
            return stream;
        }

        boolean isEnded() {
            return ended.isDone();
        }

        /** Whether the body has come to its end, and not to the stream's. */
        boolean isWhole() {
            return ended.isDone() && !ended.isCompletedExceptionally();
        }

        /** The whole body, once it has ended. */
        String body() throws Exception {
            ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            synchronized (body) {
                return body.toString(StandardCharsets.ISO_8859_1);
            }
        }

        Headers trailers() throws Exception {
            return ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }

        /** Waits until so many bytes have come. */
        String received(int bytes) throws InterruptedException {
            while (receivedBytes() < bytes) {
                if (arrivals.poll(PATIENCE_SECONDS, TimeUnit.SECONDS) == null) {
                    throw new AssertionError(receivedBytes() + " bytes came, " + bytes + " awaited");
                }
            }
            synchronized (body) {
                return body.toString(StandardCharsets.ISO_8859_1);
            }
        }

        int receivedBytes() {
            synchronized (body) {
                return body.size();
            }
        }

        Outcome closed() throws Exception {
            return closed.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }

        Call answers(int status, String... fields) {
            stream.send(new Message.ProxyResponse(request().requestId(), status, headers(fields)), false);
            return this;
        }

        Call answersWithoutBody(int status, String... fields) {
            stream.send(new Message.ProxyResponse(request().requestId(), status, headers(fields)), true);
            return this;
        }

        Call sends(String bytes) {
            return sends(bytes.getBytes(StandardCharsets.ISO_8859_1));
        }

        Call sends(byte[] bytes) {
            stream.write(Payload.of(bytes));
            return this;
        }

        Call ends() {
            stream.end();
            return this;
        }

        Call endsWith(String... trailers) {
            stream.send(new Message.ProxyTrailers(headers(trailers)), true);
            return this;
        }

        Call closes(ErrorCode code, String reason) {
            stream.close(code, reason);
            return this;
        }

        Call fails(Message.ProxyError error, ErrorCode code) {
            stream.send(error, false);
            stream.close(code, "");
            return this;
        }

        @Override
        public void onMessage(TunnelStream from, Message message, boolean isEnd) {
            if (isEnd) {
                ended.complete(message instanceof Message.ProxyTrailers trailers ? trailers.headers() : Headers.EMPTY);
            }
        }

        @Override
        public void onData(TunnelStream from, Frame.Data data) {
            byte[] bytes = data.payload().toByteArray();
            data.payload().release();
            if (!takesNothing) {
                from.consumed(bytes.length);
            }
            synchronized (body) {
                body.writeBytes(bytes);
            }
            arrivals.add(bytes.length);
            if (data.isEnd()) {
                ended.complete(Headers.EMPTY);
            }
        }

        @Override
        public void onWritable(TunnelStream from) {}

        @Override
        public void onClosed(TunnelStream from, Outcome outcome) {
            ended.completeExceptionally(new AssertionError("closed before its end: " + outcome));
            closed.complete(outcome);
        }
    }
}
