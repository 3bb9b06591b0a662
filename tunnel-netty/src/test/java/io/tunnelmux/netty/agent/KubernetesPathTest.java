package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KubernetesPathTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "*",
                "api/v1",
                "http://api/v1",
                "//api",
                "/api//v1",
                "/api/v1//",
                "/api/./v1",
                "/api/../v1",
                "/api/v1/..",
                "/api/v1/.",
                "/api/v1/%2e%2e/x",
                "/api/v1/%2E/x",
                "/api/v1/.%2e/x",
                "/api/v1%2fnodes",
                "/api/v1%2Fnodes",
                "/api/v1\\nodes",
                "/api/v1%5cnodes",
                "/api/v1%5Cnodes",
                "/api/v1/pods/x%00",
                "/api/v1/pods/x%0d%0aHost:%20y",
                "/api/v1/pods/x%7f",
                "/api/%252e%252e/x",
                "/api/%25%32%65/x",
                "/api/v1/pods/x%",
                "/api/v1/pods/x%2",
                "/api/v1/pods/x%zz",
                "/api/v1/pods/x%u002f",
                "/api/v1/pods/x%\u0662\u0665",
                "/api/v1/pods/..;/x",
                "/api/v1/pods/x;a=b",
                "/api/v1/pods/x%3ba=b",
                "/api/v1/pods/x%c0%af..",
                "/api/v1/pods/x%C1%9C",
                "/api/v1/pods/x%3fexec",
                "/api/v1/pods/x%23",
                "/api/v1/pods/x#",
                "/api/v1/pods/x y",
                "/api/v1/pods/\u00e9",
                "/api/v1/pods/<x>"
            })
    void refusesWhatOthersMayReadOtherwise(String path) {
        assertThatThrownBy(() -> KubernetesPath.of(path))
                .isInstanceOfSatisfying(
                        RequestRefusedException.class,
                        e -> assertThat(e.status()).isEqualTo(403));
    }

    @Test
    void refusesEachEscapeOfAControlCharacter() {
        for (int c = 0; c < 0x20; c++) {
            String path = String.format("/api/v1/pods/x%%%02x", c);
            assertThatThrownBy(() -> KubernetesPath.of(path)).isInstanceOf(RequestRefusedException.class);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "/, /",
        "/api, /api",
        "/api/, /api",
        "/api/v1/namespaces/shop/pods, /api/v1/namespaces/shop/pods",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node, /apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode, /apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
        "/api/v1/pods/%65xec, /api/v1/pods/exec",
        "/api/v1/x/a...b, /api/v1/x/a...b"
    })
    void readsEscapesOnce(String path, String decoded) throws Exception {
        assertThat(KubernetesPath.of(path)).hasToString(decoded);
    }

    @ParameterizedTest
    @CsvSource({
        "/api/v1/namespaces/shop/pods/web/exec, exec",
        "/api/v1/namespaces/shop/pods/web/exec/, exec",
        "/api/v1/namespaces/shop/pods/web/%65%78%65%63, exec",
        "/api/v1/namespaces/shop/pods/web/attach, attach",
        "/api/v1/namespaces/shop/pods/web/portforward, portforward",
        "/api/v1/namespaces/shop/services/http:web:80/proxy/a/b, proxy",
        "/api/v1/namespaces/proxy/pods/exec/log, log",
        "/api/v1/namespaces/shop/pods/exec,",
        "/api/v1/namespaces/exec/status, status",
        "/api/v1/namespaces/status/pods/exec/exec, exec",
        "/api/v1/nodes/one/proxy/run/shop/web/web, proxy",
        "/api/v1/proxy/namespaces/shop/services/web/x, proxy",
        "/api/v1/watch/namespaces/shop/pods/web/exec, exec",
        "/api/v1/watch/namespaces/shop/pods,",
        "/apis/apps/v1/namespaces/shop/deployments/web/scale, scale",
        "/apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachineinstances/vm/console, console",
        "/api/exec,",
        "/healthz/exec/exec/exec,",
        "/,"
    })
    void knowsTheSubresource(String path, String subresource) throws Exception {
        assertThat(KubernetesPath.of(path).subresource()).isEqualTo(subresource);
    }

    @ParameterizedTest
    @CsvSource({
        "/api, /api, true",
        "/api/v1, /api, true",
        "/apis, /api, false",
        "/apis/apps, /api, false",
        "/%61pi/v1, /api, true",
        "/API/v1, /api, false",
        "/anything, /, true",
        "/api/v1/namespaces/shop2/pods, /api/v1/namespaces/shop, false"
    })
    void matchesWholeSegmentsOfPrefixes(String path, String prefix, boolean isUnder) throws Exception {
        assertThat(KubernetesPath.of(path).isUnder(prefix)).isEqualTo(isUnder);
    }
}
