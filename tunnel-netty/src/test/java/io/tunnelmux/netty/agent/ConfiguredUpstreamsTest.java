package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfiguredUpstreamsTest {

    private final ConfiguredUpstreams upstreams = new ConfiguredUpstreams(
            Map.of(),
            Map.of("/api", upstream("api"), "/api/v2", upstream("v2"), "/dir/", upstream("dir")),
            upstream("rest"));

    private static Upstream upstream(String host) {
        return new Upstream(host, 80, false);
    }

    @ParameterizedTest
    @CsvSource({
        "/api,api",
        "/api/,api",
        "/api/v1,api",
        "/api/v2,v2",
        "/api/v2/x,v2",
        "/api/v2x,api",
        "/apix,rest",
        "/dir/a,dir",
        "/dir,rest",
        "/,rest",
        "/API,rest",
        "/%61pi,rest",
        "*,rest"
    })
    void longestPrefixOfWholeSegmentsWins(String path, String host) {
        assertThat(upstreams.forPath(path)).isEqualTo(upstream(host));
    }

    @ParameterizedTest
    @CsvSource({"/,root", "*,root", "/x,root", "/api,api"})
    void aRouteOfTheRootTakesEverythingElse(String path, String host) {
        ConfiguredUpstreams withRoot = new ConfiguredUpstreams(
                Map.of(), Map.of("/", upstream("root"), "/api", upstream("api")), upstream("rest"));

        assertThat(withRoot.forPath(path)).isEqualTo(upstream(host));
    }

    @Test
    void nothingIsReachedWithoutADefault() {
        ConfiguredUpstreams routesOnly = new ConfiguredUpstreams(Map.of(), Map.of("/api", upstream("api")), null);

        assertThat(routesOnly.forPath("/other")).isNull();
    }

    @ParameterizedTest
    @CsvSource({
        "http://h,h,80,false",
        "http://h/,h,80,false",
        "HTTPS://h,h,443,true",
        "http://127.0.0.1:3000,127.0.0.1,3000,false",
        "http://[::1]:3000,::1,3000,false"
    })
    void readsUrls(URI uri, String host, int port, boolean isTls) {
        assertThat(Upstream.of(uri)).isEqualTo(new Upstream(host, port, isTls));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "h:80",
                "ftp://h",
                "http://h/path",
                "http://h?q",
                "http://u:secret@h",
                "http:///x",
                "http://h:70000",
                "x"
            })
    void refusesOtherUrlsWithoutShowingCredentials(URI uri) {
        assertThatThrownBy(() -> Upstream.of(uri))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("secret");
    }

    @Test
    void aConfigurationNeedsAGatewayAnIdAndAPlaceToGo() {
        AgentConfig.Builder config = AgentConfig.builder();
        assertThatThrownBy(config::build).hasMessage("no gateway is named");
        config.gateways(List.of(URI.create("ws://g")));
        assertThatThrownBy(config::build).hasMessage("the agent has no id");
        config.agentId("a");
        assertThatThrownBy(config::build).hasMessage("neither an upstream nor a target is named, and no tunnelHandler");
        config.route("/x", upstream("x"));
        assertThat(config.build().agentId()).isEqualTo("a");
        assertThatThrownBy(() -> config.route("/x", upstream("y"))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> config.route("x", upstream("y"))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> config.agentId("a b")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> config.connections(9)).isInstanceOf(IllegalArgumentException.class);
    }
}
