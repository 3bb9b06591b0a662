package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.netty.gateway.RateLimit;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.gateway.WebSocketMode;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RoutesTest {

    @Test
    void routesHaveOptions() {
        Route route = Routes.parse(
                "App.example:8443/api=demo;mode=zero-copy;target=kubernetes;timeout=30s;upgrade=SPDY/3.1;upgrade=raw;origin=b.example");

        assertThat(route.host()).isEqualTo("app.example:8443");
        assertThat(route.pathPrefix()).isEqualTo("/api");
        assertThat(route.agentId()).isEqualTo("demo");
        assertThat(route.target()).isEqualTo("kubernetes");
        assertThat(route.timeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(route.upgrades()).containsExactlyInAnyOrder("spdy/3.1", "raw");
        assertThat(route.origins()).containsExactly("b.example");
        assertThat(route.webSocketMode()).isEqualTo(WebSocketMode.ZERO_COPY);
        assertThat(Routes.parse("a=demo;mode=aware").webSocketMode()).isEqualTo(WebSocketMode.AWARE);
        assertThat(Routes.parse("a=demo;mode=channel").webSocketMode()).isEqualTo(WebSocketMode.CHANNEL);
        assertThat(Routes.parse("a=demo").webSocketMode()).isNull();
        assertThat(Routes.parse("*/x=demo").host()).isEmpty();
        assertThat(Routes.parse("a=demo").pathPrefix()).isEqualTo("/");
    }

    @Test
    void routesHaveLimitsAndServices() {
        Route route = Routes.parse("*.shop.example=demo;service=web.shop:8080;rate=100/s:200;max-concurrent=10");

        assertThat(route)
                .isEqualTo(Route.of("*.shop.example", "/", "demo")
                        .withService("web", "shop", 8080)
                        .withRate(RateLimit.perSecond(100).withBurst(200))
                        .withMaxConcurrent(10));
        assertThat(Routes.parse("a=demo;mode=channel;service=web.shop:80;target=exec")
                        .webSocketMode())
                .isEqualTo(WebSocketMode.CHANNEL);
        assertThat(Routes.parse("a=demo;rate=600/m").rate()).isEqualTo(new RateLimit(600, Duration.ofMinutes(1), 600));
        assertThat(Routes.parse("a=demo;rate=5/h:1").rate()).isEqualTo(new RateLimit(5, Duration.ofHours(1), 1));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "a",
                "=demo",
                "a=",
                "a=;timeout=1s",
                "a=demo;",
                "a=demo;timeout",
                "a=demo;timeout=",
                "a=demo;target=",
                "a=demo;what=1",
                "a.*=demo",
                "a=demo;service=web",
                "a=demo;service=web.shop",
                "a=demo;service=web.shop:0",
                "a=demo;service=web.shop:65536",
                "a=demo;service=web.shop.svc:80",
                "a=demo;rate=fast",
                "a=demo;rate=0/s",
                "a=demo;rate=1/d",
                "a=demo;rate=1/s:0",
                "a=demo;rate=9999999/s",
                "a=demo;max-concurrent=0",
                "a=demo;max-concurrent=many",
                "a=demo;mode=x",
                "a=demo;mode=channel;service=web.shop:80",
                "a=demo;service=web.shop:80;mode=channel"
            })
    void otherRoutesAreRefused(String text) {
        assertThatThrownBy(() -> Routes.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }
}
