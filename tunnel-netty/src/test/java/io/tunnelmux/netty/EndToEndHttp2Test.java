package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.testing.H2Client;
import io.tunnelmux.netty.testing.H2Server;
import io.tunnelmux.netty.testing.H2Stream;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.transport.TlsConfig;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP/2 from a client through gateway and agent to a server, everything on real sockets. */
class EndToEndHttp2Test {

    private static final String TOKEN = "an-end-to-end-token";
    private static final Pattern KEY = Pattern.compile("(?i)sec-websocket-key: (\\S+)");

    private final List<AutoCloseable> closeables = new ArrayList<>();
    private Gateway gateway;
    private H2Server server;
    private @Nullable X509Bundle certificate;

    private <T extends AutoCloseable> T closed(T closeable) {
        closeables.add(closeable);
        return closeable;
    }

    private void start() throws Exception {
        start(H2Server.settings());
    }

    private void start(Http2Settings settings) throws Exception {
        server = closed(H2Server.start(settings, null, call -> {}));
        start(Upstream.ofHttp2("127.0.0.1", server.port(), false));
    }

    private void start(Upstream upstream) throws Exception {
        GatewayConfig.Builder config = GatewayConfig.builder()
                .authenticator(TokenAuthenticator.of(TOKEN))
                .loops(2)
                .h2c(true)
                .router(AgentRouter.toAgent("demo"));
        AgentConfig.Builder agent =
                AgentConfig.builder().agentId("demo").token(() -> TOKEN).connections(1);
        if (certificate != null) {
            TlsConfig trust = TlsConfig.client(certificate.toTempRootCertPem().toPath());
            config.tls(TlsConfig.server(
                    certificate.toTempCertChainPem().toPath(),
                    certificate.toTempPrivateKeyPem().toPath()));
            agent.gatewayTls(trust).upstreamTls(trust);
        }
        Gateway started =
                Gateway.start(config.build()).toCompletableFuture().get(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS);
        gateway = started;
        closeables.add(() -> started.close(Duration.ofMillis(200))
                .toCompletableFuture()
                .get(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS));
        CountDownLatch connected = new CountDownLatch(1);
        String scheme = certificate == null ? "ws" : "wss";
        Agent running = Agent.start(agent.gateways(List.of(URI.create(
                        scheme + "://localhost:" + started.tunnelAddress().getPort() + "/tunnel")))
                .upstream(upstream)
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.countDown();
                    }
                })
                .build());
        closeables.add(() -> running.close(Duration.ofMillis(200)));
        assertThat(connected.await(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    }

    @AfterEach
    void stop() throws Exception {
        for (int i = closeables.size() - 1; i >= 0; i--) {
            closeables.get(i).close();
        }
    }

    private H2Client client() throws Exception {
        return closed(H2Client.connect(gateway.httpAddress()));
    }

    private static byte[] random(int seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** What gRPC puts around each message. */
    private static byte[] message(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(5 + bytes.length)
                .put((byte) 0)
                .putInt(bytes.length)
                .put(bytes)
                .array();
    }

    private static Http2Headers call(String method) {
        return H2Client.request(
                "POST", "/demo.Echo/" + method, "content-type", "application/grpc", "te", "trailers", "x-bin", "AAE");
    }

    @Test
    void callsInTheMannerOfGrpcPass() throws Exception {
        start();
        for (H2Client client : List.of(client(), client())) {
            H2Stream unary = client.sends(call("Unary"), false).sends(message("hello"), true);
            H2Stream seen = server.next();
            Http2Headers head = seen.head();
            assertThat(head.method()).hasToString("POST");
            assertThat(head.scheme()).hasToString("http");
            assertThat(head.authority()).hasToString("a");
            assertThat(head.path()).hasToString("/demo.Echo/Unary");
            assertThat(head.getAll("te")).extracting(Object::toString).containsExactly("trailers");
            assertThat(head.contains("host")).isFalse();
            assertThat(head.get("x-bin")).hasToString("AAE");
            seen.trailers();
            assertThat(seen.received()).isEqualTo(message("hello"));
            seen.answers(200, "content-type", "application/grpc");
            seen.sends(message("world"), false).ends("grpc-status", "0", "grpc-message", "");
            assertThat(unary.status()).isEqualTo("200");
            assertThat(unary.trailers().get("grpc-status")).hasToString("0");
            assertThat(unary.received()).isEqualTo(message("world"));
        }
        assertThat(server.connections()).hasSize(1);
    }

    /** A client of gRPC takes an end behind a head for an end without status, unless it came with the head. */
    @Test
    void aResponseThatIsAHeadAloneStaysOne() throws Exception {
        start();
        H2Stream call = client().sends(call("Unknown"), false).sends(message("hello"), true);
        server.next().answersWithoutBody(200, "content-type", "application/grpc", "grpc-status", "12");

        Http2Headers head = call.head();
        assertThat(head.get("grpc-status")).hasToString("12");
        assertThat(call.isHeadAlone()).isTrue();
    }

    @Test
    void bothSidesTalkAtOnceAsLongAsTheyLike() throws Exception {
        start();
        H2Stream call = client().sends(call("Chat"), false).sends("a0");
        H2Stream seen = server.next();
        seen.answers(200, "content-type", "application/grpc");
        for (int i = 1; i < 50; i++) {
            seen.received(2 * i);
            seen.sends("b" + i % 10);
            call.received(2 * i);
            call.sends("a" + i % 10);
        }
        call.ends();
        assertThat(seen.body()).hasSize(100);
        seen.ends("grpc-status", "0");
        assertThat(call.body()).hasSize(98);
        assertThat(call.trailers().get("grpc-status")).hasToString("0");
    }

    @Test
    void aHundredAtOnceAreExactAndShareAConnection() throws Exception {
        server = closed(H2Server.start(
                H2Server.settings().maxConcurrentStreams(100), null, call -> call.onEnd(EndToEndHttp2Test::echo)));
        start(Upstream.ofHttp2("127.0.0.1", server.port(), false));
        for (H2Client client : List.of(client(), client())) {
            List<H2Stream> calls = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                calls.add(client.sends(H2Client.request("PUT", "/" + i), false)
                        .sends(random(i, 50_000), false)
                        .sends(random(-i, 1_000), true));
            }
            for (int i = 0; i < 100; i++) {
                H2Stream call = calls.get(i);
                assertThat(call.head().get("path")).hasToString("/" + i);
                assertThat(call.trailers().get("end")).hasToString("yes");
                assertThat(call.received())
                        .hasSize(51_000)
                        .startsWith(random(i, 50_000))
                        .endsWith(random(-i, 1_000));
            }
        }
        assertThat(server.connections()).hasSize(1);
    }

    private static void echo(H2Stream call) {
        try {
            call.answers(200, "path", call.head().path().toString())
                    .sends(call.received(), false)
                    .ends("end", "yes");
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void moreThanTheUpstreamAllowsGoByMoreConnections() throws Exception {
        start(H2Server.settings().maxConcurrentStreams(10));
        H2Client client = client();
        List<H2Stream> calls = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            calls.add(client.gets("/" + i));
        }
        List<H2Stream> seen = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            seen.add(server.next());
        }
        assertThat(server.connections()).hasSize(3);
        seen.forEach(each -> each.answersWithoutBody(204));
        for (H2Stream each : calls) {
            assertThat(each.status()).isEqualTo("204");
        }
    }

    @Test
    void aStalledStreamStallsNoOther() throws Exception {
        start();
        byte[] body = random(1, 3_000_000);
        for (H2Client client : List.of(client(), client())) {
            H2Stream slow = client.gets("/slow").reads(false);
            server.next().answers(200).sends(body, true);
            H2Stream upload = client.sends(H2Client.request("PUT", "/stalled"), false);
            H2Stream uploadSeen = server.next();
            uploadSeen.reads(false);
            upload.sends(body, true);
            for (int i = 0; i < 5; i++) {
                H2Stream quick =
                        client.sends(H2Client.request("PUT", "/quick"), false).sends(random(2, 400_000), true);
                H2Stream seen = server.next();
                seen.trailers();
                assertThat(seen.received()).isEqualTo(random(2, 400_000));
                seen.answers(200).sends(random(3, 400_000), true);
                quick.trailers();
                assertThat(quick.received()).isEqualTo(random(3, 400_000));
            }
            slow.reads(true);
            slow.trailers();
            assertThat(slow.received()).isEqualTo(body);
            uploadSeen.reads(true);
            uploadSeen.trailers();
            assertThat(uploadSeen.received()).isEqualTo(body);
            uploadSeen.answersWithoutBody(204);
            assertThat(upload.status()).isEqualTo("204");
        }
    }

    @Test
    void aClientThatCancelsResetsTheUpstreamsStream() throws Exception {
        start();
        H2Client client = client();
        H2Stream call = client.gets("/");
        H2Stream seen = server.next();
        call.cancels();
        assertThat(seen.reset()).isEqualTo(Http2Error.CANCEL);

        H2Stream next = client.gets("/");
        server.next().answersWithoutBody(204);
        assertThat(next.status()).isEqualTo("204");
        assertThat(server.connections()).hasSize(1);
    }

    @Test
    void anUpstreamThatResetsIsAReset() throws Exception {
        start();
        H2Client client = client();
        H2Stream begun = client.gets("/");
        server.next().answers(200).sends("part").resets(Http2Error.INTERNAL_ERROR);
        assertThat(begun.status()).isEqualTo("200");
        begun.reset();
        assertThat(begun.isEnded()).isFalse();

        H2Stream unanswered = client.gets("/");
        server.next().resets(Http2Error.INTERNAL_ERROR);
        assertThat(unanswered.status()).isEqualTo("502");
        assertThat(unanswered.body()).contains("\"upstream_reset\"").contains("\"retryable\":false");
    }

    @Test
    void aCompleteAnswerBeforeTheEndOfTheRequestIsComplete() throws Exception {
        start();
        H2Stream call = client().sends(H2Client.request("PUT", "/"), false).sends("first");
        H2Stream seen = server.next();
        seen.received(5);
        seen.answers(413)
                .sends("too much".getBytes(StandardCharsets.US_ASCII), true)
                .resets(Http2Error.NO_ERROR);

        assertThat(call.status()).isEqualTo("413");
        assertThat(call.received(8)).isEqualTo("too much");
        assertThat(call.reset()).isEqualTo(Http2Error.NO_ERROR);
    }

    @Test
    void aRequestThatWasRefusedBeginsAgainIfAllOfItIsThere() throws Exception {
        start();
        H2Client client = client();
        H2Stream call = client.gets("/");
        server.next().resets(Http2Error.REFUSED_STREAM);
        server.next().answersWithoutBody(204);
        assertThat(call.status()).isEqualTo("204");

        H2Stream twice = client.gets("/");
        server.next().resets(Http2Error.REFUSED_STREAM);
        server.next().resets(Http2Error.REFUSED_STREAM);
        assertThat(twice.status()).isEqualTo("502");
        assertThat(twice.body()).contains("\"retryable\":true");

        H2Stream upload = client.sends(H2Client.request("PUT", "/"), false).sends("x");
        H2Stream seen = server.next();
        seen.received(1);
        seen.resets(Http2Error.REFUSED_STREAM);
        assertThat(upload.status()).isEqualTo("502");
        assertThat(upload.received(10)).isNotEmpty();
    }

    @Test
    void anUpstreamThatSaysGoodbyeKeepsWhatItHasAndGetsNoMore() throws Exception {
        start();
        H2Client client = client();
        H2Stream old = client.gets("/old");
        H2Stream oldSeen = server.next();
        server.saysGoodbye(server.connections().get(0));
        // Whatever the goodbye crosses is refused, and begins again.
        H2Stream next = client.gets("/next");
        server.next().answersWithoutBody(204);
        assertThat(next.status()).isEqualTo("204");

        oldSeen.answers(200).sends("late".getBytes(StandardCharsets.US_ASCII), true);
        assertThat(old.body()).isEqualTo("late");
        assertThat(server.connections().get(0).closeFuture().await(H2Client.PATIENCE_SECONDS, TimeUnit.SECONDS))
                .isTrue();
        assertThat(server.connections()).hasSize(2);
    }

    @Test
    void anUpstreamThatIsGoneIsDialledAgain() throws Exception {
        start();
        H2Client client = client();
        H2Stream lost = client.gets("/");
        server.next();
        server.connections().get(0).close();
        assertThat(lost.status()).isEqualTo("502");

        H2Stream next = client.gets("/");
        server.next().answersWithoutBody(204);
        assertThat(next.status()).isEqualTo("204");
    }

    @Test
    void anUpstreamThatTakesNoStreamsOrSpeaksAnotherLanguageIsUnreachable() throws Exception {
        start(H2Server.settings().maxConcurrentStreams(0));
        H2Stream call = client().gets("/");
        assertThat(call.status()).isEqualTo("502");
        assertThat(call.body()).contains("\"upstream_unreachable\"");
        stop();
        closeables.clear();

        ScriptedServer old = closed(new ScriptedServer(connection -> connection.write("HTTP/1.1 400 Bad\r\n\r\n")));
        start(Upstream.ofHttp2("127.0.0.1", old.port(), false));
        H2Stream misled = client().gets("/");
        assertThat(misled.status()).isEqualTo("502");
        assertThat(misled.body()).contains("\"upstream_unreachable\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/status", "/name", "/value", "/many", "/large", "/101"})
    void answersThatBreakTheRulesAreInvalid(String path) throws Exception {
        start();
        H2Client client = client();
        H2Stream call = client.gets(path);
        H2Stream seen = server.next();
        switch (path) {
            case "/status" -> seen.answers(0);
            case "/name" -> seen.answers(200, "connection", "close");
            case "/value" -> seen.answers(200, "x", "a\1b");
            case "/101" -> seen.answers(101);
            case "/large" -> seen.answers(200, "x", "x".repeat(80_000));
            default -> {
                String[] fields = new String[2 * 300];
                for (int i = 0; i < 300; i++) {
                    fields[2 * i] = "x" + i;
                    fields[2 * i + 1] = "1";
                }
                seen.answers(200, fields);
            }
        }
        assertThat(call.status()).isEqualTo("502");
        assertThat(call.body()).contains("\"upstream_invalid\"");
        H2Stream next = client.gets("/good");
        for (H2Stream good = server.next(); ; good = server.next()) {
            if (good.head().path().toString().equals("/good")) {
                good.answersWithoutBody(204);
                break;
            }
        }
        assertThat(next.status()).isEqualTo("204");
    }

    @Test
    void clientsOfHttp11ReachAnUpstreamOfHttp2() throws Exception {
        start();
        try (Socket client = new Socket(
                gateway.httpAddress().getAddress(), gateway.httpAddress().getPort())) {
            client.setSoTimeout((int) TimeUnit.SECONDS.toMillis(H2Client.PATIENCE_SECONDS));
            client.getOutputStream()
                    .write(("POST /x?y HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n"
                                    + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nsum: 1\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            H2Stream seen = server.next();
            assertThat(seen.body()).isEqualTo("hello");
            assertThat(seen.trailers().get("sum")).hasToString("1");
            Http2Headers head = seen.head();
            assertThat(head.path()).hasToString("/x?y");
            assertThat(head.get("te")).hasToString("trailers");
            assertThat(head.contains("connection")).isFalse();
            assertThat(head.contains("transfer-encoding")).isFalse();
            seen.answers(103, "link", "</a>").answers(200).sends("world").ends("grpc-status", "0");
            String answer = new String(client.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            assertThat(answer)
                    .startsWith("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n")
                    .contains("transfer-encoding: chunked\r\n")
                    .endsWith("5\r\nworld\r\n0\r\ngrpc-status: 0\r\n\r\n");
        }
    }

    @Test
    void aWebSocketInHttp2ReachesAnUpstreamOfHttp11() throws Exception {
        ScriptedServer echo = closed(new ScriptedServer(connection -> {
            String head = connection.readHead();
            assertThat(head).startsWith("GET /ws HTTP/1.1\r\n").containsIgnoringCase("connection: upgrade");
            connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Accept: " + accept(head) + "\r\n\r\n");
            for (int i = 0; i < 200; i++) {
                connection.write(connection.read(10_000).getBytes(StandardCharsets.ISO_8859_1));
            }
        }));
        start(new Upstream("127.0.0.1", echo.port(), false));
        for (H2Client client : List.of(client(), client())) {
            client.serverSettings();
            Http2Headers head = H2Client.fields(
                    ":method",
                    "CONNECT",
                    ":protocol",
                    "websocket",
                    ":scheme",
                    "http",
                    ":authority",
                    "a",
                    ":path",
                    "/ws",
                    "sec-websocket-version",
                    "13");
            H2Stream call = client.sends(head, false);
            assertThat(call.status()).isEqualTo("200");
            byte[] bytes = random(7, 2_000_000);
            call.sends(bytes, false);
            call.received(bytes.length);
            assertThat(call.received()).isEqualTo(bytes);
            call.ends();
            call.trailers();
        }
    }

    private static String accept(String head) {
        Matcher key = KEY.matcher(head);
        assertThat(key.find()).isTrue();
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1")
                    .digest((key.group(1) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                            .getBytes(StandardCharsets.US_ASCII));
            return Base64.getEncoder().encodeToString(digest);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private void sign() throws Exception {
        X509Bundle authority = new CertificateBuilder()
                .subject("CN=End To End Test Authority")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        certificate = new CertificateBuilder()
                .subject("CN=localhost")
                .addSanDnsName("localhost")
                .buildIssuedBy(authority);
    }

    private SslContext serverTls(String... protocols) throws Exception {
        return alpn(
                SslContextBuilder.forServer(certificate.toTempCertChainPem(), certificate.toTempPrivateKeyPem()),
                protocols);
    }

    private static SslContext alpn(SslContextBuilder builder, String... protocols) throws Exception {
        return builder.sslProvider(SslProvider.JDK)
                .applicationProtocolConfig(new ApplicationProtocolConfig(
                        ApplicationProtocolConfig.Protocol.ALPN,
                        ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                        ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                        protocols))
                .build();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void throughTlsBothSidesAgreeOnHttp2(boolean mustBeHttp2) throws Exception {
        sign();
        server = closed(H2Server.start(
                H2Server.settings(),
                serverTls(ApplicationProtocolNames.HTTP_2, ApplicationProtocolNames.HTTP_1_1),
                call -> call.onEnd(EndToEndHttp2Test::echo)));
        start(
                mustBeHttp2
                        ? Upstream.ofHttp2("localhost", server.port(), true)
                        : Upstream.of(URI.create("https://localhost:" + server.port())));
        SslContext offers = alpn(
                SslContextBuilder.forClient().trustManager(certificate.toTrustManager()),
                ApplicationProtocolNames.HTTP_2,
                ApplicationProtocolNames.HTTP_1_1);
        H2Client client = closed(H2Client.connect(gateway.httpAddress(), offers, H2Client.settings()));
        for (int i = 0; i < 20; i++) {
            H2Stream call =
                    client.sends(H2Client.request("PUT", "/" + i), false).sends(random(i, 100_000), true);
            assertThat(call.head().get("path")).hasToString("/" + i);
            call.trailers();
            assertThat(call.received()).isEqualTo(random(i, 100_000));
        }
        assertThat(server.connections()).hasSize(1);
    }

    @Test
    void anUpstreamThatPrefersHttp11GetsIt() throws Exception {
        sign();
        server = closed(H2Server.start(H2Server.settings(), serverTls(ApplicationProtocolNames.HTTP_1_1), call -> {}));
        start(Upstream.ofHttp2("localhost", server.port(), true));
        SslContext offers = alpn(
                SslContextBuilder.forClient().trustManager(certificate.toTrustManager()),
                ApplicationProtocolNames.HTTP_2);
        H2Client client = closed(H2Client.connect(gateway.httpAddress(), offers, H2Client.settings()));

        H2Stream call = client.gets("/");
        assertThat(call.status()).isEqualTo("502");
        assertThat(call.body()).contains("does not speak HTTP/2");
    }
}
