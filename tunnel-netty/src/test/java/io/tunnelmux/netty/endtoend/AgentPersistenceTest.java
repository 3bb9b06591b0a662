package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** An agent that is not let in asks again, one attempt at a time, and says what is wrong without end and without a flood of lines. */
class AgentPersistenceTest {

    private static AgentConfig.Builder config(RawGateway gateway) {
        return AgentConfig.builder()
                .gateways(List.of(URI.create("ws://127.0.0.1:" + gateway.port() + "/tunnel")))
                .agentId("demo")
                .upstream(new Upstream("127.0.0.1", 1, false))
                .backoff(Duration.ofMillis(1), Duration.ofMillis(20));
    }

    @ParameterizedTest
    @ValueSource(strings = {"401 Unauthorized", "403 Forbidden"})
    void aRefusedTokenIsShownAgainAndComplainedOfOnce(String status) throws Exception {
        AtomicInteger asked = new AtomicInteger();
        BlockingQueue<String> states = new LinkedBlockingQueue<>();
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(TunnelClient.class);
        lines.start();
        logger.addAppender(lines);
        try (RawGateway gateway = new RawGateway()) {
            Agent agent = Agent.start(config(gateway)
                    .token(() -> "secret-" + asked.incrementAndGet())
                    .listener((connection, state, detail) -> states.add(state + " " + detail))
                    .build());
            try {
                for (int attempt = 1; attempt <= 10; attempt++) {
                    try (RawGateway.Link link = gateway.accept()) {
                        // The newest token each time, in the one place where it belongs.
                        assertThat(link.request())
                                .startsWith("GET /tunnel HTTP/1.1\r\n")
                                .containsIgnoringCase("\r\nAuthorization: Bearer secret-" + attempt + "\r\n")
                                .containsOnlyOnce("secret-");
                        link.socket()
                                .send("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n")
                                .end();
                    }
                    String state = states.poll(30, TimeUnit.SECONDS);
                    while (state != null && !state.startsWith("WAITING")) {
                        state = states.poll(30, TimeUnit.SECONDS);
                    }
                    assertThat(state).contains(status.substring(0, 3)).contains("next attempt in");
                }
                assertThat(lines.list.stream().filter(line -> line.getLevel() == Level.ERROR))
                        .singleElement()
                        .satisfies(
                                line -> assertThat(line.getFormattedMessage()).contains("token"));
                assertThat(lines.list)
                        .noneMatch(line -> line.getFormattedMessage().contains("secret-"));
                try (RawGateway.Link link = gateway.accept().welcome()) {
                    assertThat(states).isNotNull();
                }
            } finally {
                agent.close(Duration.ZERO);
            }
        } finally {
            logger.detachAppender(lines);
        }
    }

    @Test
    void whyItDoesNotGetInIsAWarningOnceForEachReason() throws Exception {
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(TunnelClient.class);
        lines.start();
        logger.addAppender(lines);
        try (RawGateway gateway = new RawGateway()) {
            Agent agent = Agent.start(config(gateway).token(() -> "token").build());
            try {
                for (String status : List.of("404 No", "404 No", "503 Later", "404 No", "503 Later")) {
                    answer(gateway, status);
                }
                gateway.accept().welcome().close();
                answer(gateway, "404 No");
                gateway.accept().close();
            } finally {
                agent.close(Duration.ZERO);
            }
            assertThat(lines.list.stream().filter(line -> line.getLevel() == Level.WARN))
                    .extracting(ILoggingEvent::getFormattedMessage)
                    .satisfiesExactly(
                            line -> assertThat(line).contains("404").contains("/tunnel"),
                            line -> assertThat(line).contains("503"),
                            line -> assertThat(line).contains("404"));
        } finally {
            logger.detachAppender(lines);
        }
    }

    private static void answer(RawGateway gateway, String status) throws Exception {
        try (RawGateway.Link link = gateway.accept()) {
            link.request();
            link.socket()
                    .send("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n")
                    .end();
        }
    }

    @Test
    void thereIsOneAttemptAtATime() throws Exception {
        try (RawGateway gateway = new RawGateway()) {
            Agent agent = Agent.start(config(gateway).build());
            try {
                for (int attempt = 0; attempt < 10; attempt++) {
                    try (RawGateway.Link link = gateway.accept()) {
                        for (int look = 0; look < 50; look++) {
                            // Longer than any wait between attempts.
                            assertThat(gateway.hasNext()).isFalse();
                        }
                        if (attempt % 2 == 0) {
                            link.socket().send("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n");
                        } else {
                            link.socket().reset();
                        }
                    }
                }
            } finally {
                agent.close(Duration.ZERO);
            }
        }
    }
}
