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
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.testing.ScriptedServer;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** WebSockets from a client through gateway and agent to a server, everything on real sockets. */
class EndToEndUpgradeTest {

    private static final String TOKEN = "an-end-to-end-token";
    private static final int BINARY = 0x82;
    private static final int CLOSE = 0x88;
    private static final Pattern KEY = Pattern.compile("(?im)^sec-websocket-key: *(\\S+)");
    private static final String UPGRADE =
            "GET /chat?room=1 HTTP/1.1\r\nHost: app.example\r\nConnection: keep-alive, Upgrade\r\n"
                    + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    private @Nullable ScriptedServer server;
    private @Nullable Gateway gateway;
    private @Nullable Agent agent;

    private void start(ScriptedServer.Script script) throws Exception {
        server = new ScriptedServer(script);
        start(server.port());
    }

    private void start(int upstreamPort) throws Exception {
        gateway = Gateway.start(GatewayConfig.builder()
                        .authenticator(TokenAuthenticator.of(TOKEN))
                        .router(AgentRouter.toAgent("demo"))
                        .build())
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS);
        CompletableFuture<Void> connected = new CompletableFuture<>();
        agent = Agent.start(AgentConfig.builder()
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                .agentId("demo")
                .token(() -> TOKEN)
                .upstream(new Upstream("127.0.0.1", upstreamPort, false))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.complete(null);
                    }
                })
                .build());
        connected.get(10, TimeUnit.SECONDS);
    }

    @AfterEach
    void stop() throws Exception {
        if (agent != null) {
            agent.close(Duration.ofMillis(500));
        }
        if (gateway != null) {
            gateway.close(Duration.ofMillis(500)).toCompletableFuture().get(20, TimeUnit.SECONDS);
        }
        if (server != null) {
            server.close();
        }
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket("127.0.0.1", gateway.httpAddress().getPort());
        socket.setSoTimeout(10_000);
        socket.setTcpNoDelay(true);
        return socket;
    }

    private static String switching(String requestHead) throws Exception {
        Matcher key = KEY.matcher(requestHead);
        assertThat(key.find()).isTrue();
        byte[] digest = MessageDigest.getInstance("SHA-1")
                .digest((key.group(1) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes(StandardCharsets.US_ASCII));
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                + Base64.getEncoder().encodeToString(digest) + "\r\n\r\n";
    }

    private static String readUntil(Socket socket, String end) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        String text = "";
        while (!text.contains(end)) {
            int next = socket.getInputStream().read();
            if (next < 0) {
                throw new IOException("ended after " + text);
            }
            bytes.write(next);
            text = bytes.toString(StandardCharsets.ISO_8859_1);
        }
        return text;
    }

    @Test
    void aServerMaySpeakFirstRightBehindIts101() throws Exception {
        start(connection -> {
            connection.write(switching(connection.readHead()) + "first words");
            connection.awaitEnd();
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));
            String head = readUntil(client, "\r\n\r\n");

            assertThat(head).startsWith("HTTP/1.1 101 ");
            assertThat(head).containsIgnoringCase("\r\nconnection: upgrade\r\n");
            assertThat(head).containsIgnoringCase("\r\nupgrade: websocket\r\n");
            assertThat(readUntil(client, "words")).isEqualTo("first words");
        }
    }

    @Test
    void aClientMaySpeakInThePacketOfItsRequest() throws Exception {
        CompletableFuture<String> target = new CompletableFuture<>();
        CompletableFuture<String> heard = new CompletableFuture<>();
        start(connection -> {
            String head = connection.readHead();
            target.complete(head.lines().findFirst().orElse(""));
            connection.write(switching(head));
            heard.complete(connection.read(10));
            connection.awaitEnd();
        });
        try (Socket client = connect()) {
            client.getOutputStream().write((UPGRADE + "early").getBytes(StandardCharsets.ISO_8859_1));
            readUntil(client, "\r\n\r\n");
            client.getOutputStream().write(" late".getBytes(StandardCharsets.ISO_8859_1));

            assertThat(heard.get(10, TimeUnit.SECONDS)).isEqualTo("early late");
            assertThat(target.get()).isEqualTo("GET /chat?room=1 HTTP/1.1");
        }
    }

    @Test
    void aRefusalComesThroughWithItsBody() throws Exception {
        start(connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nX-Why: no\r\n\r\n");
            connection.write("not today");
            connection.awaitEnd();
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));
            String answer = readUntil(client, "not today");

            assertThat(answer).startsWith("HTTP/1.1 403 ").contains("\r\nX-Why: no\r\n");
        }
    }

    @Test
    void aFalse101IsA502() throws Exception {
        start(connection -> {
            connection.readHead();
            connection.write(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n");
            connection.awaitEnd();
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));

            assertThat(readUntil(client, "}")).startsWith("HTTP/1.1 502 ").contains("upstream_invalid");
        }
    }

    @Test
    void nobodyListeningIsA502() throws Exception {
        int port;
        try (ScriptedServer closed = new ScriptedServer(connection -> {})) {
            port = closed.port();
        }
        start(port);
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));

            assertThat(readUntil(client, "}")).startsWith("HTTP/1.1 502 ").contains("upstream_unreachable");
        }
    }

    @Test
    void aClientsCloseCodeAndReasonReachTheServer() throws Exception {
        CompletableFuture<ScriptedServer.Frame> closed = new CompletableFuture<>();
        start(connection -> {
            connection.write(switching(connection.readHead()));
            closed.complete(connection.readFrame());
            connection.write(close(4_003, "seen"));
            connection.awaitEnd();
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));
            readUntil(client, "\r\n\r\n");
            writeMasked(client, close(4_001, "the client says so"));

            assertThat(textOf(closed.get(10, TimeUnit.SECONDS))).isEqualTo("136 4001 the client says so");
            assertThat(textOf(readFrame(client))).isEqualTo("136 4003 seen");
        }
    }

    @Test
    void aServersCloseCodeAndReasonReachTheClient() throws Exception {
        CompletableFuture<ScriptedServer.Frame> answered = new CompletableFuture<>();
        start(connection -> {
            connection.write(switching(connection.readHead()));
            connection.write(close(4_002, "the server says so"));
            answered.complete(connection.readFrame());
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));
            readUntil(client, "\r\n\r\n");

            assertThat(textOf(readFrame(client))).isEqualTo("136 4002 the server says so");
            writeMasked(client, close(4_002, ""));
            assertThat(textOf(answered.get(10, TimeUnit.SECONDS))).isEqualTo("136 4002 ");
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
    }

    private static ScriptedServer.Frame close(int code, String reason) {
        byte[] payload = ("  " + reason).getBytes(StandardCharsets.UTF_8);
        payload[0] = (byte) (code >>> 8);
        payload[1] = (byte) code;
        return new ScriptedServer.Frame(CLOSE, payload);
    }

    private static String textOf(ScriptedServer.Frame close) {
        byte[] payload = close.payload();
        int code = (payload[0] & 0xff) << 8 | payload[1] & 0xff;
        return close.first() + " " + code + " " + new String(payload, 2, payload.length - 2, StandardCharsets.UTF_8);
    }

    private static void writeMasked(Socket client, ScriptedServer.Frame frame) throws IOException {
        byte[] payload = frame.payload();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(payload.length + 14);
        DataOutputStream data = new DataOutputStream(bytes);
        data.writeByte(frame.first());
        if (payload.length < 126) {
            data.writeByte(0x80 | payload.length);
        } else {
            data.writeByte(0x80 | 127);
            data.writeLong(payload.length);
        }
        byte[] mask = {1, 2, 3, 4};
        data.write(mask);
        byte[] masked = payload.clone();
        for (int i = 0; i < masked.length; i++) {
            masked[i] ^= mask[i & 3];
        }
        data.write(masked);
        client.getOutputStream().write(bytes.toByteArray());
    }

    private static ScriptedServer.Frame readFrame(Socket client) throws IOException {
        DataInputStream data = new DataInputStream(client.getInputStream());
        int first = data.readUnsignedByte();
        int length = data.readUnsignedByte();
        if (length == 126) {
            length = data.readUnsignedShort();
        } else if (length == 127) {
            length = Math.toIntExact(data.readLong());
        }
        byte[] payload = new byte[length];
        data.readFully(payload);
        return new ScriptedServer.Frame(first, payload);
    }

    @Test
    void aMessageOf16MebibytesComesBackAsItWas() throws Exception {
        long seed = System.nanoTime();
        System.out.println("aMessageOf16MebibytesComesBackAsItWas: seed " + seed);
        byte[] message = new byte[16 * 1024 * 1024];
        new Random(seed).nextBytes(message);
        start(connection -> {
            connection.write(switching(connection.readHead()));
            connection.write(connection.readFrame());
            connection.awaitEnd();
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));
            readUntil(client, "\r\n\r\n");
            writeMasked(client, new ScriptedServer.Frame(BINARY, message));
            ScriptedServer.Frame echoed = readFrame(client);

            assertThat(echoed.first()).isEqualTo(BINARY);
            assertThat(echoed.payload()).isEqualTo(message);
        }
    }

    @Test
    void aClientThatIsGoneEndsTheConnectionToTheServer() throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        start(connection -> {
            connection.write(switching(connection.readHead()) + "hello");
            connection.awaitEnd();
            ended.complete(null);
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));
            readUntil(client, "hello");
            client.setSoLinger(true, 0);
        }

        ended.get(10, TimeUnit.SECONDS);
    }

    @Test
    void aServerThatDiesIsNoCleanEndForTheClient() throws Exception {
        start(connection -> {
            connection.write(switching(connection.readHead()) + "hello");
            connection.read(3);
            connection.reset();
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));
            readUntil(client, "hello");
            client.getOutputStream().write("die".getBytes(StandardCharsets.ISO_8859_1));

            assertThatThrownBy(() -> client.getInputStream().read())
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("reset");
        }
    }

    @Test
    void eachDirectionEndsOnItsOwn() throws Exception {
        CompletableFuture<String> heard = new CompletableFuture<>();
        start(connection -> {
            connection.write(switching(connection.readHead()) + "the server is done");
            connection.endOutput();
            heard.complete(connection.readUntil("too"));
            assertThat(connection.hasMore()).isFalse();
        });
        try (Socket client = connect()) {
            client.getOutputStream().write(UPGRADE.getBytes(StandardCharsets.ISO_8859_1));
            readUntil(client, "the server is done");
            assertThat(client.getInputStream().read()).isEqualTo(-1);
            client.getOutputStream().write("and the client too".getBytes(StandardCharsets.ISO_8859_1));
            client.shutdownOutput();

            assertThat(heard.get(10, TimeUnit.SECONDS)).isEqualTo("and the client too");
        }
    }
}
