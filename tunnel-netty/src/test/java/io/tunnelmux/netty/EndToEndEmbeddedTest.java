package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.GatewayRequest;
import io.tunnelmux.netty.gateway.GatewayResponse;
import io.tunnelmux.netty.gateway.ProxyException;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.protocol.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Requests that an application brings itself, through gateway and agent to a server on a real socket. */
class EndToEndEmbeddedTest {

    private static final String TOKEN = "an-end-to-end-token";
    private static final long PATIENCE_SECONDS = 30;

    private final List<AutoCloseable> closeables = new ArrayList<>();
    private @Nullable Gateway gateway;
    private ScriptedServer.Script script = connection -> {};

    @BeforeEach
    void start() throws Exception {
        start(Duration.ofMinutes(1));
    }

    private void start(Duration writeTimeout) throws Exception {
        ScriptedServer upstream = new ScriptedServer(connection -> script.run(connection));
        closeables.add(upstream);
        Gateway started = Gateway.start(GatewayConfig.builder()
                        .withoutHttp()
                        .authenticator(TokenAuthenticator.of(TOKEN))
                        .router(AgentRouter.builder()
                                .route(Route.of("absent", "/", "nobody"))
                                .route(Route.of("impatient", "/", "demo").withTimeout(Duration.ofMillis(300)))
                                .route(Route.of("raw", "/", "demo").withUpgrade("echo"))
                                .defaultAgent("demo")
                                .build())
                        .loops(3)
                        .writeTimeout(writeTimeout)
                        .build())
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        gateway = started;
        closeables.add(() ->
                started.close(Duration.ofMillis(200)).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS));
        CountDownLatch connected = new CountDownLatch(2);
        Agent agent = Agent.start(AgentConfig.builder()
                .agentId("demo")
                .token(() -> TOKEN)
                .connections(2)
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + started.tunnelAddress().getPort() + "/tunnel")))
                .upstream(new Upstream("127.0.0.1", upstream.port(), false))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.countDown();
                    }
                })
                .build());
        closeables.add(() -> agent.close(Duration.ofMillis(200)));
        assertThat(connected.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    }

    @AfterEach
    void stop() throws Exception {
        for (int i = closeables.size() - 1; i >= 0; i--) {
            closeables.get(i).close();
        }
        closeables.clear();
    }

    @Test
    void aRequestWithoutABodyIsAnswered() throws Exception {
        CompletableFuture<String> head = new CompletableFuture<>();
        script = connection -> {
            head.complete(connection.readHead());
            connection.write("HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello");
            connection.awaitEnd();
        };
        GatewayResponse response = exchange(GatewayRequest.builder("GET", "/a%20b?c", "host")
                .headers(Headers.builder()
                        .add("X-Mine", "yes")
                        .add("Keep-Alive", "no")
                        .build())
                .client(new InetSocketAddress("192.0.2.7", 1234))
                .scheme("https")
                .build());

        assertThat(response.status()).isEqualTo(200);
        assertThat(response.headers().all("x-a")).containsExactly("1", "2");
        assertThat(text(response)).isEqualTo("hello");
        assertThat(response.trailers().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .isEqualTo(Headers.EMPTY);
        assertThat(get(head))
                .startsWith("GET /a%20b?c HTTP/1.1\r\n")
                .contains("X-Mine: yes\r\n", "X-Forwarded-For: 192.0.2.7\r\n", "X-Forwarded-Proto: https\r\n")
                .doesNotContain("Keep-Alive");
    }

    @Test
    void bodiesStreamBothWaysAtOnce() throws Exception {
        script = connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n");
            String line = connection.readUntil("\r\n");
            while (!line.equals("0\r\n")) {
                String chunk = connection.read(Integer.parseInt(line.strip(), 16));
                connection.readUntil("\r\n");
                connection.write(line + chunk + "\r\n");
                line = connection.readUntil("\r\n");
            }
            connection.write("0\r\nX-Sum: 7\r\n\r\n");
            connection.awaitEnd();
        };
        try (SubmissionPublisher<ByteBuffer> body = new SubmissionPublisher<>()) {
            GatewayResponse response = exchange(
                    GatewayRequest.builder("POST", "/", "host").body(body).build());
            Collector collector = new Collector(Long.MAX_VALUE);
            response.body().subscribe(collector);
            body.submit(utf8("one"));
            collector.awaitBytes(3);
            body.submit(utf8("two"));
            collector.awaitBytes(6);
            body.close();

            assertThat(get(collector.whole)).asString(StandardCharsets.UTF_8).isEqualTo("onetwo");
            assertThat(get(response.trailers().toCompletableFuture()).first("x-sum"))
                    .isEqualTo("7");
        }
    }

    @Test
    void aThousandRequestsAtOnceAreExact() throws Exception {
        script = connection -> {
            while (connection.hasMore()) {
                String head = connection.readHead();
                String body =
                        connection.read(Integer.parseInt(head.replaceAll("(?is).*content-length: (\\d+).*", "$1")));
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body);
            }
        };
        List<CompletableFuture<byte[]>> echoes = new ArrayList<>();
        List<byte[]> bodies = IntStream.range(0, 1_000)
                .mapToObj(seed -> bytes(seed, 1 + new Random(seed).nextInt(16_384)))
                .toList();
        for (byte[] body : bodies) {
            CompletableFuture<byte[]> echo = new CompletableFuture<>();
            echoes.add(echo);
            gateway()
                    .exchange(GatewayRequest.builder("PUT", "/", "host")
                            .headers(Headers.builder()
                                    .add("Content-Length", Integer.toString(body.length))
                                    .build())
                            .body(published(body))
                            .build())
                    .whenComplete((response, failure) -> {
                        if (failure != null) {
                            echo.completeExceptionally(failure);
                            return;
                        }
                        Collector collector = new Collector(Long.MAX_VALUE);
                        collector.whole.whenComplete((whole, broken) -> {
                            if (broken == null) {
                                echo.complete(whole);
                            } else {
                                echo.completeExceptionally(broken);
                            }
                        });
                        response.body().subscribe(collector);
                    });
        }
        for (int i = 0; i < bodies.size(); i++) {
            assertThat(get(echoes.get(i))).isEqualTo(bodies.get(i));
        }
    }

    @Test
    void whatNobodyAsksForIsNotReadFromTheUpstream() throws Exception {
        AtomicInteger written = new AtomicInteger();
        CountDownLatch isStalled = new CountDownLatch(1);
        script = connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n");
            byte[] piece = bytes(1, 50_000);
            for (int i = 0; i < 1_000; i++) {
                connection.write(piece);
                written.addAndGet(piece.length);
            }
            connection.awaitEnd();
        };
        GatewayResponse response =
                exchange(GatewayRequest.builder("GET", "/", "host").build());
        Collector collector = new Collector(1);
        response.body().subscribe(collector);
        collector.awaitBytes(1);
        int first = collector.size();
        // All that is on the way has come to rest when two looks in a row see the same.
        int seen = -1;
        while (seen != written.get()) {
            seen = written.get();
            isStalled.await(200, TimeUnit.MILLISECONDS);
        }
        assertThat(seen).isLessThan(40_000_000);
        assertThat(collector.size()).isEqualTo(first);

        collector.request(Long.MAX_VALUE);
        assertThat(get(collector.whole)).hasSize(50_000_000);
    }

    @Test
    void aBodyThatBreaksOffIsAnErrorAndNoEnd() throws Exception {
        script = connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnine byte");
            connection.cut();
        };
        GatewayResponse response =
                exchange(GatewayRequest.builder("GET", "/", "host").build());
        Collector collector = new Collector(Long.MAX_VALUE);
        response.body().subscribe(collector);

        assertThatThrownBy(() -> get(collector.whole)).hasCauseInstanceOf(IOException.class);
        assertThatThrownBy(() -> get(response.trailers().toCompletableFuture())).hasCauseInstanceOf(IOException.class);
    }

    @Test
    void whatCannotBeAnsweredIsAProxyException() throws Exception {
        script = connection -> {
            connection.readHead();
            connection.awaitEnd();
        };
        assertThat(refusal(GatewayRequest.builder("GET", "/", "absent"))).isEqualTo("503 agent_offline");
        assertThat(refusal(GatewayRequest.builder("GET", "/", "impatient"))).isEqualTo("504 timeout");
        assertThat(refusal(GatewayRequest.builder("GET", "no-slash", "host"))).isEqualTo("400 bad_request");
        assertThat(refusal(GatewayRequest.builder("G T", "/", "host"))).isEqualTo("400 bad_request");
        assertThat(refusal(GatewayRequest.builder("GET", "/", "user@host"))).isEqualTo("400 bad_request");
    }

    @Test
    void aBodyThatNobodySubscribesToBreaksOff() throws Exception {
        stop();
        start(Duration.ofMillis(300));
        CountDownLatch gone = new CountDownLatch(1);
        script = connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            connection.awaitEnd();
            gone.countDown();
        };
        GatewayResponse response =
                exchange(GatewayRequest.builder("GET", "/", "host").build());

        assertThat(gone.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThatThrownBy(() -> text(response)).hasCauseInstanceOf(IOException.class);
    }

    @Test
    void cancellingGoesUpToTheUpstream() throws Exception {
        CountDownLatch asked = new CountDownLatch(2);
        CountDownLatch gone = new CountDownLatch(2);
        script = connection -> {
            if (connection.readHead().startsWith("GET /answered")) {
                connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
            }
            asked.countDown();
            connection.awaitEnd();
            gone.countDown();
        };
        CompletableFuture<GatewayResponse> unanswered =
                gateway().exchange(GatewayRequest.builder("GET", "/", "host").build());
        GatewayResponse answered =
                exchange(GatewayRequest.builder("GET", "/answered", "host").build());
        Collector collector = new Collector(1);
        answered.body().subscribe(collector);
        collector.awaitBytes(1);
        assertThat(asked.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();

        unanswered.cancel(false);
        collector.cancel();

        assertThat(gone.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aBodyWhosePublisherFailsCancelsTheRequest() throws Exception {
        CompletableFuture<String> begun = new CompletableFuture<>();
        CompletableFuture<String> ended = new CompletableFuture<>();
        script = connection -> {
            begun.complete(connection.readHead());
            connection.awaitEnd();
            ended.complete("end");
        };
        SubmissionPublisher<ByteBuffer> body = new SubmissionPublisher<>();
        CompletableFuture<GatewayResponse> response = gateway()
                .exchange(GatewayRequest.builder("POST", "/", "host").body(body).build());
        assertThat(get(begun)).startsWith("POST / ");
        body.closeExceptionally(new IllegalStateException("disk on fire"));

        assertThatThrownBy(() -> get(response))
                .hasRootCauseMessage("disk on fire")
                .cause()
                .isInstanceOfSatisfying(ProxyException.class, failed -> {
                    assertThat(failed.error().status()).isEqualTo(400);
                    assertThat(failed.error().code()).isEqualTo("bad_request");
                    assertThat(failed.error().toJson()).doesNotContain("disk on fire");
                });
        assertThat(get(ended)).isEqualTo("end");
    }

    @Test
    void aPublisherThatCannotBeSubscribedToIsARefusalToo() throws Exception {
        script = connection -> connection.awaitEnd();
        assertThat(refusal(GatewayRequest.builder("POST", "/", "host").body(subscriber -> {
                    throw new IllegalStateException("used already");
                })))
                .isEqualTo("400 bad_request");
    }

    @Test
    void aBodyOfAnotherLengthThanAnnouncedIsTheCallersOwnFault() throws Exception {
        script = connection -> connection.awaitEnd();
        for (String announced : List.of("4", "6", "999999")) {
            GatewayRequest.Builder request = GatewayRequest.builder("PUT", "/", "host")
                    .headers(Headers.builder().add("Content-Length", announced).build());

            assertThat(refusal(request)).isEqualTo("400 bad_request");
            assertThat(refusal(request.body(published(bytes(1, 5))))).isEqualTo("400 bad_request");
        }
    }

    @Test
    void aBodyBesideAnUpgradeThatIsNotServedArrivesIfItIsAnnounced() throws Exception {
        script = connection -> {
            while (connection.hasMore()) {
                String head = connection.readHead().toLowerCase(Locale.ROOT);
                String body = head.contains("transfer-encoding: chunked") ? connection.readUntil("0\r\n\r\n") : "none";
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body);
            }
        };
        Headers.Builder h2c = Headers.builder().add("Upgrade", "h2c").add("Connection", "Upgrade");

        GatewayResponse unannounced = exchange(GatewayRequest.builder("POST", "/", "host")
                .headers(h2c.build())
                .body(published(bytes(1, 5)))
                .build());
        assertThat(text(unannounced)).isEqualTo("none");
        GatewayResponse announced = exchange(GatewayRequest.builder("POST", "/", "host")
                .headers(h2c.add("Transfer-Encoding", "chunked").build())
                .body(published("hello".getBytes(StandardCharsets.UTF_8)))
                .build());
        assertThat(text(announced)).isEqualTo("5\r\nhello\r\n0\r\n\r\n");
    }

    @Test
    void aBodyThatIsCutShortBehindItsAnswerLeavesThatWhole() throws Exception {
        script = connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
            connection.awaitEnd();
        };
        SubmissionPublisher<ByteBuffer> body = new SubmissionPublisher<>();
        GatewayResponse response = exchange(GatewayRequest.builder("PUT", "/", "host")
                .headers(Headers.builder().add("Content-Length", "100").build())
                .body(body)
                .build());
        body.close();

        assertThat(text(response)).isEqualTo("hello");
    }

    @Test
    void aGatewayThatHasClosedSaysSo() throws Exception {
        gateway().close(Duration.ZERO).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);

        assertThat(refusal(GatewayRequest.builder("GET", "/", "host"))).isEqualTo("503 shutting_down");
    }

    @Test
    void anUpgradeGivesTheBytesOfBothSides() throws Exception {
        script = connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi ");
            connection.write(connection.read(5));
            connection.awaitEnd();
        };
        try (SubmissionPublisher<ByteBuffer> body = new SubmissionPublisher<>()) {
            GatewayResponse response = exchange(GatewayRequest.builder("GET", "/", "raw")
                    .headers(Headers.builder()
                            .add("Upgrade", "echo")
                            .add("Connection", "upgrade")
                            .build())
                    .body(body)
                    .build());
            assertThat(response.status()).isEqualTo(101);
            Collector collector = new Collector(Long.MAX_VALUE);
            response.body().subscribe(collector);
            body.submit(utf8("there"));
            collector.awaitBytes(8);
            body.close();

            assertThat(get(collector.whole)).asString(StandardCharsets.UTF_8).isEqualTo("hi there");
        }
    }

    private Gateway gateway() {
        Gateway running = gateway;
        assertThat(running).isNotNull();
        return running;
    }

    private GatewayResponse exchange(GatewayRequest request) throws Exception {
        return get(gateway().exchange(request));
    }

    private String refusal(GatewayRequest.Builder request) throws Exception {
        try {
            return "status " + exchange(request.build()).status();
        } catch (ExecutionException e) {
            ProxyException refused = (ProxyException) e.getCause();
            return refused.error().status() + " " + refused.error().code();
        }
    }

    private static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static String text(GatewayResponse response) throws Exception {
        Collector collector = new Collector(Long.MAX_VALUE);
        response.body().subscribe(collector);
        return new String(get(collector.whole), StandardCharsets.UTF_8);
    }

    private static ByteBuffer utf8(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] bytes(int seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        // The scripts read text.
        for (int i = 0; i < length; i++) {
            bytes[i] &= 0x7f;
        }
        return bytes;
    }

    /** In pieces of 5,000 bytes, each when it is asked for. */
    private static Flow.Publisher<ByteBuffer> published(byte[] body) {
        return subscriber -> subscriber.onSubscribe(new Flow.Subscription() {
            private int sent;

            @Override
            public void request(long count) {
                int end = Math.min(body.length, sent + 5_000);
                ByteBuffer piece = ByteBuffer.wrap(Arrays.copyOfRange(body, sent, end));
                sent = end;
                subscriber.onNext(piece);
                if (sent == body.length) {
                    subscriber.onComplete();
                }
            }

            @Override
            public void cancel() {
                sent = body.length;
            }
        });
    }

    private static final class Collector implements Flow.Subscriber<ByteBuffer> {
        private final CompletableFuture<byte[]> whole = new CompletableFuture<>();
        private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final long first;

        Collector(long first) {
            this.first = first;
        }

        void request(long count) {
            subscription.join().request(count);
        }

        void cancel() {
            subscription.join().cancel();
        }

        synchronized int size() {
            return bytes.size();
        }

        synchronized void awaitBytes(int count) throws InterruptedException {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
            while (bytes.size() < count && System.nanoTime() < deadline) {
                wait(100);
            }
            assertThat(bytes.size()).isGreaterThanOrEqualTo(count);
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription.complete(given);
            given.request(first);
        }

        @Override
        public synchronized void onNext(ByteBuffer item) {
            byte[] more = new byte[item.remaining()];
            item.get(more);
            bytes.writeBytes(more);
            notifyAll();
        }

        @Override
        public void onError(Throwable cause) {
            whole.completeExceptionally(cause);
        }

        @Override
        public synchronized void onComplete() {
            whole.complete(bytes.toByteArray());
        }
    }
}
