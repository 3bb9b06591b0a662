package io.tunnelmux.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PathPatternsTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '>',
            value = {
                "/ > /",
                "// > /",
                "* > *",
                "/index.html > /index.html",
                "/users/4711/orders > /users/{id}/orders",
                "/users//4711/ > /users/{id}",
                "/v1/items > /v1/items",
                "/o/6f9619ff-8b86-d011-b42d-00cf4fc964ff > /o/{id}",
                "/c/deadbeef01 > /c/{id}",
                "/c/deadbeef > /c/deadbeef",
                "/c/facade > /c/facade",
                "/t/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9xyz > /t/{id}",
                "/orders/order-20240 > /orders/{id}",
                "/mail/a@example.com > /mail/{id}",
                "/x/%2e%2e > /x/{id}",
                "/x/\u00e4 > /x/{id}",
                "/a/b/c/d/e/f/g/h/i/j/k > /a/b/c/d/e/f/g/h/{path}",
                "/api > /api",
                "/api/ > /api",
                "/api/v1 > /api/v1",
                "/api/users/17 > /api/users/{id}",
                "/api/v1/namespaces/shop/pods/cart/log > /api/v1/namespaces/{namespace}/pods/{name}/log",
                "/api/v1/namespaces/shop/pods/cart > /api/v1/namespaces/{namespace}/pods/{name}",
                "/api/v1/namespaces/shop/pods > /api/v1/namespaces/{namespace}/pods",
                "/api/v1/namespaces/shop > /api/v1/namespaces/{namespace}",
                "/api/v1/namespaces > /api/v1/namespaces",
                "/api/v1/pods > /api/v1/pods",
                "/api/v1/nodes/worker > /api/v1/nodes/{name}",
                "/api/v1/nodes/worker/proxy/metrics/cadvisor > /api/v1/nodes/{name}/proxy/{path}",
                "/api/v1/watch/namespaces/shop/pods > /api/v1/watch/namespaces/{namespace}/pods",
                "/apis/apps/v1/namespaces/shop/deployments/cart/scale > /apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale",
                "/apis/batch/v1beta1/jobs > /apis/batch/v1beta1/jobs",
                "/apis > /apis"
            })
    void namesAreTakenOutAndWordsAreKept(String path, String pattern) {
        assertThat(PathPatterns.pattern(path)).isEqualTo(pattern);
    }

    @Test
    void tellsSoManyApartAndNoMore() {
        PathPatterns patterns = new PathPatterns(200);
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 10_000; i++) {
            seen.add(patterns.of(
                    "/" + (char) ('a' + i % 26) + (char) ('a' + i / 26 % 26) + (char) ('a' + i / 676), 200));
        }

        assertThat(seen).hasSize(201).contains("other");
        assertThat(patterns.of("/aaa", 200)).isEqualTo("/aaa");
        assertThat(patterns.of("/something/else", 200)).isEqualTo("other");
    }

    @Test
    void whatWasNotFoundMakesNoPattern() {
        PathPatterns patterns = new PathPatterns(2);

        assertThat(patterns.of("/wp-admin", 404)).isEqualTo("other");
        assertThat(patterns.of("/a", 200)).isEqualTo("/a");
        assertThat(patterns.of("/b", 101)).isEqualTo("/b");
        assertThat(patterns.of("/a", 404)).isEqualTo("/a");
        assertThat(patterns.of("/c", 200)).isEqualTo("other");
    }
}
