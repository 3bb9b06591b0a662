package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.ssl.SslProvider;
import io.tunnelmux.core.testing.TransportRecorder;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** How bare frames come in on the port of WebSockets, and who is turned away; over real sockets. */
class FramesHandshakeTest {
    private static final long PATIENCE_SECONDS = 30;
    private static final Duration LONG = NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT;
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final NettyLoops LOOPS = NettyLoops.create(1, IoMode.AUTO);

    private final LinkedBlockingQueue<Transport> accepted = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<String> refusals = new LinkedBlockingQueue<>();
    private final List<NettyAcceptor> acceptors = new ArrayList<>();

    @AfterAll
    static void closeLoops() {
        LOOPS.close();
    }

    @AfterEach
    void closeListeners() {
        acceptors.forEach(NettyAcceptor::close);
    }

    static Stream<Arguments> refused() {
        byte[] tooLong = ByteBuffer.allocate(8).putLong(0x0800_4001_0000_0000L).array();
        return Stream.of(
                Arguments.of("no token", hello(null), ErrorCode.UNAUTHORIZED, 0, "unauthorized"),
                Arguments.of("a wrong token", hello("secret2"), ErrorCode.UNAUTHORIZED, 0, "unauthorized"),
                Arguments.of("a token for no agent", hello("user"), ErrorCode.FORBIDDEN, 0, "forbidden"),
                Arguments.of("too many", hello("busy"), ErrorCode.OVERLOADED, 3_000, "too_many_requests"),
                Arguments.of("going down", hello("later"), ErrorCode.OVERLOADED, 1_001, "service_unavailable"),
                Arguments.of("another frame first", ping(1), ErrorCode.PROTOCOL_ERROR, 0, "bad_request"),
                Arguments.of("zeros", new byte[100], ErrorCode.PROTOCOL_ERROR, 0, "bad_request"),
                Arguments.of("a HELLO too long", tooLong, ErrorCode.FRAME_TOO_LARGE, 0, "bad_request"),
                Arguments.of(
                        "a HELLO of nonsense",
                        bytesOf(new Frame.Hello(Payload.of(new byte[] {1, 2, 3}), false)),
                        ErrorCode.PROTOCOL_ERROR,
                        0,
                        "bad_request"));
    }

    @ParameterizedTest(name = "{0}: {2}")
    @MethodSource("refused")
    void refuses(String what, byte[] sent, ErrorCode code, int stayAwayMillis, String cause) throws Exception {
        InetSocketAddress address = listen(LONG, 512, null);
        try (RawConnection connection = RawConnection.to(address).send(sent)) {
            GoAway goAway = readGoAway(connection);

            assertThat(goAway.code()).isEqualTo(code.value());
            assertThat(goAway.reconnectAfterMillis()).isEqualTo(stayAwayMillis);
            assertThat(connection.readToEnd()).isEmpty();
        }
        assertThat(refusals.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(cause);
        assertThat(accepted).isEmpty();
    }

    @Test
    void whatIsNeitherFramesNorHttpIsNoGoodRequest() throws Exception {
        InetSocketAddress address = listen(LONG, 512, null);
        for (String garbage :
                List.of("\u0016\u0003\u0001\r\n\r\n", "\u00ff\u00ff\r\n\r\n", "\r\n\r\nHELLO\r\n\r\n", "~\r\n\r\n")) {
            try (RawConnection connection = RawConnection.to(address).send(garbage)) {
                assertThat(connection.readHead().status()).isEqualTo(400);
                connection.readToEnd();
            }
        }
        assertThat(accepted).isEmpty();
    }

    @Test
    void aGreetingMayComeInTwoPiecesCutAnywhere() throws Exception {
        InetSocketAddress address = listen(LONG, 512, null);
        byte[] all = join(hello("secret"), ping(5));
        for (int cut = 1; cut < all.length; cut++) {
            try (RawConnection connection = RawConnection.to(address)) {
                connection.send(Arrays.copyOf(all, cut));
                connection.send(Arrays.copyOfRange(all, cut, all.length));

                TransportRecorder recorder = start(takeAccepted(), 2);
                assertThat(recorder.frames().get(0)).isInstanceOf(Frame.Hello.class);
                assertThat(recorder.frames().get(1)).isEqualTo(new Frame.Ping(5, false));
            }
        }
    }

    @Test
    void aGreetingMayComeByteByByte() throws Exception {
        InetSocketAddress address = listen(LONG, 512, null);
        try (RawConnection connection = RawConnection.to(address)) {
            for (byte each : join(hello("secret"), ping(5))) {
                connection.send(new byte[] {each});
            }

            assertThat(start(takeAccepted(), 2).frames().get(1)).isEqualTo(new Frame.Ping(5, false));
        }
    }

    @Test
    void givesUpOnWhoSaysNothingAndTellsWhoHasBegun() throws Exception {
        InetSocketAddress address = listen(Duration.ofMillis(200), 512, null);
        try (RawConnection silent = RawConnection.to(address);
                RawConnection slow = RawConnection.to(address).send(Arrays.copyOf(hello("secret"), 1))) {
            silent.awaitClosed();

            assertThat(readGoAway(slow).code()).isEqualTo(ErrorCode.TIMEOUT.value());
            assertThat(slow.readToEnd()).isEmpty();
        }
        assertThat(refusals.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("too_slow");
        assertThat(refusals.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("too_slow");
    }

    @Test
    void theOldestMakesRoomWhenTooManyHesitate() throws Exception {
        InetSocketAddress address = listen(LONG, 3, null);
        byte[] half = Arrays.copyOf(hello("secret"), 20);
        List<RawConnection> hesitating = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            hesitating.add(RawConnection.to(address).send(half));
        }

        hesitating.get(0).awaitClosed();
        hesitating.get(1).awaitClosed();
        try (RawConnection decided = RawConnection.to(address).send(hello("secret"))) {
            assertThat(start(takeAccepted(), 1).frames().get(0)).isInstanceOf(Frame.Hello.class);
        }
        assertThat(refusals.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("too_many");
        for (RawConnection connection : hesitating) {
            connection.close();
        }
    }

    @Test
    void aPeerThatEndsAfterGoAwayIsNotLostButOneThatJustEndsIs() throws Exception {
        InetSocketAddress address = listen(LONG, 512, null);
        byte[] goAway = bytesOf(new Frame.GoAway(0, ErrorCode.NO_ERROR.value(), 0, "bye"));
        RawConnection orderly = RawConnection.to(address).send(join(hello("secret"), goAway));
        TransportRecorder atOrderly = start(takeAccepted(), 2);
        orderly.close();
        RawConnection torn = RawConnection.to(address).send(join(hello("secret"), goAway, new byte[3]));
        TransportRecorder atTorn = start(takeAccepted(), 2);
        torn.close();
        RawConnection lost = RawConnection.to(address).send(hello("secret"));
        TransportRecorder atLost = start(takeAccepted(), 1);
        lost.close();

        awaitClosed(atOrderly);
        awaitClosed(atTorn);
        awaitClosed(atLost);
        assertThat(atOrderly.cause()).isNull();
        assertThat(atTorn.cause()).isInstanceOf(IOException.class);
        assertThat(atLost.cause()).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void overTlsFramesAndWebSocketsShareAPort(SslProvider provider) throws Exception {
        InetSocketAddress address = listen(LONG, 512, TestTls.server(provider));
        NettyConnector connector = NettyConnector.builder(LOOPS.next())
                .tls(TestTls.client(provider))
                .build();
        Transport frames = get(connector.connect(URI.create("tls://localhost:" + address.getPort()), "secret"));
        frames.loop().execute(() -> {
            frames.write(WithoutGreeting.greeting("secret"));
            frames.flush();
        });
        assertThat(start(takeAccepted(), 1).frames().get(0)).isInstanceOf(Frame.Hello.class);

        Transport webSocket = get(connector.connect(URI.create("wss://localhost:" + address.getPort()), "secret"));
        takeAccepted();

        close(frames);
        close(webSocket);
    }

    @Test
    void overTlsWhoHasNotAgreedOnFramesMeansHttp() throws Exception {
        InetSocketAddress address = listen(LONG, 512, TestTls.server(SslProvider.JDK));
        for (String[] offers : new String[][] {{}, {"http/1.1"}, {"h2"}}) {
            try (RawConnection connection = secure(address, offers)) {
                connection.send(hello("secret"));

                assertThat(connection.readHead().status()).isEqualTo(400);
            }
        }
        assertThat(accepted).isEmpty();
    }

    @Test
    void overTlsSilenceIsAnsweredInFramesWhereTheyWereAgreedOn() throws Exception {
        InetSocketAddress address = listen(Duration.ofMillis(1_500), 512, TestTls.server(SslProvider.JDK));
        try (RawConnection connection = secure(address, "http/1.1", "tunnel/1")) {
            assertThat(readGoAway(connection).code()).isEqualTo(ErrorCode.TIMEOUT.value());
            assertThat(connection.readToEnd()).isEmpty();
        }
        try (RawConnection connection = secure(address, "tunnel/1")) {
            connection.send("GET /tunnel HTTP/1.1\r\n\r\n");
            assertThat(readGoAway(connection).code()).isEqualTo(ErrorCode.PROTOCOL_ERROR.value());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void theDiallerWantsFramesToBeAgreedOn(SslProvider provider) throws Exception {
        TlsConfig server = TestTls.server(provider);
        Channel listening = LOOPS.serverBootstrap()
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(server.newHttpServerHandler(channel.alloc()));
                    }
                })
                .bind(ANY_PORT)
                .sync()
                .channel();
        NettyConnector connector = NettyConnector.builder(LOOPS.next())
                .tls(TestTls.client(provider))
                .build();
        int port = ((InetSocketAddress) listening.localAddress()).getPort();

        TunnelException failure = failureOf(connector.connect(URI.create("tls://localhost:" + port), "secret"));

        assertThat(failure.code()).isEqualTo(ErrorCode.UNSUPPORTED);
        assertThat(failure).hasMessage("the gateway does not agree on tunnel/1 (ALPN), does it want wss://?");
        listening.close();
    }

    @Test
    void theDiallerLearnsThatHttpIsSpokenThere() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Transport transport =
                    get(connector().connect(URI.create("tcp://localhost:" + server.getLocalPort()), "secret"));
            CompletableFuture<ProtocolException> breach = new CompletableFuture<>();
            transport
                    .loop()
                    .execute(() -> transport.start(
                            new TransportRecorder(transport) {
                                @Override
                                public synchronized void onBreach(ProtocolException e) {
                                    breach.complete(e);
                                }
                            },
                            65_535));
            try (RawConnection connection = new RawConnection(server.accept())) {
                connection.send("HTTP/1.1 400 Bad Request\r\n\r\n");

                assertThat(breach.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                        .hasMessage("the gateway speaks HTTP here, does it want ws://?");
            }
            close(transport);
        }
    }

    @Test
    void theDiallerIsToldToTryTlsWhereNothingIsAnswered() throws Exception {
        InetSocketAddress address = listen(LONG, 512, TestTls.server(SslProvider.JDK));
        Transport transport = get(connector().connect(URI.create("tcp://localhost:" + address.getPort()), "secret"));
        TransportRecorder recorder = start(transport, 0);

        transport.loop().execute(() -> {
            transport.write(WithoutGreeting.greeting("secret"));
            transport.flush();
        });

        awaitClosed(recorder);
        assertThat(recorder.cause()).hasMessageEndingWith(" was lost, does it want tls://?");
    }

    @Test
    void theDiallerLearnsThatNoTlsIsSpokenThere() throws Exception {
        InetSocketAddress address = listen(LONG, 512, null);
        NettyConnector connector = NettyConnector.builder(LOOPS.next())
                .tls(TestTls.client(SslProvider.JDK))
                .build();

        TunnelException failure =
                failureOf(connector.connect(URI.create("tls://localhost:" + address.getPort()), "secret"));

        assertThat(failure.code()).isEqualTo(ErrorCode.TRANSPORT_LOST);
        assertThat(failure).hasMessageContaining("does it want tcp://?");
    }

    // ---- inside ----

    private InetSocketAddress listen(Duration timeout, int maxHandshakes, TlsConfig tls) throws Exception {
        NettyAcceptor acceptor = NettyAcceptor.builder(LOOPS, (transport, token) -> accepted.add(transport))
                .address(ANY_PORT)
                .admission((token, from) -> switch (String.valueOf(token)) {
                    case "secret" -> null;
                    case "user" -> HandshakeRefusal.forbidden();
                    case "busy" -> HandshakeRefusal.tooMany(Duration.ofSeconds(3));
                    case "later" -> HandshakeRefusal.unavailable(Duration.ofMillis(1_001));
                    default -> HandshakeRefusal.unauthorized();
                })
                .handshakeTimeout(timeout)
                .maxHandshakes(maxHandshakes)
                .tls(tls)
                .refusals(refusals::add)
                .build();
        acceptors.add(acceptor);
        return acceptor.start().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private Transport takeAccepted() throws Exception {
        Transport transport = accepted.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertThat(transport).as("accepted").isNotNull();
        return transport;
    }

    /** Waits for so many frames. */
    private static TransportRecorder start(Transport transport, int frames) throws Exception {
        LinkedBlockingQueue<Frame> received = new LinkedBlockingQueue<>();
        TransportRecorder recorder = new TransportRecorder(transport).onFrame(received::add);
        transport.loop().execute(() -> transport.start(recorder, 65_535));
        for (int i = 0; i < frames; i++) {
            if (received.poll(PATIENCE_SECONDS, TimeUnit.SECONDS) == null) {
                throw new TimeoutException("no frame " + i);
            }
        }
        return recorder;
    }

    private static void awaitClosed(TransportRecorder recorder) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (recorder.closedCalls() == 0) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    private static NettyConnector connector() throws IOException {
        return NettyConnector.builder(LOOPS.next()).build();
    }

    private static <T> T get(CompletionStage<T> stage) throws Exception {
        return stage.toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static void close(Transport transport) {
        transport.loop().execute(() -> transport.close(ErrorCode.NO_ERROR, ""));
    }

    private static TunnelException failureOf(CompletionStage<Transport> attempt) {
        ExecutionException failure = catchThrowableOfType(ExecutionException.class, () -> get(attempt));
        assertThat(failure).as("a failure").isNotNull();
        assertThat(failure.getCause()).isInstanceOf(TunnelException.class);
        return (TunnelException) failure.getCause();
    }

    /** A TLS connection that trusts everybody and offers these protocols. */
    private static RawConnection secure(InetSocketAddress address, String... offers) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new Trusting()}, null);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(address.getAddress(), address.getPort());
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(offers);
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return new RawConnection(socket);
    }

    private record GoAway(int code, long reconnectAfterMillis) {}

    private static GoAway readGoAway(RawConnection connection) throws IOException {
        ByteBuffer header = ByteBuffer.wrap(connection.read(8));
        assertThat(header.get()).as("type").isEqualTo((byte) 0x07);
        header.get();
        ByteBuffer payload = ByteBuffer.wrap(connection.read(header.getShort() & 0xffff));
        assertThat(payload.getInt()).as("last stream").isZero();
        return new GoAway(payload.getInt(), Integer.toUnsignedLong(payload.getInt()));
    }

    private static byte[] hello(String token) {
        return bytesOf(WithoutGreeting.greeting(token));
    }

    private static byte[] ping(long opaque) {
        return bytesOf(new Frame.Ping(opaque, false));
    }

    private static byte[] bytesOf(Frame frame) {
        return join(
                ByteBuffer.allocate(8).putLong(FrameEncoder.header(frame)).array(),
                FrameEncoder.payload(frame).toByteArray());
    }

    private static byte[] join(byte[]... parts) {
        ByteBuffer all = ByteBuffer.allocate(
                Stream.of(parts).mapToInt(part -> part.length).sum());
        Stream.of(parts).forEach(all::put);
        return all.array();
    }

    private static final class Trusting implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {
            assertThat(chain).isNotEmpty();
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
