package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.tunnelmux.netty.gateway.AdmissionConfig;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayObserver;
import io.tunnelmux.netty.gateway.RateLimit;
import io.tunnelmux.netty.gateway.Route;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Whoever is turned away is counted, each time; the log has of each cause a line now and then, and no secrets. */
class RefusalsToldTest {

    private static final int TIMES = 100;

    @Test
    void everyRefusalIsCountedAndFewAreLogged() throws Exception {
        Map<String, Integer> counted = new ConcurrentHashMap<>();
        GatewayObserver observer = new GatewayObserver() {
            @Override
            public void onRefused(String cause) {
                counted.merge(cause, 1, Integer::sum);
            }
        };
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(Gateway.class);
        lines.start();
        logger.addAppender(lines);
        try (Chain chain = Chain.start(config -> config.observer(observer)
                .router(AgentRouter.builder().route(Route.of("a", "/", "demo")).build())
                .admission(AdmissionConfig.builder()
                        .clientRate(new RateLimit(1, Duration.ofDays(1), 1))
                        .build()))) {
            for (String request : new String[] {
                "GET /?key=secret HTTP/1.1\r\nHost: a b\r\nAuthorization: secret\r\n\r\n",
                "GET /?key=secret HTTP/1.1\r\nHost: unknown\r\nAuthorization: secret\r\n\r\n",
                "CONNECT a:443 HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n",
                "GET /?key=secret" + "x".repeat(9_000) + " HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /?key=secret HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(40_000) + "\r\n\r\n",
                "GET /?key=secret HTTP/9.9\r\nHost: a\r\n\r\n",
                "GET /?key=secret HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n"
            }) {
                for (int i = 0; i < TIMES; i++) {
                    try (RawSocket client = chain.client()) {
                        client.send(request).message();
                    }
                }
            }
        } finally {
            logger.detachAppender(lines);
        }

        assertThat(counted)
                .containsEntry("bad_request", TIMES)
                .containsEntry("unknown_host", TIMES)
                .containsEntry("method_not_allowed", TIMES)
                .containsEntry("request_uri_too_long", TIMES)
                .containsEntry("request_header_fields_too_large", TIMES)
                .containsEntry("http_version_not_supported", TIMES)
                .containsEntry("rate_limited", TIMES - 1);
        for (String cause : counted.keySet()) {
            long told = lines.list.stream()
                    .filter(line -> line.getFormattedMessage().startsWith("refused cause=" + cause + " "))
                    .count();
            assertThat(told).as(cause).isBetween(1L, TIMES / 2L);
        }
        assertThat(lines.list).noneMatch(line -> line.getFormattedMessage().contains("secret"));
    }
}
