package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP from a client through gateway and agent to a server, everything on real sockets. */
class EndToEndHttpTest {

    private static final String TOKEN = "an-end-to-end-token";
    private static final long PATIENCE_SECONDS = 30;
    private static final Pattern LENGTH = Pattern.compile("(?i)content-length: (\\d+)");

    private final List<AutoCloseable> closeables = new ArrayList<>();
    private @Nullable Gateway gateway;
    private @Nullable SSLContext trust;

    private void start(int upstreamPort, int connections, @Nullable X509Bundle certificate) throws Exception {
        GatewayConfig.Builder config = GatewayConfig.builder()
                .authenticator(TokenAuthenticator.of(TOKEN))
                .loops(3)
                .router(AgentRouter.toAgent("demo"));
        AgentConfig.Builder agent =
                AgentConfig.builder().agentId("demo").token(() -> TOKEN).connections(connections);
        String scheme = "ws";
        String host = "127.0.0.1";
        if (certificate != null) {
            config.tls(TlsConfig.server(
                    certificate.toTempCertChainPem().toPath(),
                    certificate.toTempPrivateKeyPem().toPath()));
            agent.gatewayTls(TlsConfig.client(certificate.toTempRootCertPem().toPath()));
            trust = SSLContext.getInstance("TLS");
            trust.init(null, new TrustManager[] {certificate.toTrustManager()}, null);
            scheme = "wss";
            host = "localhost";
        }
        Gateway started = Gateway.start(config.build()).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        gateway = started;
        closeables.add(() ->
                started.close(Duration.ofMillis(200)).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS));
        CountDownLatch connected = new CountDownLatch(connections);
        Agent running = Agent.start(agent.gateways(List.of(URI.create(
                        scheme + "://" + host + ":" + started.tunnelAddress().getPort() + "/tunnel")))
                .upstream(new Upstream("127.0.0.1", upstreamPort, false))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.countDown();
                    }
                })
                .build());
        closeables.add(() -> running.close(Duration.ofMillis(200)));
        assertThat(connected.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    }

    /** Sends every body back, of known length or chunked as the request wishes, with its own framing understood. */
    private int echoServer() {
        return scripted(connection -> {
            while (connection.hasMore()) {
                String head = connection.readHead();
                byte[] body = bytes(body(head, connection));
                String fields = head.contains("X-Chunked")
                        ? "Transfer-Encoding: chunked\r\n\r\n"
                        : "Content-Length: " + body.length + "\r\n\r\n";
                connection.write(
                        "HTTP/1.1 200 OK\r\nX-Method: " + head.substring(0, head.indexOf(' ')) + "\r\n" + fields);
                connection.write(head.contains("X-Chunked") ? chunked(body) : body);
            }
        });
    }

    private static String body(String head, ScriptedServer.Connection connection) throws IOException {
        Matcher length = LENGTH.matcher(head);
        if (length.find()) {
            return connection.read(Integer.parseInt(length.group(1)));
        }
        StringBuilder body = new StringBuilder();
        int size = -1;
        while (size != 0) {
            String line = connection.readUntil("\r\n");
            size = Integer.parseInt(line.strip(), 16);
            body.append(connection.read(size));
            connection.readUntil("\r\n");
        }
        return body.toString();
    }

    private static byte[] chunked(byte[] body) {
        String chunk = body.length == 0
                ? ""
                : Integer.toHexString(body.length) + "\r\n" + new String(body, StandardCharsets.ISO_8859_1) + "\r\n";
        return bytes(chunk + "0\r\n\r\n");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private int scripted(ScriptedServer.Script script) {
        ScriptedServer server = new ScriptedServer(script);
        closeables.add(server);
        return server.port();
    }

    @AfterEach
    void stop() throws Exception {
        for (int i = closeables.size() - 1; i >= 0; i--) {
            closeables.get(i).close();
        }
    }

    private Socket connect() throws IOException {
        Socket socket = trust == null
                ? new Socket(
                        gateway.httpAddress().getAddress(),
                        gateway.httpAddress().getPort())
                : trust.getSocketFactory()
                        .createSocket("localhost", gateway.httpAddress().getPort());
        socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
        return socket;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void manyBodiesOfAllSizesComeBackAsTheyWere(boolean isTls) throws Exception {
        X509Bundle certificate = isTls ? certificate() : null;
        start(echoServer(), 3, certificate);
        long seed = System.nanoTime();
        ExecutorService threads = Executors.newFixedThreadPool(12);
        closeables.add(threads::shutdownNow);
        List<Future<?>> clients = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            Random random = new Random(seed + i);
            clients.add(threads.submit(() -> exchangeBodies(random, 12)));
        }
        for (Future<?> client : clients) {
            assertThat(client).as("seed %d", seed).succeedsWithin(Duration.ofSeconds(4 * PATIENCE_SECONDS));
        }
    }

    private Void exchangeBodies(Random random, int count) throws IOException, InterruptedException {
        int[] sizes = {0, 1, 1_000, 16_384, 65_535, 65_536, 65_537, 200_000, 1_500_000};
        try (Socket client = connect()) {
            DataInputStream in = new DataInputStream(new BufferedInputStream(client.getInputStream()));
            OutputStream out = client.getOutputStream();
            for (int i = 0; i < count; i++) {
                byte[] body = new byte[sizes[random.nextInt(sizes.length)]];
                random.nextBytes(body);
                boolean isChunked = random.nextBoolean();
                boolean wantsChunks = random.nextBoolean();
                out.write(bytes("PUT /" + i + " HTTP/1.1\r\nHost: localhost\r\n"
                        + (wantsChunks ? "X-Chunked: yes\r\n" : "")
                        + (isChunked ? "Transfer-Encoding: chunked" : "Content-Length: " + body.length) + "\r\n\r\n"));
                out.write(isChunked ? chunked(body) : body);
                String head = readUntil(in, "\r\n\r\n");
                assertThat(head).startsWith("HTTP/1.1 200 ").contains("X-Method: PUT");
                assertThat(responseBody(head, in)).isEqualTo(body);
            }
        }
        return null;
    }

    private static byte[] responseBody(String head, DataInputStream in) throws IOException {
        Matcher length = LENGTH.matcher(head);
        if (length.find()) {
            return in.readNBytes(Integer.parseInt(length.group(1)));
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        int size = -1;
        while (size != 0) {
            size = Integer.parseInt(readUntil(in, "\r\n").strip(), 16);
            body.write(in.readNBytes(size));
            readUntil(in, "\r\n");
        }
        return body.toByteArray();
    }

    private static X509Bundle certificate() throws Exception {
        X509Bundle authority = new CertificateBuilder()
                .subject("CN=End To End Authority")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        return new CertificateBuilder()
                .subject("CN=localhost")
                .addSanDnsName("localhost")
                .buildIssuedBy(authority);
    }

    @Test
    void trailersPassFromEndToEnd() throws Exception {
        CompletableFuture<String> received = new CompletableFuture<>();
        start(
                scripted(connection -> {
                    String head = connection.readHead();
                    received.complete(head + connection.readUntil("\r\n\r\n"));
                    connection.write(
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-After: 1\r\nX-After: 2\r\n\r\n");
                    connection.awaitEnd();
                }),
                1,
                null);
        try (Socket client = connect()) {
            client.getOutputStream()
                    .write(
                            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 9\r\n\r\n"
                                    .getBytes(StandardCharsets.US_ASCII));

            assertThat(received.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).endsWith("X-Sum: 9\r\n\r\n");
            assertThat(readUntil(client.getInputStream(), "X-After: 2\r\n\r\n"))
                    .contains("3\r\nabc\r\n0\r\nX-After: 1\r\n");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 100000\r\n\r\npart", "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"})
    void aServerThatDiesInTheMiddleNeverLooksLikeAnEnd(String rest) throws Exception {
        CompletableFuture<Void> read = new CompletableFuture<>();
        start(
                scripted(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 200 OK\r\n" + rest);
                    read.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                }),
                1,
                null);
        try (Socket client = connect()) {
            client.getOutputStream().write(bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
            readUntil(client.getInputStream(), "part");
            read.complete(null);

            assertThatThrownBy(() -> client.getInputStream().readAllBytes()).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aClientThatLeavesEndsTheServersConnection() throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        start(
                scripted(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
                    connection.awaitEnd();
                    ended.complete(null);
                }),
                1,
                null);
        Socket client = connect();
        client.getOutputStream().write("GET /events HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        readUntil(client.getInputStream(), "data: 1\n\n");
        client.close();

        ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    @Test
    void aReaderThatPausesHoldsUpNobodyElse() throws Exception {
        byte[] part = new byte[100_000];
        new Random(1).nextBytes(part);
        int parts = 300;
        start(
                scripted(connection -> {
                    while (connection.hasMore()) {
                        if (connection.readHead().startsWith("GET /small")) {
                            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                        } else {
                            connection.write(
                                    "HTTP/1.1 200 OK\r\nContent-Length: " + (long) parts * part.length + "\r\n\r\n");
                            for (int i = 0; i < parts; i++) {
                                connection.write(part);
                            }
                        }
                    }
                }),
                1,
                null);
        try (Socket paused = connect()) {
            OutputStream out = paused.getOutputStream();
            out.write("GET /big HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            readUntil(paused.getInputStream(), "\r\n\r\n");
            for (int i = 0; i < 20; i++) {
                try (Socket quick = connect()) {
                    quick.getOutputStream().write(bytes("GET /small HTTP/1.1\r\nHost: a\r\n\r\n"));
                    assertThat(readUntil(quick.getInputStream(), "\r\n\r\nok")).startsWith("HTTP/1.1 200 ");
                }
            }
            for (int i = 0; i < parts; i++) {
                assertThat(paused.getInputStream().readNBytes(part.length)).isEqualTo(part);
            }
        }
    }

    private static String readUntil(InputStream in, String end) throws IOException {
        StringBuilder text = new StringBuilder();
        while (text.indexOf(end) < 0) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("ended after " + text);
            }
            text.append((char) next);
        }
        return text.toString();
    }
}
