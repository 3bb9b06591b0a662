package io.tunnelmux.examples.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.ServicePortBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.tunnelmux.examples.common.KubernetesOptions;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServiceResolverTest {

    private static final Upstream OTHER = new Upstream("other.example", 80, false);

    @TempDir
    private static Path directory;

    private static Cluster cluster;
    private static KubernetesClient client;
    private static ServiceDirectory services;

    @BeforeAll
    static void start() throws Exception {
        cluster = new Cluster(directory);
        cluster.addService("shop", "web", "10.96.0.10", Cluster.port("http", 80), Cluster.port("metrics", 9090));
        cluster.addService("shop", "single", "10.96.0.11", Cluster.port("anything", 8080));
        cluster.addService("shop", "six", "fd00::10", Cluster.port("http", 80));
        cluster.addService("shop", "secure", "10.96.0.12", Cluster.port("https", 443));
        cluster.addService("shop", "nameless", "10.96.0.16", Cluster.port(null, 8081));
        cluster.addService("shop", "headless", "None", Cluster.port("http", 80));
        cluster.addService("shop", "metadata", "169.254.169.254", Cluster.port("http", 80));
        cluster.addService("shop", "local", "127.0.0.1", Cluster.port("http", 80));
        cluster.addService("other", "web", "10.96.0.20", Cluster.port("http", 80));
        client = KubernetesAgentMain.client(cluster.account());
        services = ServiceDirectory.start(client, Set.of("shop"), Duration.ofSeconds(30));
    }

    @AfterAll
    static void stop() {
        services.close();
        client.close();
        cluster.close();
    }

    private @Nullable String resolve(Message.Destination destination) {
        Message.HttpHead head = new Message.HttpHead("GET", "/", null, "http", "gateway", Headers.EMPTY);
        Upstream found = new ServiceResolver(services, request -> OTHER)
                .resolve(new Message.ProxyRequest("r", head, Message.Upgrade.NONE, destination, 0, null, null));
        return found == null ? null : found.toString();
    }

    private @Nullable String resolve(String target) {
        return resolve(new Message.Destination(target, null, null, 0));
    }

    private static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("no " + what);
            }
            Thread.onSpinWait();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "web.shop, http://10.96.0.10",
        "web.shop.svc, http://10.96.0.10",
        "web.shop:80, http://10.96.0.10",
        "web.shop:metrics, http://10.96.0.10:9090",
        "web.shop.svc:9090, http://10.96.0.10:9090",
        "single.shop, http://10.96.0.11:8080",
        "six.shop, http://[fd00::10]",
        "secure.shop, https://secure.shop.svc",
        "nameless.shop, http://10.96.0.16:8081",
        "kubernetes, http://other.example",
        "web.other, http://other.example"
    })
    void targetsNameServices(String target, String upstream) {
        assertThat(resolve(target)).isEqualTo(upstream);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "none.shop",
                "web.shop:8080",
                "web.shop:grpc",
                "headless.shop",
                "metadata.shop",
                "local.shop",
                "web.shop:081"
            })
    void whatIsNoPortOfAServiceIsNowhere(String target) {
        assertThat(resolve(target)).isNull();
    }

    @Test
    void requestsNameServicesByTheirParts() {
        assertThat(resolve(new Message.Destination(null, "web", "shop", 9090))).isEqualTo("http://10.96.0.10:9090");
        assertThat(resolve(new Message.Destination(null, "web", null, 0))).isEqualTo("http://10.96.0.10");
        assertThat(resolve(new Message.Destination(null, "web", "other", 80))).isNull();
        assertThat(resolve(new Message.Destination(null, "10.96.0.10", "shop", 80)))
                .isNull();
        assertThat(resolve(Message.Destination.ANY)).isEqualTo("http://other.example");
    }

    @Test
    void externalNamesAreNotFollowed() {
        cluster.direct()
                .services()
                .resource(new ServiceBuilder()
                        .withNewMetadata()
                        .withNamespace("shop")
                        .withName("elsewhere")
                        .endMetadata()
                        .withNewSpec()
                        .withType("ExternalName")
                        .withExternalName("metadata.example")
                        .withPorts(Cluster.port("http", 80))
                        .endSpec()
                        .build())
                .create();
        await("service", () -> services.find("shop", "elsewhere") != null);

        assertThat(resolve("elsewhere.shop")).isNull();
    }

    @Test
    void datagramsAreNotForHttp() {
        ServicePort port = new ServicePortBuilder()
                .withName("dns")
                .withPort(53)
                .withProtocol("UDP")
                .build();
        cluster.addService("shop", "dns", "10.96.0.13", port);
        await("service", () -> services.find("shop", "dns") != null);

        assertThat(resolve("dns.shop")).isNull();
        assertThat(resolve("dns.shop:53")).isNull();
    }

    @Test
    void servicesComeAndGo() {
        cluster.addService("shop", "late", "10.96.0.14", Cluster.port("http", 80));
        await("service", () -> "http://10.96.0.14".equals(resolve("late.shop")));

        cluster.direct()
                .services()
                .inNamespace("shop")
                .withName("late")
                .edit(service -> new ServiceBuilder(service)
                        .editSpec()
                        .withClusterIP("10.96.0.15")
                        .endSpec()
                        .build());
        await("change", () -> "http://10.96.0.15".equals(resolve("late.shop")));

        cluster.direct().services().inNamespace("shop").withName("late").delete();
        await("end", () -> resolve("late.shop") == null);
    }

    @Test
    void noMoreServicesAreKeptThanTheLimit() {
        KnownServices known = new KnownServices(2);
        for (String name : new String[] {"a", "b", "c"}) {
            known.put(
                    name,
                    new ServiceBuilder()
                            .withNewMetadata()
                            .withName(name)
                            .endMetadata()
                            .withNewSpec()
                            .endSpec()
                            .build());
        }

        assertThat(known.keySet()).containsExactlyInAnyOrder("a", "b");
        known.remove("a");
        assertThat(known.size()).isEqualTo(1);
    }

    @Test
    void anApiThatCannotBeReachedIsSaid() throws Exception {
        URI nobody;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = URI.create("https://localhost:" + closed.getLocalPort());
        }
        KubernetesOptions.Account account =
                new KubernetesOptions.Account(nobody, cluster.account().token(), cluster.certificate());
        try (KubernetesClient lost = KubernetesAgentMain.client(account)) {
            assertThatThrownBy(() -> ServiceDirectory.start(lost, Set.of("shop"), Duration.ofSeconds(60)))
                    .hasMessageStartingWith("cannot read the services of [shop]");
        }
    }
}
