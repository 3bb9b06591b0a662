package io.tunnelmux.netty.transport;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.testing.TransportRecorder;
import io.tunnelmux.core.transport.AcceptHandler;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.netty.websocket.RawFrames;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What the acceptor answers to which request, over a real socket; alone on a port, and behind another HTTP server. */
class AcceptorHandshakeTest {
    private static final long PATIENCE_SECONDS = 30;
    /** Key and answer are those of RFC 6455 1.3. */
    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";

    private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private static final NettyLoops LOOPS = NettyLoops.create(1, IoMode.AUTO);

    private final LinkedBlockingQueue<Accepted> accepted = new LinkedBlockingQueue<>();
    private final List<NettyAcceptor> acceptors = new ArrayList<>();
    private final List<Channel> fronts = new ArrayList<>();

    private record Accepted(Transport transport, String token) {}

    @AfterAll
    static void closeLoops() {
        LOOPS.close();
    }

    @AfterEach
    void closeListeners() {
        acceptors.forEach(NettyAcceptor::close);
        fronts.forEach(Channel::close);
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                row("no token", 401, request -> request.without("Authorization")),
                row("a wrong token", 401, request -> request.with("Authorization", "Bearer wrong")),
                row("an empty token", 401, request -> request.with("Authorization", "Bearer ")),
                row("no scheme", 401, request -> request.with("Authorization", "secret")),
                row("another scheme", 401, request -> request.with("Authorization", "Basic secret")),
                row("two tokens", 401, request -> request.add("Authorization", "Bearer secret")),
                row("a list of tokens", 401, request -> request.with("Authorization", "Bearer secret, Bearer secret")),
                row("a token with a space", 401, request -> request.with("Authorization", "Bearer sec ret")),
                row("a token that goes on", 401, request -> request.with("Authorization", "Bearer secret2")),
                row("the beginning of a token", 401, request -> request.with("Authorization", "Bearer secre")),
                row("the token in capitals", 401, request -> request.with("Authorization", "Bearer SECRET")),
                row("an endless token", 401, request -> request.with("Authorization", "Bearer " + "x".repeat(4_097))),
                row(
                        "a token in a cookie",
                        401,
                        request -> request.without("Authorization").add("Cookie", "token=secret")),
                row("a token for no agent", 403, request -> request.with("Authorization", "Bearer user")),
                row("too many", 429, request -> request.with("Authorization", "Bearer busy")),
                row("going down", 503, request -> request.with("Authorization", "Bearer later")),
                row("a browser", 403, request -> request.add("Origin", "https://example.org")),
                row("a browser that hides", 403, request -> request.add("Origin", "null")),
                row("a token in the query", 400, request -> request.line("GET /tunnel?token=secret HTTP/1.1")),
                row(
                        "an access_token in the query",
                        400,
                        request -> request.line("GET /tunnel?a=1&access_token=x HTTP/1.1")),
                row(
                        "a token in the query behind a semicolon",
                        400,
                        request -> request.line("GET /tunnel?a;token=x HTTP/1.1")),
                row("a token in the query in disguise", 400, request -> request.line("GET /tunnel?%74oken=x HTTP/1.1")),
                row("a token in the query without a value", 400, request -> request.line("GET /tunnel?token HTTP/1.1")),
                row("a query that nobody can read", 400, request -> request.line("GET /tunnel?%zz=1 HTTP/1.1")),
                row("another path", 404, request -> request.line("GET /other HTTP/1.1")),
                row("a longer path", 404, request -> request.line("GET /tunnel/ HTTP/1.1")),
                row("the path in capitals", 404, request -> request.line("GET /TUNNEL HTTP/1.1")),
                row("a path in disguise", 404, request -> request.line("GET /%74unnel HTTP/1.1")),
                row("an absolute target", 404, request -> request.line("GET http://localhost/tunnel HTTP/1.1")),
                row("POST", 405, request -> request.line("POST /tunnel HTTP/1.1")),
                row("HTTP/1.0", 400, request -> request.line("GET /tunnel HTTP/1.0")),
                row("no HTTP", 400, request -> request.line("HELLO")),
                row("no Host", 400, request -> request.without("Host")),
                row("two Hosts", 400, request -> request.add("Host", "other")),
                row("a body", 400, request -> request.add("Content-Length", "5")),
                row("a body in chunks", 400, request -> request.add("Transfer-Encoding", "chunked")),
                row("no upgrade", 426, request -> request.without("Upgrade")),
                row("another upgrade", 426, request -> request.with("Upgrade", "h2c")),
                row("no Connection", 426, request -> request.without("Connection")),
                row("another Connection", 426, request -> request.with("Connection", "keep-alive")),
                row("no version", 426, request -> request.without("Sec-WebSocket-Version")),
                row("version 8", 426, request -> request.with("Sec-WebSocket-Version", "8")),
                row("two versions", 426, request -> request.add("Sec-WebSocket-Version", "8")),
                row("no key", 400, request -> request.without("Sec-WebSocket-Key")),
                row("two keys", 400, request -> request.add("Sec-WebSocket-Key", KEY)),
                row("a short key", 400, request -> request.with("Sec-WebSocket-Key", "AAAA")),
                row("a key that is not base64", 400, request -> request.with("Sec-WebSocket-Key", "!".repeat(24))),
                row("no subprotocol", 426, request -> request.without("Sec-WebSocket-Protocol")),
                row("another subprotocol", 426, request -> request.with("Sec-WebSocket-Protocol", "tunnel.v2, chat")),
                row("a line too long", 414, request -> request.line("GET /" + "x".repeat(9_000) + " HTTP/1.1")),
                row("a header too long", 431, request -> request.add("X-Long", "x".repeat(17_000))));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("refused")
    void refuses(String what, int status, Request request) throws Exception {
        InetSocketAddress address = listen(NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT, 512);
        try (RawConnection connection = RawConnection.to(address)) {
            RawConnection.Head head = connection.sendHead(request.lines()).readHead();

            assertThat(head.status()).isEqualTo(status);
            assertThat(head.all("Sec-WebSocket-Accept")).isEmpty();
            assertThat(head.all("WWW-Authenticate")).isEqualTo(status == 401 ? List.of("Bearer") : List.of());
            assertThat(head.all("Retry-After"))
                    .isEqualTo(status == 429 ? List.of("3") : status == 503 ? List.of("2") : List.of());
            assertThat(head.all("Sec-WebSocket-Version")).isEqualTo(status == 426 ? List.of("13") : List.of());
            byte[] body = connection.readToEnd();
            assertThat(body).hasSize(Integer.parseInt(head.only("Content-Length")));
            assertThat(new String(body, US_ASCII)).doesNotContain("secret");
        }
        assertThat(accepted).isEmpty();
    }

    static Stream<Arguments> welcome() {
        return Stream.of(
                row("as it should be", 101, request -> request),
                row("a query", 101, request -> request.line("GET /tunnel?tokens=1&a=token HTTP/1.1")),
                row("several subprotocols", 101, request -> request.with("Sec-WebSocket-Protocol", "chat , tunnel.v1")),
                row(
                        "subprotocols in two lines",
                        101,
                        request -> request.with("Sec-WebSocket-Protocol", "chat")
                                .add("Sec-WebSocket-Protocol", "tunnel.v1")),
                row(
                        "other spellings",
                        101,
                        request -> request.with("Upgrade", "WebSocket")
                                .with("Connection", "keep-alive, upgrade")
                                .with("Authorization", "bearer  secret")),
                row(
                        "extensions, which are not taken",
                        101,
                        request -> request.add("Sec-WebSocket-Extensions", "permessage-deflate")),
                row("an empty body", 101, request -> request.add("Content-Length", "0")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("welcome")
    void welcomes(String what, int status, Request request) throws Exception {
        InetSocketAddress address = listen(NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT, 512);
        try (RawConnection connection = RawConnection.to(address)) {
            becomesATunnel(connection.sendHead(request.lines()));
        }
    }

    @Test
    void readsWhatComesRightBehindTheRequest() throws Exception {
        InetSocketAddress address = listen(NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT, 512);
        try (RawConnection connection = RawConnection.to(address)) {
            String head = String.join("\r\n", new Request().lines()) + "\r\n\r\n";
            byte[] early = RawFrames.masked().frame(2, ping(5)).toByteArray();
            byte[] all = ByteBuffer.allocate(head.length() + early.length)
                    .put(head.getBytes(US_ASCII))
                    .put(early)
                    .array();
            connection.send(all);

            assertThat(connection.readHead().status()).isEqualTo(101);
            assertThat(start(takeAccepted()).get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .isEqualTo(new Frame.Ping(5, false));
        }
    }

    @Test
    void takesOverFromAnotherHttpServer() throws Exception {
        InetSocketAddress address = listenBehindFront();
        try (RawConnection connection = RawConnection.to(address)) {
            becomesATunnel(connection.sendHead(
                    new Request().line("GET /anything HTTP/1.1").lines()));
        }
    }

    @Test
    void refusesBehindAnotherHttpServerToo() throws Exception {
        InetSocketAddress address = listenBehindFront();
        try (RawConnection connection = RawConnection.to(address)) {
            connection.sendHead(new Request().without("Authorization").lines());

            assertThat(connection.readHead().status()).isEqualTo(401);
            connection.readToEnd();
        }
        assertThat(accepted).isEmpty();
    }

    @Test
    void givesUpOnWhoSaysNothing() throws Exception {
        InetSocketAddress address = listen(Duration.ofMillis(200), 512);
        try (RawConnection silent = RawConnection.to(address);
                RawConnection slow = RawConnection.to(address).send("GET /tunnel HTTP/1.1\r\nHost:")) {
            silent.awaitClosed();
            slow.awaitClosed();
        }
    }

    @Test
    void theTimeForTheHandshakeDoesNotEndATunnel() throws Exception {
        InetSocketAddress address = listen(Duration.ofMillis(200), 512);
        try (RawConnection connection = RawConnection.to(address);
                RawConnection silent = RawConnection.to(address)) {
            connection.sendHead(new Request().lines()).readHead();
            CompletableFuture<Frame> first = start(takeAccepted());
            silent.awaitClosed();

            connection.send(RawFrames.masked().frame(2, ping(1)).toByteArray());
            assertThat(first.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(new Frame.Ping(1, false));
        }
    }

    @Test
    void theOldestMakesRoomWhenTooManyHesitate() throws Exception {
        InetSocketAddress address = listen(NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT, 3);
        List<RawConnection> hesitating = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            hesitating.add(RawConnection.to(address).send("GET "));
        }

        hesitating.get(0).awaitClosed();
        hesitating.get(1).awaitClosed();
        try (RawConnection decided = RawConnection.to(address)) {
            becomesATunnel(decided.sendHead(new Request().lines()));
        }
        for (RawConnection connection : hesitating) {
            connection.close();
        }
    }

    @Test
    void closingLeavesTunnelsAlone() throws Exception {
        NettyAcceptor acceptor = acceptor(NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT, 512);
        InetSocketAddress address = acceptor.start().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        try (RawConnection tunnel = RawConnection.to(address);
                RawConnection hesitating = RawConnection.to(address).send("GET ")) {
            tunnel.sendHead(new Request().lines()).readHead();
            CompletableFuture<Frame> first = start(takeAccepted());

            acceptor.close();

            hesitating.awaitClosed();
            tunnel.send(RawFrames.masked().frame(2, ping(1)).toByteArray());
            assertThat(first.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(new Frame.Ping(1, false));
        }
    }

    @Test
    void aBreachIsAnsweredByACloseFrameAndTheEnd() throws Exception {
        InetSocketAddress address = listen(NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT, 512);
        try (RawConnection connection = RawConnection.to(address)) {
            connection.sendHead(new Request().lines()).readHead();
            start(takeAccepted());
            connection.send(RawFrames.unmasked().frame(2, ping(1)).toByteArray());

            byte[] close = connection.read(4);
            assertThat(close).startsWith(0x88, 2, 1_002 >> 8, 1_002 & 0xff);
            assertThat(connection.readToEnd()).isEmpty();
        }
    }

    @Test
    void tellsWhyItCannotListen() throws Exception {
        InetSocketAddress taken = listen(NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT, 512);

        NettyAcceptor second = NettyAcceptor.builder(LOOPS, (transport, token) -> {})
                .address(taken)
                .build();

        assertThat(second.start().toCompletableFuture())
                .failsWithin(Duration.ofSeconds(PATIENCE_SECONDS))
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(IOException.class);
    }

    @Test
    void whatCannotBeHandledIsClosedWithAnInternalError() throws Exception {
        NettyAcceptor acceptor = builder((transport, token) -> {
                    throw new IllegalStateException("a fault of ours");
                })
                .build();
        InetSocketAddress address = acceptor.start().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        try (RawConnection connection = RawConnection.to(address)) {
            assertThat(connection.sendHead(new Request().lines()).readHead().status())
                    .isEqualTo(101);

            assertThat(connection.read(4)).startsWith(0x88, 2, 1_011 >> 8, 1_011 & 0xff);
            connection.send(RawFrames.masked().close(1_011, new byte[0]).toByteArray());
            assertThat(connection.readToEnd()).isEmpty();
        }
    }

    // ---- inside ----

    private void becomesATunnel(RawConnection connection) throws Exception {
        RawConnection.Head head = connection.readHead();
        assertThat(head.status()).isEqualTo(101);
        assertThat(head.only("Sec-WebSocket-Accept")).isEqualTo(ACCEPT);
        assertThat(head.only("Sec-WebSocket-Protocol")).isEqualTo("tunnel.v1");
        assertThat(head.only("Upgrade")).isEqualToIgnoringCase("websocket");
        assertThat(head.only("Connection")).isEqualToIgnoringCase("upgrade");
        assertThat(head.all("Sec-WebSocket-Extensions")).isEmpty();

        Accepted peer = takeAccepted();
        assertThat(peer.token).isEqualTo("secret");
        CompletableFuture<Frame> first = start(peer);
        connection.send(RawFrames.masked().frame(2, ping(77)).toByteArray());
        assertThat(first.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(new Frame.Ping(77, false));
        peer.transport.loop().execute(() -> {
            peer.transport.write(new Frame.Ping(78, true));
            peer.transport.close(ErrorCode.NO_ERROR, "");
        });
        assertThat(connection.read(18)).startsWith(0x82, 16, 6, 4, 0, 8);
        assertThat(connection.read(4)).startsWith(0x88, 2, 1_000 >> 8, 1_000 & 0xff);
        connection.send(RawFrames.masked().close(1_000, new byte[0]).toByteArray());
        assertThat(connection.readToEnd()).isEmpty();
    }

    private Accepted takeAccepted() throws InterruptedException {
        Accepted next = accepted.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertThat(next).as("an accepted transport").isNotNull();
        return next;
    }

    /** Starts a transport as a tunnel would, and gives its first frame. */
    private static CompletableFuture<Frame> start(Accepted peer) {
        CompletableFuture<Frame> first = new CompletableFuture<>();
        Transport transport = peer.transport;
        TransportRecorder recorder = new TransportRecorder(transport) {
            @Override
            public void onBreach(ProtocolException breach) {
                super.onBreach(breach);
                transport.close(breach.code(), "");
            }
        };
        recorder.onFrame(first::complete);
        transport.loop().execute(() -> transport.start(recorder, 65_535));
        return first;
    }

    private InetSocketAddress listen(Duration timeout, int maxHandshakes) throws Exception {
        return acceptor(timeout, maxHandshakes).start().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private NettyAcceptor acceptor(Duration timeout, int maxHandshakes) {
        NettyAcceptor acceptor = builder((transport, token) -> accepted.add(new Accepted(transport, token)))
                .handshakeTimeout(timeout)
                .maxHandshakes(maxHandshakes)
                .build();
        acceptors.add(acceptor);
        return acceptor;
    }

    private NettyAcceptor.Builder builder(AcceptHandler handler) {
        return NettyAcceptor.builder(LOOPS, handler).address(ANY_PORT).admission((token, from) -> {
            if (token == null) {
                return HandshakeRefusal.unauthorized();
            }
            return switch (token) {
                case "secret" -> null;
                case "user" -> HandshakeRefusal.forbidden();
                case "busy" -> HandshakeRefusal.tooMany(Duration.ofSeconds(3));
                case "later" -> HandshakeRefusal.unavailable(Duration.ofMillis(1_001));
                default -> HandshakeRefusal.unauthorized();
            };
        });
    }

    /** An HTTP server that hands every request over. */
    private InetSocketAddress listenBehindFront() throws Exception {
        NettyAcceptor acceptor = acceptor(NettyAcceptor.DEFAULT_HANDSHAKE_TIMEOUT, 512);
        Channel front = LOOPS.serverBootstrap()
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new HttpServerCodec(), new ChannelInboundHandlerAdapter() {
                            @Override
                            public void channelRead(ChannelHandlerContext ctx, Object msg) {
                                if (msg instanceof HttpRequest request) {
                                    acceptor.upgrade(ctx, request);
                                }
                                ReferenceCountUtil.release(msg);
                            }
                        });
                    }
                })
                .bind(ANY_PORT)
                .sync()
                .channel();
        fronts.add(front);
        return (InetSocketAddress) front.localAddress();
    }

    private static byte[] ping(long opaque) {
        return ByteBuffer.allocate(16)
                .putLong(FrameEncoder.header(new Frame.Ping(opaque, false)))
                .putLong(opaque)
                .array();
    }

    private interface Change {
        Request apply(Request request);
    }

    private static Arguments row(String what, int status, Change change) {
        return Arguments.of(what, status, change.apply(new Request()));
    }

    /** A request that is right, and how it can be made wrong. */
    private static final class Request {
        private String line = "GET /tunnel HTTP/1.1";
        private final List<String> headers = new ArrayList<>(List.of(
                "Host: localhost",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: " + KEY,
                "Sec-WebSocket-Protocol: tunnel.v1",
                "Authorization: Bearer secret"));

        Request line(String newLine) {
            line = newLine;
            return this;
        }

        Request without(String name) {
            headers.removeIf(header -> header.startsWith(name + ":"));
            return this;
        }

        Request add(String name, String value) {
            headers.add(name + ": " + value);
            return this;
        }

        Request with(String name, String value) {
            return without(name).add(name, value);
        }

        List<String> lines() {
            List<String> lines = new ArrayList<>(List.of(line));
            lines.addAll(headers);
            return lines;
        }
    }
}
