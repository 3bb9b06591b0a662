package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.netty.gateway.Route;
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
        assertThat(Routes.parse("*/x=demo").host()).isEmpty();
        assertThat(Routes.parse("a=demo").pathPrefix()).isEqualTo("/");
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
                "a=demo;mode=aware",
                "a=demo;mode=x"
            })
    void otherRoutesAreRefused(String text) {
        assertThatThrownBy(() -> Routes.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }
}
