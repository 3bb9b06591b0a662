package io.tunnelmux.examples.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.Watch;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.dsl.ExecWatch;
import io.fabric8.kubernetes.client.server.mock.OutputStreamMessage;
import io.fabric8.kubernetes.client.server.mock.StatusStreamMessage;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.KubernetesTarget;
import io.tunnelmux.netty.agent.KubernetesTarget.Power;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A client of Kubernetes that is pointed at a gateway, with a cluster behind the agent; and clients of the cluster's services. */
class ThroughTunnelTest {

    private static final String TOKEN = "a-token-between-agent-and-gateway";
    private static final long PATIENCE_SECONDS = 30;

    @TempDir
    private static Path directory;

    private static Cluster cluster;
    private static HttpServer web;
    private static KubernetesClient discovery;
    private static ServiceDirectory services;
    private static Gateway gateway;
    private static Agent agent;
    private static KubernetesClient client;

    @BeforeAll
    static void start() throws Exception {
        cluster = new Cluster(directory);
        web = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        web.createContext("/", exchange -> {
            byte[] body = exchange.getRequestURI().toString().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        web.start();
        discovery = KubernetesAgentMain.client(cluster.account());
        services = ServiceDirectory.start(discovery, Set.of("shop"), Duration.ofSeconds(PATIENCE_SECONDS));
        KubernetesTarget api = KubernetesTarget.builder(cluster.uri())
                .tls(TlsConfig.client(cluster.certificate()))
                .token(cluster.account().token())
                .allowPaths(KubernetesTarget.READABLE_PATHS)
                .allow(Power.EXEC)
                .build();
        gateway = Gateway.start(GatewayConfig.builder()
                        .authenticator(TokenAuthenticator.of(TOKEN))
                        .router(AgentRouter.builder()
                                .route(Route.to("cluster"))
                                .route(Route.of("", "/web", "cluster").withTarget("web.shop:http"))
                                .route(Route.of("", "/service", "cluster")
                                        .withService(
                                                "web", "shop", web.getAddress().getPort()))
                                .route(Route.of("", "/gone", "cluster").withTarget("gone.shop"))
                                .build())
                        .build())
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        CompletableFuture<Void> connected = new CompletableFuture<>();
        agent = Agent.start(AgentConfig.builder()
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                .agentId("cluster")
                .token(() -> TOKEN)
                .resolver(new ServiceResolver(services, request -> api.upstream(), InetAddress::isLoopbackAddress))
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        connected.complete(null);
                    }
                })
                .build());
        connected.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        client = new KubernetesClientBuilder()
                .withConfig(new ConfigBuilder(Config.empty())
                        .withMasterUrl(
                                "http://127.0.0.1:" + gateway.httpAddress().getPort())
                        .withOauthToken("the.users.own.token")
                        .withNamespace("shop")
                        .withRequestRetryBackoffLimit(0)
                        .build())
                .build();
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        agent.close(Duration.ofMillis(500));
        gateway.close(Duration.ofMillis(500)).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        services.close();
        discovery.close();
        web.stop(0);
        cluster.close();
    }

    private static Pod addPod(String name) {
        return cluster.direct()
                .pods()
                .inNamespace("shop")
                .resource(new PodBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .withNamespace("shop")
                        .endMetadata()
                        .withNewSpec()
                        .addNewContainer()
                        .withName("main")
                        .endContainer()
                        .endSpec()
                        .build())
                .create();
    }

    @Test
    void listsAndGets() {
        addPod("listed");

        assertThat(client.pods().list().getItems())
                .extracting(pod -> pod.getMetadata().getName())
                .contains("listed");
        assertThat(client.pods().withName("listed").get().getSpec().getContainers())
                .singleElement()
                .extracting("name")
                .isEqualTo("main");
        assertThat(client.pods().withName("none").get()).isNull();
    }

    @Test
    void watches() throws Exception {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        try (Watch watch = client.pods().withName("watched").watch(new Watcher<>() {
            @Override
            public void eventReceived(Action action, Pod pod) {
                seen.add(action + " " + pod.getMetadata().getName());
            }

            @Override
            public void onClose(WatcherException cause) {
                seen.add("closed by " + cause);
            }
        })) {
            addPod("watched");
            assertThat(seen.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("ADDED watched");

            cluster.direct().pods().inNamespace("shop").withName("watched").delete();
            assertThat(seen.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("DELETED watched");
        }
    }

    @Test
    void readsLogs() {
        addPod("logged");
        cluster.server()
                .expect()
                .get()
                .withPath("/api/v1/namespaces/shop/pods/logged/log?pretty=false&container=main")
                .andReturn(200, "one line\nand another\n")
                .always();

        assertThat(client.pods().withName("logged").inContainer("main").getLog())
                .isEqualTo("one line\nand another\n");
    }

    @Test
    void executes() throws Exception {
        addPod("running");
        cluster.server()
                .expect()
                .get()
                .withPath("/api/v1/namespaces/shop/pods/running/exec?command=id&container=main&stdout=true")
                .andUpgradeToWebSocket()
                .open(new OutputStreamMessage("uid=0(root)"), new StatusStreamMessage(7))
                .done()
                .always();
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        try (ExecWatch exec = client.pods()
                .withName("running")
                .inContainer("main")
                .writingOutput(output)
                .exec("id")) {
            assertThat(exec.exitCode().get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(7);
        }
        assertThat(output.toString(StandardCharsets.UTF_8)).isEqualTo("uid=0(root)");
    }

    @Test
    void speaksInTheAgentsName() {
        cluster.server()
                .expect()
                .get()
                .withPath("/livez")
                .andReply(200, request -> String.valueOf(request.getHeader("Authorization")))
                .always();

        assertThat(client.raw("/livez")).isEqualTo("Bearer " + Cluster.TOKEN);
    }

    @Test
    void refusesWhatIsNotAllowed() {
        addPod("kept");

        assertThatThrownBy(() -> client.pods().withName("kept").delete())
                .isInstanceOfSatisfying(
                        KubernetesClientException.class,
                        e -> assertThat(e.getCode()).isEqualTo(403));
        assertThat(cluster.direct().pods().inNamespace("shop").withName("kept").get())
                .isNotNull();
    }

    @Test
    void reachesServicesByTheirNames() throws Exception {
        assertThat(get("/web").statusCode()).isEqualTo(403);

        cluster.addService(
                "shop",
                "web",
                "127.0.0.1",
                Cluster.port("http", web.getAddress().getPort()));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (services.find("shop", "web") == null && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }

        assertThat(get("/web/path?q=1").body()).isEqualTo("/web/path?q=1");
        assertThat(get("/service").body()).isEqualTo("/service");
        assertThat(get("/gone").body()).contains("no such target: gone.shop");
    }

    private static HttpResponse<String> get(String path) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + gateway.httpAddress().getPort() + path);
        HttpRequest request = HttpRequest.newBuilder(uri).build();
        return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    }
}
