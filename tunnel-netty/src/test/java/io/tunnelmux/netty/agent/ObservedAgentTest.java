package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.netty.testing.LeakGuard;
import io.tunnelmux.netty.testing.RecordingExchanges;
import io.tunnelmux.netty.testing.RecordingExchanges.Recorded;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.LoggerFactory;

/** What an agent tells its observers. */
@ExtendWith(LeakGuard.class)
class ObservedAgentTest {

    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String TRACEPARENT = "00-" + TRACE + "-00f067aa0ba902b7-01";
    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    private static final String SWITCHED =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    private final RecordingExchanges exchanges = new RecordingExchanges();

    private AgentHarness harness(ScriptedServer server) {
        return new AgentHarness(
                config -> config.upstream(AgentHarness.upstream(server)).observer(exchanges::begin));
    }

    private static Message.ProxyRequest traced(Message.ProxyRequest request, @Nullable String traceparent) {
        return new Message.ProxyRequest(
                request.requestId(),
                request.head(),
                request.upgrade(),
                request.destination(),
                request.timeoutMillis(),
                request.clientAddr(),
                traceparent);
    }

    private static Payload payload(String text) {
        return Payload.of(text.getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void tellsOfARequestAndTheUpstreamOfItsTrace() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.readHead() + connection.read(4));
                    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngoodbye");
                    connection.awaitEnd();
                });
                AgentHarness harness = harness(server)) {
            Headers headers = AgentHarness.headers("Content-Length", "4");
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(
                    traced(harness.request("POST", "/a?token=secret", headers), TRACEPARENT), false, probe);
            stream.writeLast(payload("body"));

            Recorded told = exchanges.next();
            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(told.info.path()).isEqualTo("/a");
            assertThat(told.info.agentId()).isEqualTo("tested");
            assertThat(told.info.host()).isEqualTo("app.example");
            assertThat(told.info.peer()).isEqualTo("http://127.0.0.1:" + server.port());
            assertThat(told.info.trace()).hasToString(TRACEPARENT);
            assertThat(told.status).isEqualTo(200);
            assertThat(told.end).isEqualTo(new ExchangeEnd(200, ExchangeEnd.COMPLETE, 4, 7, told.end.lasted()));
            assertThat(seen.get()).contains("traceparent: " + TRACEPARENT + "\r\n");
        }
    }

    @Test
    void anObserverMayPutItselfIntoTheTrace() throws Exception {
        TraceContext span = new TraceContext(TRACE, "1111111111111111", true);
        exchanges.says(span);
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.readHead());
                    connection.write("HTTP/1.1 204 No Content\r\n\r\n");
                });
                AgentHarness harness = harness(server)) {
            Headers headers = AgentHarness.headers("traceparent", TRACEPARENT);
            harness.open(traced(harness.request("GET", "/", headers), TRACEPARENT), true, new Probe(true));

            assertThat(seen.get()).contains("traceparent: " + span + "\r\n").doesNotContain(TRACEPARENT);
            assertThat(exchanges.next().info.trace()).hasToString(TRACEPARENT);
        }
    }

    @Test
    void tellsOfAnUpstreamThatFailsAndLogsTheTrace() throws Exception {
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        Logger logger = (Logger) LoggerFactory.getLogger(Agent.class);
        logger.addAppender(log);
        try (ScriptedServer server = new ScriptedServer(connection -> connection.readHead());
                AgentHarness harness = harness(server)) {
            Probe probe = new Probe(true);
            harness.open(traced(harness.request("GET", "/a?token=secret", Headers.EMPTY), TRACEPARENT), true, probe);
            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();

            Recorded told = exchanges.next();
            assertThat(told.end).isEqualTo(new ExchangeEnd(502, "upstream_reset", 0, 0, told.end.lasted()));
            assertThat(log.list)
                    .extracting(ILoggingEvent::getFormattedMessage)
                    .filteredOn(line -> line.startsWith("upstream failed"))
                    .singleElement()
                    .asString()
                    .contains(" path=/a ", " trace_id=" + TRACE + " ")
                    .doesNotContain("secret");
        } finally {
            logger.detachAppender(log);
        }
    }

    @Test
    void whatAGatewayAsksForMakesNoLinesOfItsOwnInTheLog() throws Exception {
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        Logger logger = (Logger) LoggerFactory.getLogger(Agent.class);
        logger.addAppender(log);
        try (ScriptedServer server = new ScriptedServer(connection -> {});
                AgentHarness harness = harness(server)) {
            Message.ProxyRequest request = harness.request(
                    "GET", "/a\u009b\u0085b code=\"1", Headers.EMPTY, Message.Upgrade.NONE, 0, "no\u0085\u2028\"where");
            Probe probe = new Probe(true);
            harness.open(request, true, probe);
            assertThat(probe.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
        } finally {
            logger.detachAppender(log);
        }
        assertThat(log.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .filteredOn(line -> line.startsWith("request refused"))
                .singleElement()
                .asString()
                .contains(" path=/a\\u{9b}\\u{85}b\\u{20}code=\\u{22}1 ")
                .matches(".* cause=\"[^\"\\p{gc=Cc}\u2028]*\" trace_id=.*");
    }

    @Test
    void tellsThatTheGatewayHasGivenUp() throws Exception {
        CompletableFuture<Void> asked = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    asked.complete(null);
                    connection.awaitEnd();
                });
                AgentHarness harness = harness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(harness.request("GET", "/", Headers.EMPTY), true, probe);
            asked.get();
            stream.cancel(ErrorCode.CANCELLED, "the client went away");

            Recorded told = exchanges.next();
            assertThat(told.end).isEqualTo(new ExchangeEnd(0, "cancelled", 0, 0, told.end.lasted()));
        }
    }

    @Test
    void tellsOfRequestsThatNoUpstreamTakes() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {});
                AgentHarness harness = harness(server)) {
            harness.open(
                    harness.request("GET", "/", Headers.EMPTY, Message.Upgrade.NONE, 0, "nowhere"),
                    true,
                    new Probe(true));

            Recorded told = exchanges.next();
            assertThat(told.info.peer()).isEqualTo("-");
            assertThat(told.end.outcome()).isEqualTo("forbidden");
            assertThat(told.end.status()).isEqualTo(403);
            assertThat(server.accepted()).isZero();
        }
    }

    @Test
    void tellsOfAWebSocketAndAllItsBytes() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(SWITCHED);
                    connection.read(9);
                    connection.write("goodbye");
                });
                AgentHarness harness = harness(server)) {
            Headers headers = AgentHarness.headers("Upgrade", "websocket", "Sec-WebSocket-Key", KEY);
            Message.Upgrade upgrade = new Message.Upgrade(true, true, payload("early"));
            Probe probe = new Probe(true);
            TunnelStream stream =
                    harness.open(harness.request("GET", "/chat", headers, upgrade, 0, null), false, probe);
            probe.response();
            stream.write(payload("bird"));
            stream.end();
            probe.outcome();

            Recorded told = exchanges.next();
            assertThat(told.info.isWebSocket()).isTrue();
            assertThat(told.mode).isEqualTo(RelayMode.ZERO_COPY);
            assertThat(told.relayed).containsEntry(Direction.TO_AGENT, 9L).containsEntry(Direction.FROM_AGENT, 7L);
            assertThat(told.end).isEqualTo(new ExchangeEnd(101, ExchangeEnd.COMPLETE, 9, 7, told.end.lasted()));
        }
    }
}
