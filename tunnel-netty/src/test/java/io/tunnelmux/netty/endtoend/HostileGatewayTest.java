package io.tunnelmux.netty.endtoend;

import static io.tunnelmux.netty.endtoend.RawGateway.frame;
import static io.tunnelmux.netty.endtoend.RawGateway.message;
import static io.tunnelmux.netty.endtoend.RawGateway.request;
import static io.tunnelmux.netty.endtoend.RawGateway.webSocket;
import static io.tunnelmux.netty.endtoend.RawGateway.words;
import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Settings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A gateway that breaks the rules costs an agent that tunnel, and nothing else: it dials anew and serves on. */
class HostileGatewayTest {

    private static final byte[] NOTHING = {};
    private static final byte[] OPEN =
            frame(1, 1, 2, message(request("/opened", Headers.EMPTY, Message.Destination.ANY)));

    private static final byte[] OPEN_FOR_BODY =
            frame(1, 0, 2, message(request("/opened", Headers.EMPTY, Message.Destination.ANY)));

    private static RawUpstream upstream;
    private static RawGateway gateway;
    private static Agent agent;

    @BeforeAll
    static void start() throws Exception {
        upstream = new RawUpstream();
        gateway = new RawGateway();
        agent = Agent.start(AgentConfig.builder()
                .gateways(List.of(URI.create("ws://127.0.0.1:" + gateway.port() + "/tunnel")))
                .agentId("demo")
                .upstream(new Upstream("127.0.0.1", upstream.port(), false))
                .backoff(Duration.ofMillis(5), Duration.ofMillis(50))
                // With the longest frames that there can be, none is over the limit.
                .tunnel(TunnelConfig.builder().settings(Settings.DEFAULTS).build())
                .build());
    }

    @AfterAll
    static void stop() throws Exception {
        agent.close(Duration.ZERO);
        gateway.close();
        upstream.close();
    }

    static Stream<Arguments> breaches() {
        byte[] text = "text".getBytes(StandardCharsets.US_ASCII);
        return Stream.of(
                // WebSocket's own rules.
                // Without the rule, its mask would be two empty messages.
                row("a masked frame", 1002, webSocket(0x82, 0x80, 0, words(0x82008200))),
                row("a reserved bit", 1002, webSocket(0xc2, NOTHING)),
                row("an unknown opcode", 1002, webSocket(0x83, NOTHING)),
                row("an unknown control opcode", 1002, webSocket(0x8b, NOTHING)),
                row("a control frame in pieces", 1002, webSocket(0x09, NOTHING)),
                row("a long control frame", 1002, webSocket(0x89, new byte[126])),
                row("a continuation of nothing", 1002, webSocket(0x80, NOTHING)),
                row("a message within another", 1002, webSocket(0x02, words(1)), webSocket(0x82, words(1))),
                row("a length that is not the shortest", 1002, webSocket(0x82, 126, 4, words(1))),
                row("a length of 64 bits that is not the shortest", 1002, webSocket(0x82, 127, 4, words(1))),
                row("a close code that nobody may send", 1002, webSocket(0x88, new byte[] {3, (byte) 0xed})),
                row("a close code cut in two", 1002, webSocket(0x88, new byte[] {3})),
                row("a close reason that is no UTF-8", 1002, webSocket(0x88, new byte[] {3, (byte) 0xe8, (byte) 0xff})),
                row("text", 1002, webSocket(0x81, text)),
                row("a length of 2^63", 1009, webSocket(0x82, 127, Long.MIN_VALUE, NOTHING)),
                row("a length of 2^32 + 5", 1009, webSocket(0x82, 127, (1L << 32) + 5, NOTHING)),
                row("64 MiB announced", 1009, webSocket(0x82, 127, 64 << 20, NOTHING)),
                // The tunnel's.
                row("a frame cut by its message", 1002, webSocket(0x82, words(0x00000010))),
                row("a reserved type", 1002, frame(0x0a, 0, 0, NOTHING)),
                row("bit 31 of an id", 1002, frame(0, 0, 0x80000002, NOTHING)),
                row("DATA on the tunnel itself", 1002, frame(0, 0, 0, words(1))),
                row("PING on a stream", 1002, frame(6, 0, 2, new byte[8])),
                row("a PING of seven bytes", 1002, frame(6, 0, 0, new byte[7])),
                row("a frame over its limit", 1009, frame(0, 0, 2, new byte[Settings.DEFAULT_MAX_FRAME_BYTES + 1])),
                row("a second HELLO", 1002, frame(8, 4, 0, new byte[] {(byte) 0xa0})),
                row(
                        "a stream of the agent's",
                        1002,
                        frame(1, 1, 3, message(request("/", Headers.EMPTY, Message.Destination.ANY)))),
                row("a stream opened twice", 1002, OPEN, OPEN),
                row("DATA on a stream never opened", 1002, frame(0, 0, 200, words(1))),
                row("credit of nothing for the tunnel", 1002, frame(3, 0, 0, words(0))),
                row(
                        "credit beyond 2^31",
                        1002,
                        frame(3, 0, 0, words(Integer.MAX_VALUE)),
                        frame(3, 0, 0, words(Integer.MAX_VALUE))),
                row("a message of no map on the tunnel", 1002, frame(2, 0, 0, words(0))),
                row(
                        "a message deeper than any",
                        1002,
                        frame(2, 0, 0, "\u0081".repeat(5_000).getBytes(StandardCharsets.ISO_8859_1))),
                row("an endless message", 1009, repeated(frame(2, 2, 0, new byte[32_000]), 20)),
                row("a GOAWAY with a mad id", 1002, frame(7, 0, 0, words(-1, 0, 0))),
                row("ACK of nothing agreed", 1013, repeated(frame(9, 0, 0, new byte[8]), 5_000)),
                // Floods.
                row("WebSocket pings", 1013, repeated(webSocket(0x89, text), 5_000)),
                row("empty WebSocket messages", 1013, repeated(webSocket(0x82, NOTHING), 5_000)),
                row("empty fragments", 1013, webSocket(0x02, NOTHING), repeated(webSocket(0x00, NOTHING), 5_000)),
                row("PING", 1013, repeated(frame(6, 0, 0, new byte[8]), 5_000)),
                row("GOAWAY behind GOAWAY", 1013, repeated(frame(7, 0, 0, words(0, 0, 0)), 5_000)),
                row("DATA without bytes", 1013, OPEN_FOR_BODY, repeated(frame(0, 0, 2, NOTHING), 5_000)),
                row("frames that nobody knows", 1013, repeated(frame(0x40, 0, 0, words(1)), 5_000)));
    }

    private static Arguments row(String what, int code, byte[]... bytes) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : bytes) {
            all.writeBytes(part);
        }
        return Arguments.of(Named.of(what, all.toByteArray()), code);
    }

    private static byte[] repeated(byte[] bytes, int times) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (int i = 0; i < times; i++) {
            all.writeBytes(bytes);
        }
        return all.toByteArray();
    }

    @ParameterizedTest
    @MethodSource("breaches")
    void aBreachEndsTheTunnelAndTheAgentGoesOn(byte[] bytes, int code) throws Exception {
        try (RawGateway.Link link = gateway.accept().welcome()) {
            try {
                for (int at = 0;
                        at < bytes.length
                                && link.socket().socket().getInputStream().available() < 1_000_000;
                        at += 4_096) {
                    link.socket().socket().getOutputStream().write(bytes, at, Math.min(4_096, bytes.length - at));
                }
            } catch (IOException e) {
                // It has heard enough.
            }
            assertThat(link.closeCode()).isEqualTo(code);
        }
        assertServes();
    }

    /** A request through the next tunnel, which ends with it. */
    private static void assertServes() throws Exception {
        try (RawGateway.Link link = gateway.accept().welcome()) {
            link.send(frame(1, 1, 2, message(request("/served", Headers.EMPTY, Message.Destination.ANY))));
            assertThat(link.next(2, 2).message())
                    .isInstanceOfSatisfying(
                            Message.ProxyResponse.class,
                            response -> assertThat(response.status()).isEqualTo(200));
            assertThat(new String(link.next(0, 2).payload(), StandardCharsets.US_ASCII))
                    .isEqualTo("ok");
        }
    }

    @Test
    void anAnswerThatIsNoneIsAnotherAttempt() throws Exception {
        for (String answer : List.of(
                "garbage\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                "HTTP/1.1 500 Oh\r\n" + "X: y\r\n".repeat(100_000))) {
            try (RawGateway.Link link = gateway.accept()) {
                link.send(answer.getBytes(StandardCharsets.US_ASCII));
                link.socket().end();
            } catch (IOException e) {
                // It did not hear it to its end.
            }
        }
        assertServes();
    }

    @Test
    void whatIsLateForItsStreamCostsNobodyAnything() throws Exception {
        try (RawGateway.Link link = gateway.accept().welcome()) {
            link.send(OPEN).send(frame(5, 0, 2, words(0)));
            link.send(repeated(frame(0, 0, 2, words(1)), 2_000)).send(repeated(frame(5, 0, 2, words(0)), 2_000));
            link.send(frame(1, 1, 4, message(request("/late", Headers.EMPTY, Message.Destination.ANY))));

            assertThat(link.next(2, 4).message()).isInstanceOf(Message.ProxyResponse.class);
        }
        assertServes();
    }

    @Test
    void aStreamThatBreaksTheRulesCostsOnlyItself() throws Exception {
        try (RawGateway.Link link = gateway.accept().welcome()) {
            link.send(frame(1, 1, 2, words(0))); // no message
            assertThat(link.next(5, 2).payload()).startsWith(words(1));
            link.send(frame(1, 0, 4, message(request("/window", Headers.EMPTY, Message.Destination.ANY))));
            link.send(frame(3, 0, 4, words(0)));
            assertThat(link.next(5, 4).id()).isEqualTo(4);
            link.send(frame(1, 1, 6, message(request("/fine", Headers.EMPTY, Message.Destination.ANY))));
            assertThat(link.next(2, 6).message()).isInstanceOf(Message.ProxyResponse.class);
        }
        assertServes();
    }
}
