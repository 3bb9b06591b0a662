package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AgentRouterTest {

    private final AgentRouter router = AgentRouter.builder()
            .route(Route.of("a.example", "/", "a"))
            .route(Route.of("a.example", "/api", "a-api"))
            .route(Route.of("a.example", "/api/v2/", "a-v2"))
            .route(Route.of("a.example:8443", "/", "a-tls"))
            .route(Route.of("B.example", "/only", "b"))
            .route(Route.of("[::1]", "/", "six"))
            .route(Route.of("*.wide.example", "/", "wide"))
            .route(Route.of("*.wide.example", "/deep", "wide-deep"))
            .route(Route.of("*.wide.example:8443", "/", "wide-tls"))
            .route(Route.of("*.in.Wide.example", "/", "in-wide"))
            .route(Route.of("one.wide.example", "/own", "one"))
            .route(Route.of("", "/shared", "shared"))
            .defaultAgent("rest")
            .build();

    @ParameterizedTest
    @CsvSource({
        "a.example, /, a",
        "A.EXAMPLE, /x, a",
        "a.example., /x, a",
        "a.example:80, /x, a",
        "a.example:8443, /x, a-tls",
        "a.example, /api, a-api",
        "a.example, /api/x, a-api",
        "a.example, /apix, a",
        "a.example, /api/v2, a-api",
        "a.example, /api/v2/x, a-v2",
        "a.example, /api/%2e%2e/x, a-api",
        "a.example, /shared, a",
        "b.example, /only/x, b",
        "b.example, /other, rest",
        "b.example, /shared/x, shared",
        "[::1], /, six",
        "[::1]:8080, /, six",
        "x.wide.example, /, wide",
        "X.Wide.Example., /, wide",
        "x.y.wide.example, /, wide",
        "x.wide.example:80, /, wide",
        "x.wide.example:8443, /, wide-tls",
        "x.wide.example, /deep/y, wide-deep",
        "x.wide.example, /shared, wide",
        "x.in.wide.example, /, in-wide",
        "x.in.wide.example:8443, /, in-wide",
        "in.wide.example, /, wide",
        "one.wide.example, /own, one",
        "one.wide.example, /, wide",
        "wide.example, /, rest",
        "xwide.example, /, rest",
        ".wide.example, /, wide",
        "x.wide.example.evil, /, rest",
        "c.example, /, rest",
        "'', /, rest",
        "a.example, *, a",
        "b.example, *, rest"
    })
    void theMostParticularRouteWins(String authority, String path, String agent) {
        Route route = router.route(authority, path);

        assertThat(route).isNotNull();
        assertThat(route.agentId()).isEqualTo(agent);
    }

    @Test
    void withoutADefaultThereMayBeNoRoute() {
        AgentRouter narrow =
                AgentRouter.builder().route(Route.of("a", "/x", "a")).build();

        assertThat(narrow.route("a", "/y")).isNull();
        assertThat(narrow.route("b", "/x")).isNull();
    }

    @Test
    void twoRoutesForOnePlaceAreAMistake() {
        AgentRouter.Builder builder = AgentRouter.builder().route(Route.of("a", "/x", "one"));

        assertThatThrownBy(() -> builder.route(Route.of("A", "/x", "two")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void longNamesCostNoMoreThanNamesMay() {
        assertThat(router.route("a.".repeat(125) + "wide.example", "/").agentId())
                .isEqualTo("rest");
        assertThat(router.route("a.".repeat(120) + "wide.example", "/").agentId())
                .isEqualTo("wide");
    }

    @Test
    void equalRoutesAreTheSame() {
        Route route = Route.of("a", "/x", "agent")
                .withTimeout(Duration.ofSeconds(1))
                .withRate(RateLimit.perSecond(2))
                .withMaxConcurrent(3)
                .withTarget("t")
                .withService("s", "n", 4)
                .withUpgrade("u")
                .withOrigin("o");
        Route same = Route.of("A", "/x", "agent")
                .withOrigin("O")
                .withUpgrade("U")
                .withService("s", "n", 4)
                .withTarget("t")
                .withMaxConcurrent(3)
                .withRate(RateLimit.perSecond(2))
                .withTimeout(Duration.ofSeconds(1));

        assertThat(same).isEqualTo(route).hasSameHashCodeAs(route);
        assertThat(java.util.List.of(
                        route.withTimeout(Duration.ofSeconds(2)),
                        route.withRate(RateLimit.perSecond(3)),
                        route.withMaxConcurrent(4),
                        route.withTarget("other"),
                        route.withService("s", "n", 5),
                        route.withUpgrade("v"),
                        route.withOrigin("p"),
                        Route.of("a", "/y", "agent"),
                        Route.of("b", "/x", "agent"),
                        Route.of("a", "/x", "other")))
                .doesNotContain(route);
    }

    @Test
    void routesAreChecked() {
        for (String host : new String[] {"*", "*.", "a.*", "*a.example", "*.*.example", "a*"}) {
            assertThatThrownBy(() -> Route.of(host, "/", "agent"))
                    .as(host)
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> Route.to("agent").withMaxConcurrent(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.to("agent").withTarget("")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.to("agent").withService("", "n", 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.to("agent").withService("s", "n", 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.to("agent").withService("s", "n", 65_536))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.of("a", "x", "agent")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.of("a", "/", "")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.to("agent").withTimeout(Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(Route.to("agent").withUpgrade("SPDY/3.1").upgrades()).containsExactly("spdy/3.1");
    }
}
