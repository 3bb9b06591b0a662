package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.netty.agent.KubernetesTarget.Power;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.net.URI;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The rules by themselves. */
class KubernetesTargetTest {

    private static final URI API = URI.create("https://kubernetes.example:6443");
    private static final String POD = "/api/v1/namespaces/shop/pods/web";

    private static KubernetesTarget.Builder reading() {
        return KubernetesTarget.builder(API)
                .token(() -> "agents.own.token")
                .allowPaths(KubernetesTarget.READABLE_PATHS);
    }

    private static KubernetesTarget with(Power... powers) {
        KubernetesTarget.Builder builder = reading();
        for (Power power : powers) {
            builder.allow(power);
        }
        return builder.build();
    }

    private static Message.HttpHead head(String method, String target, String... headers) {
        int question = target.indexOf('?');
        return new Message.HttpHead(
                method,
                question < 0 ? target : target.substring(0, question),
                question < 0 ? null : target.substring(question + 1),
                "http",
                "gateway.example",
                AgentHarness.headers(headers));
    }

    private static void assertRefused(
            KubernetesTarget target, String method, String path, @Nullable String upgrade, String why) {
        assertThatThrownBy(() -> target.apply(head(method, path), upgrade))
                .isInstanceOfSatisfying(RequestRefusedException.class, e -> {
                    assertThat(e.status()).isEqualTo(403);
                    assertThat(e.code()).isEqualTo(ErrorCode.FORBIDDEN);
                    assertThat(e).hasMessageContaining(why);
                });
    }

    private static void assertPasses(KubernetesTarget target, String method, String path, @Nullable String upgrade)
            throws Exception {
        Message.HttpHead head = head(method, path);
        Message.HttpHead passed = target.apply(head, upgrade);

        assertThat(passed.method()).isEqualTo(method);
        assertThat(passed.path()).isEqualTo(head.path());
        assertThat(passed.query()).isEqualTo(head.query());
    }

    @Test
    void nothingIsAllowedThatWasNotTurnedOn() {
        KubernetesTarget target = KubernetesTarget.builder(API).token(() -> "t").build();

        for (String path : List.of("/", "/api", "/version", "/healthz", POD)) {
            assertRefused(target, "GET", path, null, "this path is not allowed here");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /api",
        "GET, /apis/apps/v1/deployments?limit=500",
        "GET, /version",
        "HEAD, /healthz",
        "OPTIONS, /api/v1/pods",
        "GET, /api/v1/namespaces/shop/pods?watch=true&resourceVersion=7",
        "GET, /api/v1/namespaces/shop/pods/web/log?follow=true&container=a",
        "GET, /api/v1/namespaces/shop/pods?labelSelector=app%3Dweb%2Ftwo&x=..%2f",
        "GET, /openapi/v3/apis/apps/v1"
    })
    void readsPassUntouched(String method, String path) throws Exception {
        assertPasses(with(), method, path, null);
    }

    @ParameterizedTest
    @ValueSource(strings = {"POST", "PUT", "PATCH", "DELETE"})
    void writesNeedTheirPower(String method) throws Exception {
        assertRefused(with(), method, POD, null, "write is not allowed here");
        assertPasses(with(Power.WRITE), method, POD, null);
    }

    @ParameterizedTest
    @ValueSource(strings = {"TRACE", "CONNECT", "get", "PROPFIND", "post"})
    void otherMethodsNeverPass(String method) {
        assertRefused(with(Power.values()), method, POD, null, "this method is not allowed here");
    }

    @ParameterizedTest
    @EnumSource(names = {"EXEC", "ATTACH", "PORT_FORWARD"})
    void streamsNeedTheirPowerAndNoOther(Power power) throws Exception {
        String name = power.name().toLowerCase(java.util.Locale.ROOT).replace("_", "");
        String path = POD + "/" + name + "?command=rm&command=-rf&container=../..";
        Power[] others =
                List.of(Power.values()).stream().filter(other -> other != power).toArray(Power[]::new);
        for (String method : List.of("GET", "POST")) {
            for (String upgrade : new String[] {null, "websocket", "SPDY/3.1"}) {
                assertRefused(with(others), method, path, upgrade, name + " is not allowed here");
                assertPasses(with(power), method, path, upgrade);
            }
        }
        assertRefused(with(power), "DELETE", path, null, "write is not allowed here");
        assertRefused(with(power), "GET", path, "h2c", "no connection may change");
    }

    @Test
    void proxiesNeedTheirPowerAndNodesCommandsToo() throws Exception {
        String service = "/api/v1/namespaces/shop/services/web:80/proxy/a/b";
        String node = "/api/v1/nodes/one/proxy/exec/shop/web/web";
        Power[] others = {Power.EXEC, Power.ATTACH, Power.PORT_FORWARD, Power.WRITE};

        assertRefused(with(others), "GET", service, null, "proxy is not allowed here");
        assertRefused(with(others), "GET", "/api/v1/proxy/nodes/one/x", null, "proxy is not allowed here");
        assertPasses(with(Power.PROXY), "GET", service, null);
        assertPasses(with(Power.PROXY), "GET", service, "websocket");
        assertRefused(with(Power.PROXY), "POST", service, null, "write is not allowed here");
        assertRefused(with(Power.PROXY), "GET", node, "websocket", "exec is not allowed here");
        assertRefused(with(Power.PROXY), "GET", "/api/v1/proxy/nodes/one/x", null, "exec is not allowed here");
        assertPasses(with(Power.PROXY, Power.EXEC), "GET", node, null);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api/v1/namespaces/shop/pods?watch=true",
                "/api/v1/namespaces/shop/pods?a=b&watch=1",
                "/api/v1/watch/namespaces/shop/pods",
                "/apis/apps/v1/deployments?watch=true",
                "/api/v1/namespaces/shop/pods/web/log?follow=true"
            })
    void watchesAndLogsMayBeWebSockets(String path) throws Exception {
        assertPasses(with(), "GET", path, "websocket");
        assertRefused(with(), "GET", path, "SPDY/3.1", "no connection may change");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api",
                "/version?watch=true",
                "/api/v1/namespaces/shop/pods",
                "/api/v1/namespaces/shop/pods?watch=false",
                "/api/v1/namespaces/shop/pods?xwatch=true",
                "/apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachineinstances/vm/console?watch=true",
                "/apis/x.io/v1/namespaces/shop/pods/web/log"
            })
    void nothingElseChangesItsProtocol(String path) {
        assertRefused(with(Power.values()), "GET", path, "websocket", "no connection may change");
        assertRefused(with(Power.values()), "GET", path, "", "no connection may change");
    }

    @Test
    void prefixesNarrowWhatPowersOpen() throws Exception {
        KubernetesTarget target = KubernetesTarget.builder(API)
                .token(() -> "t")
                .allowPaths(List.of("/api/v1/namespaces/shop/"))
                .allow(Power.EXEC)
                .build();

        assertPasses(target, "GET", POD + "/exec", "websocket");
        assertRefused(target, "GET", "/api/v1/namespaces/other/pods/web/exec", "websocket", "this path is not allowed");
        assertRefused(target, "GET", "/api/v1/namespaces/shop/../other/pods", null, "two dots");
        assertRefused(target, "GET", "/api/v1/namespaces/shop/%2e%2e/other/pods", null, "escape");
    }

    @Test
    void theAgentSpeaksInItsOwnName() throws Exception {
        Headers passed = with().apply(
                        head(
                                "GET",
                                POD,
                                "Authorization",
                                "Bearer somebody.elses",
                                "authorization",
                                "Basic eDp5",
                                "Impersonate-User",
                                "admin",
                                "IMPERSONATE-GROUP",
                                "system:masters",
                                "Impersonate-Uid",
                                "0",
                                "Impersonate-Extra-Scopes",
                                "all",
                                "Impersonate_User",
                                "admin",
                                "X-Remote-User",
                                "admin",
                                "X-Remote-Group",
                                "system:masters",
                                "x-remote-extra-foo",
                                "bar",
                                "X-Remote-Uid",
                                "0",
                                "Cookie",
                                "session=1",
                                "X-Forwarded-Client-Cert",
                                "Hash=1",
                                "X-SSL-Client-Cert",
                                "pem",
                                "Ssl-Client-Cert",
                                "pem",
                                "Client-Cert",
                                ":pem:",
                                "X-HTTP-Method-Override",
                                "DELETE",
                                "X-Original-URL",
                                "/api/v1/secrets",
                                "Host",
                                "other.example",
                                "X-Trace",
                                "named by Connection",
                                "Connection",
                                "keep-alive, X-Trace",
                                "Accept",
                                "application/json",
                                "User-Agent",
                                "kubectl"),
                        null)
                .headers();

        assertThat(passed)
                .isEqualTo(AgentHarness.headers(
                        "Connection",
                        "keep-alive, X-Trace",
                        "Accept",
                        "application/json",
                        "User-Agent",
                        "kubectl",
                        "Authorization",
                        "Bearer agents.own.token"));
    }

    @Test
    void theHostIsThatOfTheApiServer() throws Exception {
        Message.HttpHead passed = with().apply(head("GET", "/api", "Host", "internal.example"), null);

        assertThat(passed.authority()).isEqualTo("kubernetes.example:6443");
        assertThat(passed.scheme()).isEqualTo("https");
        assertThat(passed.headers().contains("host")).isFalse();
    }

    @Test
    void tokensInSubprotocolsAreLeftOut() throws Exception {
        String bearer = "base64url.bearer.authorization.k8s.io.";
        Message.HttpHead exec = head(
                "GET",
                POD + "/exec",
                "Sec-WebSocket-Protocol",
                bearer + "dG9rZW4, v5.channel.k8s.io",
                "Sec-WebSocket-Protocol",
                "v4.channel.k8s.io,BASE64URL.bearer.authorization.k8s.io.eA",
                "Sec-WebSocket-Protocol",
                bearer + "b25seQ",
                "Sec-WebSocket-Protocol",
                "\u00c2\u00a0" + bearer + "eA, \u00e3\u0080\u0080" + bearer + "eA");

        assertThat(with(Power.EXEC).apply(exec, "websocket").headers().all("sec-websocket-protocol"))
                .containsExactly("v5.channel.k8s.io", "v4.channel.k8s.io");
    }

    @Test
    void withoutATokenNothingIsAsked() {
        KubernetesTarget target = KubernetesTarget.builder(API)
                .allowPaths(List.of("/"))
                .token(() -> null)
                .build();

        assertThatThrownBy(() -> target.apply(head("GET", "/api"), null))
                .isInstanceOfSatisfying(RequestRefusedException.class, e -> {
                    assertThat(e.status()).isEqualTo(502);
                    assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL_ERROR);
                });
    }

    @Test
    void moreFieldsThanMayBeCarriedAreRefused() {
        String[] many = Collections.nCopies(2 * Headers.MAX_VALUES, "x").toArray(String[]::new);

        assertThatThrownBy(() -> with().apply(head("GET", "/api", many), null))
                .isInstanceOfSatisfying(
                        RequestRefusedException.class,
                        e -> assertThat(e.status()).isEqualTo(431));
    }

    @Test
    void wrongSettingsAreSaid() {
        UnaryOperator<KubernetesTarget.Builder> withToken = builder -> builder.token(() -> "t");

        assertThatThrownBy(() -> KubernetesTarget.builder(URI.create("ftp://x")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> KubernetesTarget.builder(URI.create("https://x/api")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> reading().allowPaths(List.of("api")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'api'");
        assertThatThrownBy(() -> withToken
                        .apply(KubernetesTarget.builder(URI.create("http://127.0.0.1:8001")))
                        .build())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("in the clear");
    }
}
