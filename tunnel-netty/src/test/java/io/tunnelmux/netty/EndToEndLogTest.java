package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.AppenderBase;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.testing.LeakGuard;
import io.tunnelmux.netty.testing.ScriptedServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.LoggerFactory;

/** All that a gateway and an agent write to the log, at its finest: no secret is in it, and what belongs together bears the same trace. */
@ExtendWith(LeakGuard.class)
class EndToEndLogTest {

    private static final String TOKEN = "a-token-that-nobody-sees";
    private static final String WRONG_TOKEN = "a-token-of-somebody-else";
    private static final String QUERY_SECRET = "hidden-in-the-query";
    private static final String HEADER_SECRET = "hidden-in-a-header";
    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final long PATIENCE_SECONDS = 30;

    private final Queue<String> lines = new ConcurrentLinkedQueue<>();
    private final Logger root = (Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME);
    private final Level usual = root.getLevel();
    private final List<Appender<ILoggingEvent>> others = new ArrayList<>();
    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            lines.add(event.getLevel() + " " + event.getFormattedMessage()
                    + (event.getThrowableProxy() == null
                            ? ""
                            : ThrowableProxyUtil.asString(event.getThrowableProxy())));
        }
    };

    /** The console would drown in it. */
    @BeforeEach
    void listen() {
        for (Iterator<Appender<ILoggingEvent>> all = root.iteratorForAppenders(); all.hasNext(); ) {
            Appender<ILoggingEvent> other = all.next();
            if (other instanceof ch.qos.logback.core.ConsoleAppender) {
                others.add(other);
            }
        }
        others.forEach(root::detachAppender);
        appender.start();
        root.addAppender(appender);
        root.setLevel(Level.TRACE);
    }

    @AfterEach
    void restore() {
        root.setLevel(usual);
        root.detachAppender(appender);
        others.forEach(root::addAppender);
    }

    @Test
    void noSecretIsInIt() throws Exception {
        try (ScriptedServer upstream = new ScriptedServer(connection -> {
            String head = connection.readHead();
            if (head.startsWith("GET /ws")) {
                connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
                connection.write(connection.read(4));
            } else if (!head.startsWith("GET /broken")) {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            }
        })) {
            Gateway gateway = Gateway.start(GatewayConfig.builder()
                            .authenticator(TokenAuthenticator.of(TOKEN))
                            .router(AgentRouter.toAgent("demo"))
                            .accessLog(true)
                            .logPerformance(true)
                            .build())
                    .toCompletableFuture()
                    .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            agent(gateway, upstream, WRONG_TOKEN, TunnelClient.State.WAITING).close(Duration.ZERO);
            Agent agent = agent(gateway, upstream, TOKEN, TunnelClient.State.CONNECTED);

            assertThat(request(gateway, "GET /a?key=" + QUERY_SECRET)).startsWith("HTTP/1.1 200 ");
            assertThat(request(gateway, "GET /broken?key=" + QUERY_SECRET)).startsWith("HTTP/1.1 502 ");
            assertThat(request(gateway, "GET /a b?key=" + QUERY_SECRET)).startsWith("HTTP/1.1 400 ");
            assertThat(request(gateway, "CONNECT a:1?key=" + QUERY_SECRET)).startsWith("HTTP/1.1 405 ");
            assertThat(ask(
                            gateway.tunnelAddress(),
                            "GET /tunnel?token=" + TOKEN + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
                    .startsWith("HTTP/1.1 4");
            assertThat(ask(
                            gateway.httpAddress(),
                            "GET /ws?key=" + QUERY_SECRET
                                    + " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                    + "Authorization: " + HEADER_SECRET + "\r\ntraceparent: 00-" + TRACE
                                    + "-00f067aa0ba902b7-01\r\n\r\nping"))
                    .endsWith("ping");

            agent.close(Duration.ofSeconds(PATIENCE_SECONDS));
            gateway.close(Duration.ZERO).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }

        assertThat(LoggerFactory.getLogger(Agent.class).isTraceEnabled()).isTrue();
        assertThat(LoggerFactory.getLogger("io.netty").isTraceEnabled()).isTrue();
        for (String secret : List.of(TOKEN, WRONG_TOKEN, QUERY_SECRET, HEADER_SECRET)) {
            assertThat(lines).as(secret).noneMatch(line -> line.contains(secret));
        }
        assertThat(lines)
                .anyMatch(line -> line.startsWith("INFO method=GET ") && line.contains(" path=/a status=200 "))
                .anyMatch(line -> line.startsWith("INFO mode=zero_copy ")
                        && line.contains(" bytes_in=4 bytes_out=4 ")
                        && line.contains(" trace_id=" + TRACE));
        assertThat(lines)
                .as("both programs, by the same trace")
                .anyMatch(line -> line.contains("path=/broken") && line.contains("outcome=") && line.contains(TRACE))
                .anyMatch(line -> line.startsWith("WARN upstream failed") && line.contains(" trace_id=" + TRACE));
    }

    private static Agent agent(Gateway gateway, ScriptedServer upstream, String token, TunnelClient.State awaited)
            throws Exception {
        CountDownLatch reached = new CountDownLatch(1);
        Agent agent = Agent.start(AgentConfig.builder()
                .agentId("demo")
                .token(() -> token)
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                .upstream(new Upstream("127.0.0.1", upstream.port(), false))
                .listener((connection, state, detail) -> {
                    if (state == awaited) {
                        reached.countDown();
                    }
                })
                .build());
        assertThat(reached.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        return agent;
    }

    private static String request(Gateway gateway, String line) throws IOException {
        return ask(
                gateway.httpAddress(),
                line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer " + HEADER_SECRET
                        + "\r\nCookie: session=" + HEADER_SECRET + "\r\ntraceparent: 00-" + TRACE
                        + "-00f067aa0ba902b7-01\r\n\r\n");
    }

    private static String ask(InetSocketAddress address, String request) throws IOException {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }
}
