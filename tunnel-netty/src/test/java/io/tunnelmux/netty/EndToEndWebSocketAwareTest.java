package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.Http2Headers;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.GatewayObserver;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.gateway.WebSocketConfig;
import io.tunnelmux.netty.gateway.WebSocketMode;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.RelayedMessage;
import io.tunnelmux.netty.testing.H2Client;
import io.tunnelmux.netty.testing.H2Stream;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.testing.WebSocketPeer;
import io.tunnelmux.netty.websocket.MessageReader;
import io.tunnelmux.netty.websocket.MessageRecorder;
import io.tunnelmux.netty.websocket.RawFrames;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** WebSockets whose messages gateway and agent read and write, everything on real sockets. */
class EndToEndWebSocketAwareTest {

    private static final byte[] NONE = {};
    private static final String OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    private static final String AGREED =
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Sends each message back as it came, until it is closed. */
    private static void echo(ScriptedServer.Connection connection) throws IOException {
        echo(connection.webSocket());
    }

    private static void echo(WebSocketPeer peer) throws IOException {
        while (true) {
            String message = peer.next();
            if (message.startsWith("text ")) {
                peer.send(peer.frames().frame(1, message.substring(5).getBytes(StandardCharsets.ISO_8859_1)));
            } else if (message.startsWith("binary ")) {
                peer.binary(message.substring(7).getBytes(StandardCharsets.ISO_8859_1));
            } else if (message.startsWith("ping ")) {
                peer.send(peer.frames().frame(10, bytes(message.substring(5))));
            } else if (message.startsWith("close ")) {
                String[] parts = message.split(" ", 3);
                int code = Integer.parseInt(parts[1]);
                peer.send(
                        code == 1005
                                ? peer.frames().frame(8, NONE)
                                : peer.frames().close(code, bytes(parts[2])));
                return;
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 125, 126, 65_535, 65_536, (1 << 20) + 1})
    void aMessageOfAnyLengthComesBackAsItWas(int length) throws Exception {
        byte[] message = new byte[length];
        for (int i = 0; i < length; i++) {
            message[i] = (byte) ('a' + i % 26);
        }
        try (WebSocketRig rig = new WebSocketRig(EndToEndWebSocketAwareTest::echo);
                WebSocketPeer client = rig.connect("/echo")) {
            assertThat(client.head()).startsWith("HTTP/1.1 101 ");
            assertThat(client.field("sec-websocket-accept")).isEqualTo("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            String text = new String(message, StandardCharsets.ISO_8859_1);
            client.text(text).binary(message);

            assertThat(client.next()).isEqualTo("text " + text);
            assertThat(client.next()).isEqualTo("binary " + text);
            client.close(1_000, "done");
            assertThat(client.next()).isEqualTo("close 1000 done");
            assertThat(client.isAtEnd()).isTrue();
        }
    }

    @Test
    void fragmentsAndPingsBetweenThemArrive() throws Exception {
        try (WebSocketRig rig = new WebSocketRig(EndToEndWebSocketAwareTest::echo);
                WebSocketPeer client = rig.connect("/echo")) {
            client.send(client.frames().fragment(1, bytes("one ")).frame(9, bytes("between")));
            assertThat(client.next()).isEqualTo("pong between");
            client.send(
                    client.frames().fragment(0, NONE).fragment(0, bytes("two ")).frame(0, bytes("three")));

            assertThat(client.next()).isEqualTo("text one two three");
        }
    }

    @Test
    void whatIsSentInOneGoWithTheHandshakesArrives() throws Exception {
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            peer.text("the server speaks first");
            echo(peer);
        };
        byte[] early = RawFrames.masked()
                .frame(1, bytes("so does the client"))
                .frame(2, new byte[100_000])
                .toByteArray();
        try (WebSocketRig rig = new WebSocketRig(script);
                WebSocketPeer client = WebSocketPeer.connect(rig.address(), "/", early)) {
            assertThat(client.next()).isEqualTo("text the server speaks first");
            assertThat(client.next()).isEqualTo("text so does the client");
            assertThat(client.next()).hasSize(7 + 100_000);
        }
    }

    @ParameterizedTest
    @CsvSource({"1000,", "1001,going", "4321,grün", "3000,x", "1005,"})
    void aClientsCloseFrameIsAnsweredByTheServer(int code, String reason) throws Exception {
        String said = reason == null ? "" : reason;
        CompletableFuture<String> seen = new CompletableFuture<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            seen.complete(peer.next());
            peer.close(4_999, "seen");
        };
        try (WebSocketRig rig = new WebSocketRig(script);
                WebSocketPeer client = rig.connect("/")) {
            client.send(
                    code == 1005
                            ? client.frames().frame(8, NONE)
                            : client.frames().close(code, bytes(said)));

            assertThat(client.next()).isEqualTo("close 4999 seen");
            assertThat(seen.get(10, TimeUnit.SECONDS)).isEqualTo("close " + code + " " + said);
        }
    }

    @ParameterizedTest
    @CsvSource({"1000,done", "1011,", "4321,grün", "1005,"})
    void aServersCloseFrameIsAnsweredByTheClient(int code, String reason) throws Exception {
        String said = reason == null ? "" : reason;
        CompletableFuture<String> answered = new CompletableFuture<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            peer.text("before");
            peer.send(
                    code == 1005 ? peer.frames().frame(8, NONE) : peer.frames().close(code, bytes(said)));
            answered.complete(peer.next());
        };
        try (WebSocketRig rig = new WebSocketRig(script);
                WebSocketPeer client = rig.connect("/")) {
            assertThat(client.next()).isEqualTo("text before");
            assertThat(client.next()).isEqualTo("close " + code + " " + said);
            client.close(4_000, "answer");

            assertThat(answered.get(10, TimeUnit.SECONDS)).isEqualTo("close 4000 answer");
            assertThat(client.isAtEnd()).isTrue();
        }
    }

    @Test
    void theSubprotocolIsWhatTheUpstreamChose() throws Exception {
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket("Sec-WebSocket-Protocol: chat.v2\r\n", "Set-Cookie: a=1\r\n");
            assertThat(peer.field("sec-websocket-protocol")).isEqualTo("chat.v1, chat.v2");
            assertThat(peer.field("x-a")).isEqualTo("1");
            assertThat(peer.head()).startsWith("GET /chat?room=1 HTTP/1.1\r\n");
            peer.next();
        };
        try (WebSocketRig rig = new WebSocketRig(script);
                WebSocketPeer client =
                        rig.connect("/chat?room=1", "Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n", "X-A: 1\r\n")) {
            assertThat(client.field("sec-websocket-protocol")).isEqualTo("chat.v2");
            assertThat(client.field("set-cookie")).isEqualTo("a=1");
            assertThat(client.field("sec-websocket-extensions")).isEmpty();
        }
    }

    @Test
    void aRefusalIsTheUpstreams() throws Exception {
        ScriptedServer.Script script = connection -> {
            connection.readHead();
            connection.write("HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno");
            connection.awaitEnd();
        };
        try (WebSocketRig rig = new WebSocketRig(script);
                WebSocketPeer client = rig.connect("/")) {
            assertThat(client.head()).startsWith("HTTP/1.1 403 ");
            assertThat(client.field("x-why")).isEqualTo("because");
            assertThat(client.body(2)).isEqualTo("no");
        }
    }

    /** Each of both hops: whether the side of ours and the other one can. */
    @ParameterizedTest
    @CsvSource({
        "true,true,true,true", "true,true,true,false", "true,true,false,true", "true,true,false,false",
        "true,false,true,true", "false,true,true,true", "true,false,true,false", "false,true,false,true",
        "true,false,false,false", "false,true,true,false", "false,false,true,true", "false,false,false,false"
    })
    void eachHopIsCompressedWhereBothOfItsEndsAgree(
            boolean isOffered, boolean isGatewayWilling, boolean isAgentOffering, boolean isServerWilling)
            throws Exception {
        String message = "compress me ".repeat(10_000);
        CompletableFuture<String> offer = new CompletableFuture<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket(isAgentOffering && isServerWilling ? AGREED : "");
            offer.complete(peer.field("sec-websocket-extensions"));
            assertThat(peer.next()).isEqualTo("text " + message);
            if (isAgentOffering && isServerWilling) {
                peer.compressed(message);
            } else {
                peer.text(message);
            }
            peer.next();
        };
        try (WebSocketRig rig = new WebSocketRig(
                        script,
                        gateway -> gateway.webSockets(
                                WebSocketRig.aware().deflate(isGatewayWilling).build()),
                        agent -> agent.webSocketDeflate(isAgentOffering));
                WebSocketPeer client = rig.connect("/", isOffered ? OFFER : "")) {
            boolean isAgreed = isOffered && isGatewayWilling;
            assertThat(client.field("sec-websocket-extensions").contains("permessage-deflate"))
                    .isEqualTo(isAgreed);
            if (isAgreed) {
                client.compressed(message);
            } else {
                client.text(message);
            }

            assertThat(client.next()).isEqualTo("text " + message);
            assertThat(offer.get(10, TimeUnit.SECONDS).contains("permessage-deflate"))
                    .isEqualTo(isAgentOffering);
        }
    }

    @Test
    void aReaderThatStopsDoesNotStopTheOthers() throws Exception {
        byte[] chunk = new byte[256 * 1024];
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            if (peer.head().startsWith("GET /flood")) {
                for (int i = 0; i < 64; i++) {
                    peer.binary(chunk);
                }
                peer.text("the end");
                peer.next();
            } else {
                echo(peer);
            }
        };
        try (WebSocketRig rig = new WebSocketRig(script);
                WebSocketPeer stopped = rig.connect("/flood");
                WebSocketPeer other = rig.connect("/echo")) {
            for (int i = 0; i < 200; i++) {
                other.text("message " + i);
                assertThat(other.next()).isEqualTo("text message " + i);
            }
            for (int i = 0; i < 64; i++) {
                assertThat(stopped.next()).hasSize(7 + chunk.length);
            }
            assertThat(stopped.next()).isEqualTo("text the end");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aServerThatDiesWithinAMessageIsNoCleanEnd(boolean isReset) throws Exception {
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            peer.text("whole");
            peer.send(peer.frames().fragment(1, bytes("half")));
            assertThat(peer.next()).isEqualTo("text die");
            if (isReset) {
                connection.reset();
            } else {
                connection.cut();
            }
        };
        try (WebSocketRig rig = new WebSocketRig(script);
                WebSocketPeer client = rig.connect("/")) {
            assertThat(client.next()).isEqualTo("text whole");
            client.text("die");

            assertThat(client.next()).startsWith("close 1011 ");
            assertThatThrownBy(client::next).as("the rest of the message").isInstanceOf(EOFException.class);
        }
    }

    @Test
    void aClientThatIsGoneIsToldToTheServer() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            assertThat(peer.next()).isEqualTo("text last words");
            seen.complete(peer.next());
        };
        try (WebSocketRig rig = new WebSocketRig(script)) {
            WebSocketPeer client = rig.connect("/");
            client.text("last words").close();

            assertThat(seen.get(10, TimeUnit.SECONDS)).startsWith("close 1001 ");
        }
    }

    @Test
    void messagesOverTheLimitAreRefusedOnBothSides() throws Exception {
        CompletableFuture<String> told = new CompletableFuture<>();
        BlockingQueue<String> others = new LinkedBlockingQueue<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            if (peer.head().startsWith("GET /long")) {
                peer.binary(new byte[100_001]);
                told.complete(peer.next());
            } else {
                others.add(peer.next());
                others.add(peer.next());
            }
        };
        try (WebSocketRig rig = new WebSocketRig(
                script,
                gateway -> gateway.webSockets(
                        WebSocketRig.aware().maxMessageBytes(100_000).build()),
                agent -> agent)) {
            try (WebSocketPeer client = rig.connect("/")) {
                client.binary(new byte[100_000]).send(client.frames().header(0x82, 100_001, 127));
                assertThat(client.next()).startsWith("close 1009 ");
                assertThat(others.poll(10, TimeUnit.SECONDS)).hasSize(7 + 100_000);
                assertThat(others.poll(10, TimeUnit.SECONDS)).startsWith("close 1011 ");
            }
            try (WebSocketPeer client = rig.connect("/long")) {
                assertThatThrownBy(() -> {
                            while (client.next().startsWith("close 1011 ")) {
                                // Behind it comes the end, and never the rest of the message.
                            }
                        })
                        .isInstanceOf(EOFException.class)
                        .hasMessageContaining("close 1011");
                assertThat(told.get(10, TimeUnit.SECONDS)).startsWith("close 1009 ");
            }
        }
    }

    @Test
    void aBombIsRefused() throws Exception {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            seen.add(peer.next());
        };
        try (WebSocketRig rig = new WebSocketRig(
                        script,
                        gateway -> gateway.webSockets(
                                WebSocketRig.aware().deflate(true).build()),
                        agent -> agent);
                WebSocketPeer client = rig.connect("/", OFFER)) {
            client.compressed("0".repeat(64 << 20));

            assertThat(client.next()).startsWith("close 1009 ");
            assertThat(seen.poll(10, TimeUnit.SECONDS)).startsWith("close 1011 ");
        }
    }

    @ParameterizedTest
    @CsvSource({"1002,80,1", "1007,81,2", "1002,c1,0"})
    void aBreachIsToldToWhoeverCommitsIt(int code, String first, int length) throws Exception {
        byte[] payload = new byte[length];
        Arrays.fill(payload, (byte) 0xff);
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            if (peer.head().startsWith("GET /server")) {
                peer.send(peer.frames().frame(Integer.parseInt(first, 16), payload, length));
            }
            seen.add(peer.next());
        };
        try (WebSocketRig rig = new WebSocketRig(script)) {
            try (WebSocketPeer client = rig.connect("/client")) {
                client.send(client.frames().frame(Integer.parseInt(first, 16), payload, length));
                assertThat(client.next()).startsWith("close " + code + " ");
                assertThat(seen.poll(10, TimeUnit.SECONDS)).startsWith("close 1011 ");
            }
            try (WebSocketPeer client = rig.connect("/server")) {
                assertThat(client.next()).startsWith("close 1011 ");
                assertThat(seen.poll(10, TimeUnit.SECONDS)).startsWith("close " + code + " ");
            }
        }
    }

    @Test
    void theGatewayGoingDownIsToldToBothEnds() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            peer.text("hello");
            seen.complete(peer.next());
        };
        try (WebSocketRig rig = new WebSocketRig(script);
                WebSocketPeer client = rig.connect("/")) {
            assertThat(client.next()).isEqualTo("text hello");
            rig.gateway().close(Duration.ofMillis(200));

            assertThat(client.next()).startsWith("close 1001 ");
            assertThat(seen.get(10, TimeUnit.SECONDS)).startsWith("close 1001 ");
        }
    }

    // ---- which mode ----

    /** Whether the client's key reached the upstream tells the modes apart. */
    @Test
    void theModeIsTheGatewaysTheRoutesOrWhatIsChosenForEach() throws Exception {
        BlockingQueue<Boolean> isZeroCopy = new LinkedBlockingQueue<>();
        ScriptedServer.Script script = connection -> {
            WebSocketPeer peer = connection.webSocket();
            isZeroCopy.add(peer.head().contains("dGhlIHNhbXBsZSBub25jZQ=="));
            connection.awaitEnd();
        };
        WebSocketConfig config = WebSocketConfig.builder()
                .chooser((request, route) -> request.headers().contains("x-watched") ? WebSocketMode.AWARE : null)
                .build();
        AgentRouter router = AgentRouter.builder()
                .route(Route.of("", "/watched", "demo").withWebSocketMode(WebSocketMode.AWARE))
                .defaultAgent("demo")
                .build();
        try (WebSocketRig rig =
                new WebSocketRig(script, gateway -> gateway.webSockets(config).router(router), agent -> agent)) {
            rig.connect("/").close();
            assertThat(isZeroCopy.poll(10, TimeUnit.SECONDS))
                    .as("the gateway's")
                    .isTrue();
            rig.connect("/watched").close();
            assertThat(isZeroCopy.poll(10, TimeUnit.SECONDS)).as("the route's").isFalse();
            rig.connect("/", "X-Watched: 1\r\n").close();
            assertThat(isZeroCopy.poll(10, TimeUnit.SECONDS)).as("chosen").isFalse();
        }
    }

    @Test
    void aChooserThatFailsLetsNothingBy() throws Exception {
        WebSocketConfig config = WebSocketConfig.builder()
                .chooser((request, route) -> {
                    throw new IllegalStateException("no idea");
                })
                .build();
        try (WebSocketRig rig = new WebSocketRig(
                        ScriptedServer.Connection::awaitEnd, gateway -> gateway.webSockets(config), agent -> agent);
                WebSocketPeer client = rig.connect("/")) {
            assertThat(client.head()).startsWith("HTTP/1.1 500 ");
        }
    }

    // ---- observers ----

    /** Writes down what it is told of messages. */
    private static final class Messages implements ExchangeObserver {
        private final BlockingQueue<String> told = new LinkedBlockingQueue<>();

        @Override
        public void onUpgraded(RelayMode mode) {
            told.add(mode.label());
        }

        @Override
        public void onMessage(RelayedMessage message) {
            String sample = new String(message.sample().toByteArray(), StandardCharsets.UTF_8);
            told.add(message.direction().label() + " " + message.kind().label() + " " + message.bytes()
                    + (message.closeCode() == 0 ? "" : " " + message.closeCode())
                    + (sample.isEmpty() ? "" : " " + sample));
        }

        String next() throws InterruptedException {
            return String.valueOf(told.poll(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void observersAreToldOfEachMessage() throws Exception {
        Messages atGateway = new Messages();
        Messages atAgent = new Messages();
        BlockingQueue<ExchangeInfo> exchanges = new LinkedBlockingQueue<>();
        GatewayObserver observer = new GatewayObserver() {
            @Override
            public ExchangeObserver onExchange(ExchangeInfo exchange) {
                exchanges.add(exchange);
                return atGateway;
            }
        };
        try (WebSocketRig rig = new WebSocketRig(
                        EndToEndWebSocketAwareTest::echo,
                        gateway -> gateway.observer(observer)
                                .webSockets(WebSocketRig.aware()
                                        .deflate(true)
                                        .sample(2, 3)
                                        .build()),
                        agent -> agent.observer(exchange -> atAgent));
                WebSocketPeer client = rig.connect("/echo", OFFER)) {
            client.text("first message");
            client.next();
            client.send(client.frames()
                    .fragment(2, new byte[40_000])
                    .frame(9, bytes("p"))
                    .frame(0, new byte[2]));
            client.next();
            client.next();
            client.close(4_000, "ü");
            client.next();

            assertThat(List.of(atGateway.next(), atGateway.next(), atGateway.next()))
                    .containsExactly("websocket_aware", "to_agent text 13 fir", "from_agent text 13");
            assertThat(List.of(
                            atGateway.next(),
                            atGateway.next(),
                            atGateway.next(),
                            atGateway.next(),
                            atGateway.next(),
                            atGateway.next()))
                    .contains(
                            "to_agent ping 1",
                            "to_agent binary 40002 \0\0\0",
                            "from_agent pong 1",
                            "from_agent binary 40002",
                            "to_agent close 4 4000",
                            "from_agent close 4 4000");
            assertThat(List.of(atAgent.next(), atAgent.next(), atAgent.next()))
                    .containsExactly("websocket_aware", "to_agent text 13", "from_agent text 13");
            assertThat(exchanges.element().isWebSocket()).isTrue();
        }
    }

    @Test
    void nobodyLooksAtMessagesThatGoByAsBytes() throws Exception {
        Messages messages = new Messages();
        GatewayObserver observer = new GatewayObserver() {
            @Override
            public ExchangeObserver onExchange(ExchangeInfo exchange) {
                return messages;
            }
        };
        try (WebSocketRig rig = new WebSocketRig(
                        EndToEndWebSocketAwareTest::echo,
                        gateway -> gateway.observer(observer)
                                .webSockets(
                                        WebSocketConfig.builder().sample(1, 100).build()),
                        agent -> agent);
                WebSocketPeer client = rig.connect("/echo")) {
            client.text("secret").close(1_000, "");
            assertThat(client.next()).isEqualTo("text secret");
            assertThat(client.next()).isEqualTo("close 1000 ");

            assertThat(messages.next()).isEqualTo("zero_copy");
            assertThat(messages.told).isEmpty();
        }
    }

    // ---- HTTP/2 ----

    @Test
    void aWebSocketOverHttp2IsCarriedAsMessagesToo() throws Exception {
        try (WebSocketRig rig = new WebSocketRig(
                        EndToEndWebSocketAwareTest::echo, gateway -> gateway.h2c(true), agent -> agent);
                H2Client client = H2Client.connect(rig.address())) {
            client.serverSettings();
            Http2Headers head =
                    H2Client.request("CONNECT", "/echo", ":protocol", "websocket", "sec-websocket-version", "13");
            H2Stream call = client.sends(head, false);
            Http2Headers answer = call.head();
            assertThat(answer.status()).hasToString("200");
            assertThat(answer.contains("sec-websocket-accept")).isFalse();
            call.sends(
                    RawFrames.masked()
                            .fragment(1, bytes("over "))
                            .frame(0, bytes("HTTP/2"))
                            .close(1_000, NONE)
                            .toByteArray(),
                    false);

            byte[] expected = RawFrames.unmasked()
                    .frame(1, bytes("over HTTP/2"))
                    .close(1_000, NONE)
                    .toByteArray();
            assertThat(call.received(expected.length)).isNotEmpty();
            assertThat(call.received())
                    .endsWith(RawFrames.unmasked().close(1_000, NONE).toByteArray());
        }
    }

    /** The client's connection stays on its own loop, whatever loop the tunnel has. */
    @Test
    void longMessagesOverHttp2ComeBackFromOtherLoops() throws Exception {
        byte[] message = new byte[300_000];
        Arrays.fill(message, (byte) 'm');
        try (WebSocketRig rig = new WebSocketRig(
                        EndToEndWebSocketAwareTest::echo,
                        gateway -> gateway.h2c(true).loops(3),
                        agent -> agent.connections(3));
                H2Client first = H2Client.connect(rig.address());
                H2Client second = H2Client.connect(rig.address())) {
            for (H2Client client : List.of(first, second, first, second)) {
                client.serverSettings();
                H2Stream call = client.sends(
                        H2Client.request("CONNECT", "/echo", ":protocol", "websocket", "sec-websocket-version", "13"),
                        false);
                assertThat(call.status()).isEqualTo("200");
                byte[] frames = RawFrames.masked()
                        .frame(2, message)
                        .frame(9, bytes("p"))
                        .frame(2, message)
                        .close(1_000, NONE)
                        .toByteArray();
                for (int at = 0; at < frames.length; at += 10_000) {
                    call.sends(Arrays.copyOfRange(frames, at, Math.min(frames.length, at + 10_000)), false);
                }
                // Payloads, at least a header for each of three messages, and the close frame.
                call.received(2 * message.length + 4 + 4 + 3 + 4);
                MessageRecorder recorder = new MessageRecorder();
                MessageReader reader = new MessageReader(false, false, 1 << 24, ByteBufAllocator.DEFAULT, recorder);
                call.trailers();
                reader.read(Unpooled.wrappedBuffer(call.received()));

                String whole = "binary " + new String(message, StandardCharsets.ISO_8859_1);
                assertThat(recorder.messages())
                        .hasSize(4)
                        .endsWith("close 1000 ")
                        .contains("pong p");
                assertThat(recorder.messages()).filteredOn(whole::equals).hasSize(2);
            }
        }
    }
}
