package io.tunnelmux.netty.transport;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslProvider;
import io.tunnelmux.core.testing.TransportRecorder;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.netty.websocket.RawFrames;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the connector asks, and what it makes of each answer, over real sockets. */
class NettyConnectorTest {
    private static final long PATIENCE_SECONDS = 30;
    private static final String[] WELCOME = {
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: KEY",
        "Sec-WebSocket-Protocol: tunnel.v1"
    };
    private static final NettyLoops LOOPS = NettyLoops.create(1, IoMode.AUTO);

    @AfterAll
    static void closeLoops() {
        LOOPS.close();
    }

    @Test
    void asksForATunnel() throws Exception {
        try (FakeGateway gateway = FakeGateway.answering("HTTP/1.1 503 No")) {
            failureOf(connector()
                    .connect(URI.create("ws://localhost:" + gateway.port() + "/a%20b/tunnel?x=1"), "se-cr.et~+/=="));

            RawConnection.Head request = gateway.request();
            assertThat(request.lines().get(0)).isEqualTo("GET /a%20b/tunnel?x=1 HTTP/1.1");
            assertThat(request.only("Host")).isEqualTo("localhost:" + gateway.port());
            assertThat(request.only("Connection")).isEqualToIgnoringCase("upgrade");
            assertThat(request.only("Upgrade")).isEqualToIgnoringCase("websocket");
            assertThat(request.only("Sec-WebSocket-Version")).isEqualTo("13");
            assertThat(request.only("Sec-WebSocket-Protocol")).isEqualTo("tunnel.v1");
            assertThat(request.only("Authorization")).isEqualTo("Bearer se-cr.et~+/==");
            assertThat(request.only("User-Agent")).startsWith("tunnelmux");
            assertThat(Base64.getDecoder().decode(request.only("Sec-WebSocket-Key")))
                    .hasSize(16);
            assertThat(request.all("Sec-WebSocket-Extensions")).isEmpty();
            assertThat(request.all("Origin")).isEmpty();
        }
    }

    @Test
    void asksForTheUsualPathAndSendsNoTokenWhereThereIsNone() throws Exception {
        try (FakeGateway gateway = FakeGateway.answering("HTTP/1.1 503 No")) {
            failureOf(connector().connect(URI.create("ws://127.0.0.1:" + gateway.port()), null));

            RawConnection.Head request = gateway.request();
            assertThat(request.lines().get(0)).isEqualTo("GET /tunnel HTTP/1.1");
            assertThat(request.all("Authorization")).isEmpty();
        }
    }

    @Test
    void connectsAndReadsWhatComesRightBehindTheAnswer() throws Exception {
        byte[] ping = ByteBuffer.allocate(16)
                .putLong(FrameEncoder.header(new Frame.Ping(9, false)))
                .putLong(9)
                .array();
        try (FakeGateway gateway = new FakeGateway((connection, request) -> {
            String head = String.join("\r\n", WELCOME)
                            .replace("KEY", WebSocketKeys.acceptOf(request.only("Sec-WebSocket-Key")))
                    + "\r\n\r\n";
            byte[] frame = RawFrames.unmasked().frame(2, ping).toByteArray();
            connection.send(ByteBuffer.allocate(head.length() + frame.length)
                    .put(head.getBytes(US_ASCII))
                    .put(frame)
                    .array());
            connection.readToEnd();
        })) {
            NettyConnector connector = connector();
            CompletableFuture<Boolean> completedOnLoop = new CompletableFuture<>();
            CompletableFuture<Transport> connected = new CompletableFuture<>();
            connector
                    .loop()
                    .execute(() -> connector.connect(uri(gateway), "t").thenAccept(transport -> {
                        completedOnLoop.complete(connector.loop().inLoop());
                        connected.complete(transport);
                    }));
            Transport transport = connected.get(PATIENCE_SECONDS, TimeUnit.SECONDS);

            CompletableFuture<Frame> first = new CompletableFuture<>();
            transport
                    .loop()
                    .execute(() -> transport.start(new TransportRecorder(transport).onFrame(first::complete), 65_535));
            assertThat(first.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(new Frame.Ping(9, false));
            assertThat(transport.loop()).isSameAs(connector.loop());
            assertThat(completedOnLoop.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            close(transport);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "400, TRANSPORT_LOST",
        "401, UNAUTHORIZED",
        "403, FORBIDDEN",
        "404, TRANSPORT_LOST",
        "426, UNSUPPORTED",
        "429, OVERLOADED",
        "500, TRANSPORT_LOST",
        "502, TRANSPORT_LOST",
        "503, OVERLOADED",
        "200, TRANSPORT_LOST"
    })
    void tellsWhyItWasRefused(int status, ErrorCode code) throws Exception {
        try (FakeGateway gateway = FakeGateway.answering("HTTP/1.1 " + status + " Whatever", "Content-Length: 0")) {
            TunnelException failure = failureOf(connector().connect(uri(gateway), "secret"));

            assertThat(failure.code()).isEqualTo(code);
            assertThat(failure.retryAfter()).isNull();
            assertThat(failure).hasMessageContaining(Integer.toString(status));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 307, 308})
    void followsNoRedirect(int status) throws Exception {
        try (FakeGateway other = FakeGateway.answering(WELCOME);
                FakeGateway gateway = FakeGateway.answering(
                        "HTTP/1.1 " + status + " There", "Location: ws://localhost:" + other.port() + "/tunnel")) {
            assertThat(failureOf(connector().connect(uri(gateway), "secret")).code())
                    .isEqualTo(ErrorCode.TRANSPORT_LOST);
            assertThat(other.requestCount()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"429, 17", "503, ' 17 '", "500, 17"})
    void tellsHowLongToStayAway(int status, String retryAfter) throws Exception {
        try (FakeGateway gateway = FakeGateway.answering("HTTP/1.1 " + status + " No", "Retry-After: " + retryAfter)) {
            assertThat(failureOf(connector().connect(uri(gateway), "secret")).retryAfter())
                    .isEqualTo(Duration.ofSeconds(17));
        }
    }

    @Test
    void understandsADateToComeBackAt() throws Exception {
        String date = DateTimeFormatter.RFC_1123_DATE_TIME
                .withLocale(Locale.ROOT)
                .format(Instant.now().plusSeconds(600).atOffset(ZoneOffset.UTC));
        try (FakeGateway gateway = FakeGateway.answering("HTTP/1.1 503 No", "Retry-After: " + date)) {
            assertThat(failureOf(connector().connect(uri(gateway), "secret")).retryAfter())
                    .isBetween(Duration.ofSeconds(500), Duration.ofSeconds(601));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "Sec-WebSocket-Accept: KEY, Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "Sec-WebSocket-Accept: KEY, X: y",
        "Sec-WebSocket-Protocol: tunnel.v1, Sec-WebSocket-Protocol: tunnel.v2",
        "Sec-WebSocket-Protocol: tunnel.v1, X: y",
        "Upgrade: websocket, Upgrade: h2c",
        "Upgrade: websocket, X: y",
        "Connection: Upgrade, Connection: keep-alive",
        "Connection: Upgrade, X: y"
    })
    void doesNotTakeAnAnswerToAnotherQuestion(String right, String wrong) throws Exception {
        try (FakeGateway gateway = FakeGateway.answering(List.of(WELCOME).stream()
                .map(line -> line.equals(right) ? wrong : line)
                .toArray(String[]::new))) {
            assertThat(failureOf(connector().connect(uri(gateway), "secret")).code())
                    .isEqualTo(ErrorCode.PROTOCOL_ERROR);
        }
    }

    @Test
    void takesNoExtension() throws Exception {
        String[] lines = String.join("\n", WELCOME)
                .concat("\nSec-WebSocket-Extensions: permessage-deflate")
                .split("\n");
        try (FakeGateway gateway = FakeGateway.answering(lines)) {
            assertThat(failureOf(connector().connect(uri(gateway), "secret")).code())
                    .isEqualTo(ErrorCode.PROTOCOL_ERROR);
        }
    }

    @Test
    void tellsThatNobodyListens() throws Exception {
        int port;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = closed.getLocalPort();
        }

        TunnelException failure = failureOf(connector().connect(URI.create("ws://localhost:" + port), "secret"));

        assertThat(failure.code()).isEqualTo(ErrorCode.TRANSPORT_LOST);
        assertThat(failure.getCause()).isNotNull();
    }

    @Test
    void tellsThatThereIsNoSuchHost() {
        TunnelException failure = failureOf(connector().connect(URI.create("ws://no-such-host.invalid"), "secret"));

        assertThat(failure.code()).isEqualTo(ErrorCode.TRANSPORT_LOST);
        assertThat(failure).hasMessageContaining("no-such-host.invalid");
    }

    @Test
    void tellsThatTheConnectionEndedWithoutAnAnswer() throws Exception {
        try (FakeGateway gateway = new FakeGateway((connection, request) -> {})) {
            assertThat(failureOf(connector().connect(uri(gateway), "secret")).code())
                    .isEqualTo(ErrorCode.TRANSPORT_LOST);
        }
    }

    @Test
    void tellsThatTheAnswerIsNoHttp() throws Exception {
        try (FakeGateway gateway = FakeGateway.answering("220 mail.example ESMTP")) {
            assertThat(failureOf(connector().connect(uri(gateway), "secret")).code())
                    .isEqualTo(ErrorCode.PROTOCOL_ERROR);
        }
    }

    @Test
    void hintsAtWhatIsProbablyWrongWithTheUri() throws Exception {
        try (FakeGateway silent = new FakeGateway((connection, request) -> {});
                FakeGateway noHttp = FakeGateway.answering("220 mail.example ESMTP");
                FakeGateway plain = FakeGateway.answering("HTTP/1.1 400 Bad Request", "Content-Length: 0");
                FakeGateway elsewhere = FakeGateway.answering("HTTP/1.1 404 Not Found", "Content-Length: 0");
                FakeGateway moved = FakeGateway.answering("HTTP/1.1 301 Moved", "Content-Length: 0")) {
            for (FakeGateway gateway : List.of(silent, noHttp, plain)) {
                assertThat(failureOf(connector().connect(uri(gateway), "secret")))
                        .hasMessageEndingWith(", does it want wss:// (TLS)?");
            }
            assertThat(failureOf(connector().connect(uri(elsewhere).resolve("/tunnels?x"), "secret")))
                    .hasMessageContaining("'/tunnels'")
                    .hasMessageContaining("(/tunnel, ");
            assertThat(failureOf(connector().connect(uri(moved), "secret")))
                    .hasMessage("the gateway answered 301, and redirects are not followed");
        }
    }

    @Test
    void doesNotReadAnEndlessAnswer() throws Exception {
        try (FakeGateway gateway = FakeGateway.answering("HTTP/1.1 101 Switching", "X: " + "x".repeat(100_000))) {
            assertThat(failureOf(connector().connect(uri(gateway), "secret")).code())
                    .isEqualTo(ErrorCode.PROTOCOL_ERROR);
        }
    }

    @Test
    void givesUpInTimeOnWhoDoesNotAnswer() throws Exception {
        try (FakeGateway gateway = new FakeGateway((connection, request) -> connection.readToEnd())) {
            NettyConnector hasty = NettyConnector.builder(LOOPS.next())
                    .connectTimeout(Duration.ofMillis(200))
                    .build();

            TunnelException failure = failureOf(hasty.connect(uri(gateway), "secret"));

            assertThat(failure.code()).isEqualTo(ErrorCode.TRANSPORT_LOST);
            assertThat(failure).hasMessageContaining("200 ms");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://localhost",
                "tcp://localhost",
                "tls://localhost",
                "tcp://localhost:1/tunnel",
                "tcp://localhost:1?token=secret",
                "tls://user:password@localhost:1",
                "//localhost",
                "ws:/tunnel",
                "ws://user:password@localhost/tunnel",
                "ws://localhost/tunnel#top",
                "ws://localhost/tunnel?token=secret",
                "ws://localhost/tunnel?access_token=secret"
            })
    void doesNotDialWhatCannotBeDialled(String gateway) {
        TunnelException failure = failureOf(connector().connect(URI.create(gateway), null));

        assertThat(failure.code()).isEqualTo(ErrorCode.UNSUPPORTED);
        assertThat(failure.getMessage()).doesNotContain("secret", "password");
        assertThatThrownBy(() -> NettyConnector.requireDialable(URI.create(gateway)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(failure.getMessage());
    }

    @Test
    void whatCanBeDialledIsNotRefusedBefore() {
        NettyConnector.requireDialable(URI.create("wss://localhost:1/tunnel?x=y"));
        NettyConnector.requireDialable(URI.create("tcp://localhost:1"));
        NettyConnector.requireDialable(URI.create("tls://[::1]:1/"));
    }

    @Test
    void aTokenThatIsNoneIsNotSent() {
        TunnelException failure = failureOf(connector().connect(URI.create("ws://localhost:1"), "a\r\nX: y"));

        assertThat(failure.code()).isEqualTo(ErrorCode.UNAUTHORIZED);
        assertThat(failure.getMessage()).doesNotContain("X: y");
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void trustsOnlyTheGivenAuthorityAndTheRightName(SslProvider provider) throws Exception {
        NettyConnector trusting = NettyConnector.builder(LOOPS.next())
                .tls(TestTls.client(provider))
                .build();
        NettyConnector strange = connector();

        try (Gateway right = new Gateway(TestTls.server(SslProvider.JDK));
                Gateway wrong = new Gateway(TestTls.serverNamed("other.example"))) {
            close(trusting.connect(right.uri("localhost"), "t")
                    .toCompletableFuture()
                    .get(PATIENCE_SECONDS, TimeUnit.SECONDS));
            for (CompletionStage<Transport> attempt : List.of(
                    trusting.connect(right.uri("127.0.0.1"), "t"),
                    trusting.connect(wrong.uri("localhost"), "t"),
                    strange.connect(right.uri("localhost"), "t"))) {
                TunnelException failure = failureOf(attempt);
                assertThat(failure.code()).isEqualTo(ErrorCode.TRANSPORT_LOST);
                assertThat(stackOf(failure)).containsAnyOf("SSL", "certificate");
            }
            assertThat(failureOf(strange.connect(right.uri("localhost"), "t"))).hasMessageContaining("--tls-ca");
            assertThat(failureOf(trusting.connect(wrong.uri("localhost"), "t")).getMessage())
                    .doesNotContain("--tls-ca");
        }
    }

    @Test
    void hintsAtWhatSpeaksNoTls() throws Exception {
        Throwable failure = new IllegalStateException(new NotSslRecordException("not an SSL/TLS record: 4854"));
        assertThat(DialHints.explained(failure, DialTarget.of(URI.create("wss://localhost"))))
                .isEqualTo("the gateway speaks no TLS, does it want ws://?");
        assertThat(DialHints.explained(failure, DialTarget.of(URI.create("tls://localhost:1"))))
                .isEqualTo("the gateway speaks no TLS, does it want tcp://?");
    }

    @Test
    void aServerWithoutTlsIsNoSecureGateway() throws Exception {
        try (FakeGateway gateway = new FakeGateway((connection, request) -> {})) {
            NettyConnector hasty = NettyConnector.builder(LOOPS.next())
                    .connectTimeout(Duration.ofSeconds(1))
                    .build();
            assertThat(failureOf(hasty.connect(URI.create("wss://localhost:" + gateway.port()), "t"))
                            .code())
                    .isEqualTo(ErrorCode.TRANSPORT_LOST);
        }
    }

    @Test
    void refusesUselessSettings() {
        assertThatThrownBy(() -> NettyConnector.builder(LOOPS.next()).connectTimeout(Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class);
    }

    // ---- inside ----

    /** A real acceptor that lets everybody in. */
    private static final class Gateway implements AutoCloseable {
        private final NettyAcceptor acceptor;
        private final int port;

        Gateway(TlsConfig tls) throws Exception {
            acceptor = NettyAcceptor.builder(
                            LOOPS, (transport, token) -> transport.start(new TransportRecorder(transport), 65_535))
                    .address(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                    .admission((token, from) -> null)
                    .tls(tls)
                    .build();
            port = acceptor.start()
                    .toCompletableFuture()
                    .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                    .getPort();
        }

        URI uri(String host) {
            return URI.create("wss://" + host + ":" + port + "/tunnel");
        }

        @Override
        public void close() {
            acceptor.close();
        }
    }

    private static NettyConnector connector() {
        try {
            return NettyConnector.builder(LOOPS.next()).build();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static URI uri(FakeGateway gateway) {
        return URI.create("ws://localhost:" + gateway.port() + "/tunnel");
    }

    private static TunnelException failureOf(CompletionStage<Transport> attempt) {
        ExecutionException failure = catchThrowableOfType(
                ExecutionException.class, () -> attempt.toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS));
        assertThat(failure).as("a failure").isNotNull();
        assertThat(failure.getCause()).isInstanceOf(TunnelException.class);
        assertThat(stackOf(failure)).doesNotContain("secret");
        return (TunnelException) failure.getCause();
    }

    private static void close(Transport transport) throws Exception {
        CompletableFuture.runAsync(() -> transport.close(ErrorCode.NO_ERROR, ""), transport.loop())
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        ((NettyTransport) transport).channel().closeFuture().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static String stackOf(Throwable failure) {
        StringWriter text = new StringWriter();
        failure.printStackTrace(new PrintWriter(text));
        return text.toString();
    }
}
