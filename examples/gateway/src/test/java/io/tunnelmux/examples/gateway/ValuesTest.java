package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.netty.gateway.Route;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ValuesTest {

    @ParameterizedTest
    @CsvSource({"500ms, PT0.5S", "10s, PT10S", "2m, PT2M", "1h, PT1H"})
    void durationsHaveAUnit(String text, Duration duration) {
        assertThat(Values.duration(text)).isEqualTo(duration);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10", "s", "10 s", "-1s", "0s", "1.5s", "1d", "10000000000s"})
    void otherDurationsAreRefused(String text) {
        assertThatThrownBy(() -> Values.duration(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:8080", "0.0.0.0:0", "[0:0:0:0:0:0:0:1]:65535"})
    void addressesAreReadAndWritten(String text) {
        assertThat(Values.text(Values.address(text))).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "8080",
                ":8080",
                "127.0.0.1",
                "127.0.0.1:",
                "127.0.0.1:65536",
                "::1:80",
                "no.such.host.invalid:1"
            })
    void otherAddressesAreRefused(String text) {
        assertThatThrownBy(() -> Values.address(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void routesHaveOptions() {
        Route route = Values.route(
                "App.example:8443/api=demo;mode=zero-copy;timeout=30s;upgrade=SPDY/3.1;upgrade=raw;origin=b.example");

        assertThat(route.host()).isEqualTo("app.example:8443");
        assertThat(route.pathPrefix()).isEqualTo("/api");
        assertThat(route.agentId()).isEqualTo("demo");
        assertThat(route.timeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(route.upgrades()).containsExactlyInAnyOrder("spdy/3.1", "raw");
        assertThat(route.origins()).containsExactly("b.example");
        assertThat(Values.route("*/x=demo").host()).isEmpty();
        assertThat(Values.route("a=demo").pathPrefix()).isEqualTo("/");
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
                "a=demo;what=1",
                "a=demo;mode=aware",
                "a=demo;mode=x"
            })
    void otherRoutesAreRefused(String text) {
        assertThatThrownBy(() -> Values.route(text)).isInstanceOf(IllegalArgumentException.class);
    }
}
