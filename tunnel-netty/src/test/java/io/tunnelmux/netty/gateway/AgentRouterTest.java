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
    void routesAreChecked() {
        assertThatThrownBy(() -> Route.of("a", "x", "agent")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.of("a", "/", "")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.to("agent").withTimeout(Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(Route.to("agent").withUpgrade("SPDY/3.1").upgrades()).containsExactly("spdy/3.1");
    }
}
