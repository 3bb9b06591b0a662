package io.tunnelmux.examples.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class KubernetesOptionsTest {

    private static final Map<String, String> IN_CLUSTER =
            Map.of("KUBERNETES_SERVICE_HOST", "10.96.0.1", "KUBERNETES_SERVICE_PORT", "6443");

    @TempDir
    private Path serviceAccount;

    @BeforeEach
    void mount() throws Exception {
        Files.writeString(serviceAccount.resolve("token"), "service.account.token\n");
        try (var certificate = KubernetesOptionsTest.class.getResourceAsStream("ca.crt")) {
            Files.write(
                    serviceAccount.resolve("ca.crt"),
                    Objects.requireNonNull(certificate).readAllBytes());
        }
    }

    private @Nullable Upstream read(Map<String, String> environment, String line) {
        KubernetesOptions options = new KubernetesOptions(environment, serviceAccount);
        new CommandLine(new Holder(options)).parseArgs(line.isEmpty() ? new String[0] : line.split(" "));
        return options.toUpstream();
    }

    private static String authorization(Upstream upstream, String method, String path) throws Exception {
        Message.HttpHead head = new Message.HttpHead(method, path, null, "http", "gateway", Headers.EMPTY);
        return String.valueOf(Objects.requireNonNull(upstream.filter())
                .apply(head, null)
                .headers()
                .first("authorization"));
    }

    @Test
    void nothingSaidIsNoUpstream() {
        assertThat(read(IN_CLUSTER, "")).isNull();
    }

    @Test
    void withinAClusterItsServiceAccountIsTheDefault() throws Exception {
        Upstream upstream = Objects.requireNonNull(read(IN_CLUSTER, "--kubernetes --kubernetes-allow read"));

        assertThat(upstream).hasToString("https://10.96.0.1:6443");
        assertThat(upstream.tls()).isNotNull();
        assertThat(authorization(upstream, "GET", "/api/v1/pods")).isEqualTo("Bearer service.account.token");
    }

    @Test
    void anotherApiGetsTheTokenThatWasNamedForIt() throws Exception {
        Path token = Files.writeString(serviceAccount.resolve("other"), "other.token");
        Upstream upstream = Objects.requireNonNull(read(
                Map.of(),
                "--kubernetes-api https://[::1]:6443 --kubernetes-allow /api write --kubernetes-token-file " + token));

        assertThat(upstream).hasToString("https://[::1]:6443");
        assertThat(authorization(upstream, "DELETE", "/api/v1/pods/x")).isEqualTo("Bearer other.token");
        assertThatThrownBy(() -> authorization(upstream, "GET", "/apis")).hasMessageContaining("not allowed");
    }

    @Test
    void withoutTlsThereIsNoToken() throws Exception {
        Upstream upstream = Objects.requireNonNull(
                read(IN_CLUSTER, "--kubernetes-api http://127.0.0.1:8001 --kubernetes-allow read"));

        assertThat(authorization(upstream, "GET", "/version")).isEqualTo("null");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--kubernetes --kubernetes-allow read|--kubernetes: this runs in no cluster",
                "--kubernetes-allow read|--kubernetes-allow has no use without --kubernetes",
                "--kubernetes-api https://h|--kubernetes-allow is needed",
                "--kubernetes-api https://h --kubernetes-allow exec|--kubernetes-allow is needed, with read or with path",
                "--kubernetes-api https://h --kubernetes-allow all|--kubernetes-allow: 'all' is none of read, write",
                "--kubernetes-api https://h --kubernetes-allow /a/../b|--kubernetes-allow: '/a/../b': the path has",
                "--kubernetes-api https://h --kubernetes-allow read|--kubernetes-token-file is needed",
                "--kubernetes-api https://h --kubernetes-allow read --kubernetes-token-file missing|--kubernetes-token-file: cannot read missing",
                "--kubernetes-api https://h --kubernetes-allow read --kubernetes-token-file TOKEN --kubernetes-ca missing|--kubernetes-ca: cannot read missing: there is no such file",
                "--kubernetes-api https://h/api --kubernetes-allow read|--kubernetes-api: an upstream is a scheme",
                "--kubernetes-api ftp://h --kubernetes-allow read|--kubernetes-api: not an http",
                "--kubernetes-api : --kubernetes-allow read|--kubernetes-api: "
            })
    void misuseIsSaidInOneLine(String line, String message) {
        String token = serviceAccount.resolve("token").toString();

        assertThatThrownBy(() -> read(Map.of(), line.replace("TOKEN", token)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(message);
    }

    @Test
    void aTokenDoesNotGoOutInTheClear() {
        String line = "--kubernetes-api http://127.0.0.1:8001 --kubernetes-allow read --kubernetes-token-file "
                + serviceAccount.resolve("token");

        assertThatThrownBy(() -> read(Map.of(), line))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("--kubernetes-api: the token must not be sent in the clear");
    }

    @Command
    private static final class Holder {
        @CommandLine.Mixin
        private final KubernetesOptions options;

        Holder(KubernetesOptions options) {
            this.options = options;
        }
    }
}
