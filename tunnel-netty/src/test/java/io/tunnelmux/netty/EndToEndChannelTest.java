package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.gateway.WebSocketConfig;
import io.tunnelmux.netty.gateway.WebSocketMode;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.testing.WebSocketPeer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What kubectl does with the API server's WebSockets (exec, attach, port-forward), before a server that plays the API server's part. */
class EndToEndChannelTest {

    private static final String V4 = "v4.channel.k8s.io";
    private static final String V5 = "v5.channel.k8s.io";
    private static final int STDIN = 0;
    private static final int STDOUT = 1;
    private static final int ERROR = 3;
    private static final int CLOSE = 255;
    private static final String SUCCESS = "{\"metadata\":{},\"status\":\"Success\"}";
    private static final String EXIT_7 = "{\"status\":\"Failure\",\"reason\":\"NonZeroExitCode\","
            + "\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"7\"}]}}";

    /** A channel's message as this API frames it: its number, then its bytes. */
    private static byte[] message(int channel, String text) {
        byte[] bytes = (" " + text).getBytes(StandardCharsets.ISO_8859_1);
        bytes[0] = (byte) channel;
        return bytes;
    }

    private static String told(int channel, String text) {
        return "binary " + new String(message(channel, text), StandardCharsets.ISO_8859_1);
    }

    private static WebSocketRig rig(ScriptedServer.Script script) throws Exception {
        AgentRouter router = AgentRouter.builder()
                .route(Route.of("", "/api", "demo").withWebSocketMode(WebSocketMode.CHANNEL))
                .defaultAgent("demo")
                .build();
        return new WebSocketRig(
                script, gateway -> gateway.router(router).webSockets(WebSocketConfig.DEFAULTS), agent -> agent);
    }

    private static WebSocketPeer exec(WebSocketRig rig, String protocols) throws IOException {
        return rig.connect(
                "/api/v1/namespaces/default/pods/web/exec?command=cat&stdin=true",
                "Sec-WebSocket-Protocol: " + protocols + "\r\n");
    }

    private static WebSocketPeer accepted(ScriptedServer.Connection connection, String protocol) throws IOException {
        WebSocketPeer api = connection.webSocket("Sec-WebSocket-Protocol: " + protocol + "\r\n");
        // As the API server does first: an empty message for each channel it writes.
        return api.binary(message(STDOUT, ""));
    }

    @ParameterizedTest
    @ValueSource(strings = {V4, V5})
    void aCommandHasItsInputItsOutputAndItsExitStatus(String protocol) throws Exception {
        CompletableFuture<String> head = new CompletableFuture<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer api = accepted(connection, protocol);
            head.complete(api.head());
            assertThat(api.next()).isEqualTo(told(STDIN, "echo\n"));
            api.binary(message(STDOUT, "echo\n")).binary(message(ERROR, EXIT_7)).close(1_000, "");
            assertThat(api.next()).isEqualTo("close 1000 ");
        };
        try (WebSocketRig rig = rig(script);
                WebSocketPeer kubectl = exec(rig, protocol.equals(V5) ? V5 + ", " + V4 : V4)) {
            assertThat(kubectl.head()).startsWith("HTTP/1.1 101 ");
            assertThat(kubectl.field("sec-websocket-protocol")).isEqualTo(protocol);
            assertThat(kubectl.next()).isEqualTo(told(STDOUT, ""));
            kubectl.binary(message(STDIN, "echo\n"));

            assertThat(kubectl.next()).isEqualTo(told(STDOUT, "echo\n"));
            assertThat(kubectl.next()).isEqualTo(told(ERROR, EXIT_7));
            assertThat(kubectl.next()).isEqualTo("close 1000 ");
            kubectl.close(1_000, "");
            assertThat(kubectl.isAtEnd()).isTrue();
            assertThat(head.get(10, TimeUnit.SECONDS))
                    .startsWith("GET /api/v1/namespaces/default/pods/web/exec?command=cat&stdin=true HTTP/1.1\r\n");
        }
    }

    /** {@code kubectl cp}: the end of the input is a message, and the output that follows it must all come. */
    @Test
    void theInputEndsAndTheOutputGoesOn() throws Exception {
        ScriptedServer.Script script = connection -> {
            WebSocketPeer api = accepted(connection, V5);
            int bytes = 0;
            for (String next = api.next(); !next.equals(told(CLOSE, "\0")); next = api.next()) {
                assertThat(next).startsWith(told(STDIN, ""));
                bytes += next.length() - told(STDIN, "").length();
            }
            api.binary(message(STDOUT, "read " + bytes))
                    .binary(message(ERROR, SUCCESS))
                    .close(1_000, "");
            api.next();
        };
        try (WebSocketRig rig = rig(script);
                WebSocketPeer kubectl = exec(rig, V5)) {
            String chunk = "x".repeat(32 * 1024);
            for (int i = 0; i < 64; i++) {
                kubectl.binary(message(STDIN, chunk));
            }
            kubectl.binary(message(CLOSE, "\0"));

            kubectl.next();
            assertThat(kubectl.next()).isEqualTo(told(STDOUT, "read " + 64 * chunk.length()));
            assertThat(kubectl.next()).isEqualTo(told(ERROR, SUCCESS));
            assertThat(kubectl.next()).isEqualTo("close 1000 ");
        }
    }

    /** The API server says the status, closes and is gone, long before a slow client has read what came before it. */
    @Test
    void theExitStatusComesBehindAllOutputHoweverLateItIsRead() throws Exception {
        CompletableFuture<Void> isGone = new CompletableFuture<>();
        String chunk = "y".repeat(64 * 1024);
        int chunks = 32;
        ScriptedServer.Script script = connection -> {
            WebSocketPeer api = accepted(connection, V5);
            for (int i = 0; i < chunks; i++) {
                api.binary(message(STDOUT, chunk));
            }
            api.binary(message(ERROR, EXIT_7)).close(1_000, "");
            connection.endOutput();
            isGone.complete(null);
            connection.awaitEnd();
        };
        try (WebSocketRig rig = rig(script);
                WebSocketPeer kubectl = exec(rig, V5)) {
            isGone.get(10, TimeUnit.SECONDS);
            kubectl.next();
            for (int i = 0; i < chunks; i++) {
                assertThat(kubectl.next()).isEqualTo(told(STDOUT, chunk));
            }
            assertThat(kubectl.next()).isEqualTo(told(ERROR, EXIT_7));
            assertThat(kubectl.next()).isEqualTo("close 1000 ");
        }
    }

    /** Whoever cannot see the status must see that there was none. */
    @Test
    void aServerThatDiesBeforeTheExitStatusIsNoSuccess() throws Exception {
        ScriptedServer.Script script = connection -> {
            WebSocketPeer api = accepted(connection, V4);
            assertThat(api.next()).isEqualTo(told(STDIN, "die"));
            connection.reset();
        };
        try (WebSocketRig rig = rig(script);
                WebSocketPeer kubectl = exec(rig, V4)) {
            kubectl.next();
            kubectl.binary(message(STDIN, "die"));

            assertThat(kubectl.next()).startsWith("close 1011 ");
        }
    }

    @Test
    void whatComesInOneGoWithTheRequestIsKept() throws Exception {
        byte[] early = io.tunnelmux.netty.websocket.RawFrames.masked()
                .frame(2, message(STDIN, "early"))
                .toByteArray();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer api = accepted(connection, V5);
            assertThat(api.next()).isEqualTo(told(STDIN, "early"));
            api.binary(message(STDOUT, "had it"));
            connection.awaitEnd();
        };
        try (WebSocketRig rig = rig(script);
                WebSocketPeer kubectl = WebSocketPeer.connect(
                        rig.address(), "/api/exec", early, "Sec-WebSocket-Protocol: " + V5 + "\r\n")) {
            kubectl.next();
            assertThat(kubectl.next()).isEqualTo(told(STDOUT, "had it"));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403, 404, 500})
    void aRefusalSaysWhatTheApiServerSaid(int status) throws Exception {
        String said = "{\"kind\":\"Status\",\"message\":\"pods \\\"web\\\" is not for you\"}";
        ScriptedServer.Script script = connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 " + status + " No\r\nContent-Length: " + said.length() + "\r\n\r\n" + said);
            connection.awaitEnd();
        };
        try (WebSocketRig rig = rig(script);
                WebSocketPeer kubectl = exec(rig, V5)) {
            assertThat(kubectl.head()).startsWith("HTTP/1.1 " + status + " ");
            String body = kubectl.body(Integer.parseInt(kubectl.field("content-length")));
            assertThat(body)
                    .contains("the upstream answered " + status + " No", "is not for you", "\"agent_id\":\"demo\"");
        }
    }

    @Test
    void theTargetIsTheRoutesAndNothingElseIsReached() throws Exception {
        AgentRouter router = AgentRouter.builder()
                .route(Route.of("", "/api", "demo").withTarget("api").withWebSocketMode(WebSocketMode.CHANNEL))
                .route(Route.of("", "/other", "demo").withTarget("other").withWebSocketMode(WebSocketMode.CHANNEL))
                .build();
        try (ScriptedServer api = new ScriptedServer(connection -> {
                    accepted(connection, V5);
                    connection.awaitEnd();
                });
                WebSocketRig rig = new WebSocketRig(
                        ScriptedServer.Connection::awaitEnd,
                        gateway -> gateway.router(router),
                        agent -> withTarget(agent, api.port()))) {
            try (WebSocketPeer kubectl = exec(rig, V5)) {
                assertThat(kubectl.next()).isEqualTo(told(STDOUT, ""));
            }
            try (WebSocketPeer kubectl = rig.connect("/other/exec")) {
                assertThat(kubectl.head()).startsWith("HTTP/1.1 403 ");
            }
        }
    }

    private static AgentConfig.Builder withTarget(AgentConfig.Builder agent, int port) {
        return agent.target("api", new Upstream("127.0.0.1", port, false));
    }

    /** Tokens come as subprotocols where browsers cannot set fields, and are longer than the field for those. */
    @Test
    void subprotocolsMayBeLong() throws Exception {
        char[] token = new char[3_000];
        Arrays.fill(token, 't');
        String bearer = "base64url.bearer.authorization.k8s.io." + new String(token);
        CompletableFuture<String> offered = new CompletableFuture<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer api = accepted(connection, V4);
            offered.complete(api.field("sec-websocket-protocol"));
            connection.awaitEnd();
        };
        try (WebSocketRig rig = rig(script);
                WebSocketPeer kubectl = exec(rig, bearer + ", " + V4)) {
            assertThat(kubectl.field("sec-websocket-protocol")).isEqualTo(V4);
            assertThat(offered.get(10, TimeUnit.SECONDS)).isEqualTo(bearer + ", " + V4);
        }
    }

    @Test
    void aServiceIsNoTargetForChannels() throws Exception {
        AgentRouter router = AgentRouter.builder()
                .route(Route.of("", "/", "demo")
                        .withService("web", "shop", 80)
                        .withWebSocketMode(WebSocketMode.CHANNEL))
                .build();
        try (WebSocketRig rig = new WebSocketRig(
                        ScriptedServer.Connection::awaitEnd, gateway -> gateway.router(router), agent -> agent);
                WebSocketPeer client = rig.connect("/")) {
            assertThat(client.head()).startsWith("HTTP/1.1 500 ");
        }
    }
}
