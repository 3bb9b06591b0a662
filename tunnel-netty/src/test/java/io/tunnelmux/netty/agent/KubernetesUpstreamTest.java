package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.agent.KubernetesTarget.Power;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.transport.TlsConfig;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a recording API server, reached through an agent, gets to see. */
class KubernetesUpstreamTest {

    private static final int BINARY = 0x82;
    private static final int CLOSE = 0x88;
    private static final Pattern KEY_FIELD = Pattern.compile("(?im)^sec-websocket-key: *(\\S+)");
    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    private static final String EXEC = "/api/v1/namespaces/shop/pods/web/exec";

    private final List<String> seen = new CopyOnWriteArrayList<>();
    private final AtomicReference<String> token = new AtomicReference<>("first.token");
    private ScriptedServer server;
    private AgentHarness agent;

    @BeforeEach
    void start() throws Exception {
        start(builder -> builder.allowPaths(KubernetesTarget.READABLE_PATHS));
    }

    private void start(UnaryOperator<KubernetesTarget.Builder> configure) throws Exception {
        X509Bundle authority = new CertificateBuilder()
                .subject("CN=Cluster")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        X509Bundle certificate = new CertificateBuilder()
                .subject("CN=api")
                .addSanDnsName("localhost")
                .buildIssuedBy(authority);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(certificate.toKeyManagerFactory().getKeyManagers(), null, null);
        server = new ScriptedServer(context, connection -> {
            while (connection.hasMore()) {
                String head = connection.readHead();
                seen.add(head);
                if (head.contains("/exec")) {
                    Matcher key = KEY_FIELD.matcher(head);
                    assertThat(key.find()).isTrue();
                    connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            + "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\nSec-WebSocket-Accept: "
                            + WebSocketKeys.acceptOf(key.group(1)) + "\r\n\r\n");
                    if (head.contains("stdin=true")) {
                        execute(connection);
                    } else {
                        connection.awaitEnd();
                    }
                    return;
                }
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            }
        });
        KubernetesTarget target = configure
                .apply(KubernetesTarget.builder(URI.create("https://localhost:" + server.port()))
                        .tls(TlsConfig.client(authority.toTempRootCertPem().toPath()))
                        .token(token::get))
                .build();
        agent = new AgentHarness(config -> config.upstream(target.upstream()));
    }

    /** What comes on channel 0 goes back on channel 1, until the client has ended channel 0; then the status and a close frame. */
    private static void execute(ScriptedServer.Connection connection) throws Exception {
        while (connection.hasMore()) {
            byte[] message = connection.readFrame().payload();
            if (message[0] == (byte) 255) {
                connection.write(new ScriptedServer.Frame(BINARY, "\3{}".getBytes(StandardCharsets.ISO_8859_1)));
                connection.write(new ScriptedServer.Frame(CLOSE, new byte[] {3, (byte) 0xe8}));
                connection.awaitEnd();
                return;
            }
            message[0] = 1;
            connection.write(new ScriptedServer.Frame(BINARY, message));
        }
    }

    @AfterEach
    void stop() throws Exception {
        agent.close();
        server.close();
    }

    private Probe upgrade(String path, String... headers) {
        Probe probe = new Probe(true);
        Message.Upgrade wish = new Message.Upgrade(true, true, Payload.EMPTY);
        agent.open(agent.request("GET", path, AgentHarness.headers(headers), wish, 0, null), false, probe);
        return probe;
    }

    private void assertForbidden(Probe probe, String why) {
        Message.ProxyError error = probe.message(Message.ProxyError.class);

        assertThat(error.status()).isEqualTo(403);
        assertThat(error.code()).isEqualTo("forbidden");
        assertThat(error.message()).contains(why);
        assertThat(error.retryable()).isFalse();
        assertThat(probe.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
    }

    @Test
    void theTokenIsTheAgentsOwnAndTheNewestOfIt() {
        for (String each : List.of("first.token", "second.token")) {
            token.set(each);
            Probe probe =
                    agent.get("/api/v1/pods?limit=1", "Authorization", "Bearer stolen", "Impersonate-User", "admin");
            assertThat(probe.response().status()).isEqualTo(200);
            assertThat(probe.outcome().isClean()).isTrue();
        }

        assertThat(seen).hasSize(2);
        assertThat(seen.get(0)).contains("\r\nAuthorization: Bearer first.token\r\n");
        assertThat(seen.get(1)).contains("\r\nAuthorization: Bearer second.token\r\n");
        assertThat(seen).allSatisfy(head -> {
            assertThat(head).startsWith("GET /api/v1/pods?limit=1 HTTP/1.1\r\n");
            assertThat(head).containsIgnoringCase("\r\nHost: localhost:" + server.port() + "\r\n");
            assertThat(head).doesNotContainIgnoringCase("stolen").doesNotContainIgnoringCase("impersonate");
        });
        assertThat(server.accepted()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Authorization",
                "Impersonate-User",
                "impersonate-group",
                "Impersonate-Uid",
                "Impersonate-Extra-Anything",
                "Impersonate_User",
                "X-Remote-User",
                "x-remote-group",
                "X-Remote-Extra-Scopes",
                "Cookie",
                "X-Forwarded-Client-Cert",
                "Client-Cert",
                "Proxy-Authorization",
                "X-HTTP-Method-Override"
            })
    void noIdentityOfAnybodyElseGetsThrough(String name) {
        assertThat(agent.get("/api", name, "smuggled", "X-Harmless", "yes")
                        .response()
                        .status())
                .isEqualTo(200);
        assertThat(seen).singleElement().asString().contains("X-Harmless: yes").doesNotContain("smuggled");
    }

    @Test
    void namesInConnectionGoFirst() {
        Probe probe = agent.get("/api", "Connection", "close, X-Secret", "X-Secret", "smuggled");

        assertThat(probe.response().status()).isEqualTo(200);
        assertThat(seen).singleElement().asString().doesNotContain("smuggled").contains("Bearer first.token");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Authorization", "Host", "Cookie"})
    void connectionCannotTakeAwayWhatTheAgentAdds(String name) {
        Message.ProxyError error = agent.get("/api", "Connection", name).message(Message.ProxyError.class);

        assertThat(error.status()).isEqualTo(400);
        assertThat(seen).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/",
                "/logs/x",
                "/metrics",
                "/api/../metrics",
                "/api/%2e%2e/metrics",
                "/api/.%2E/metrics",
                "/api//v1/pods",
                "//api/v1/pods",
                "/api/v1%2fpods",
                "/api/v1%5cpods",
                "/api\\v1",
                "/api/v1/pods%00",
                "/api/%252e%252e/metrics",
                "/api/v1/pods;x=y",
                "/api/v1/namespaces/shop/pods/web/exec?command=id",
                "/api/v1/namespaces/shop/pods/web/%65xec?command=id",
                "/api/v1/namespaces/shop/pods/web/exec/?command=id",
                "/api/v1/namespaces/shop/pods/web/attach",
                "/api/v1/namespaces/shop/pods/web/portforward?ports=80",
                "/api/v1/namespaces/shop/pods/web/proxy/x",
                "/api/v1/namespaces/shop/services/web/proxy/",
                "/api/v1/nodes/one/proxy/exec/shop/web/web?command=id",
                "/api/v1/proxy/nodes/one/x"
            })
    void whatIsNotAllowedNeverLeavesTheAgent(String path) {
        assertForbidden(agent.get(path), "");
        assertForbidden(
                upgrade(path, "Upgrade", "websocket", "Sec-WebSocket-Key", KEY, "Sec-WebSocket-Version", "13"), "");
        Probe post = new Probe(true);
        agent.open(agent.request("POST", path, AgentHarness.headers()), true, post);
        assertForbidden(post, "");

        assertThat(seen).isEmpty();
        assertThat(server.accepted()).isZero();
    }

    @Test
    void writesAreRefusedBeforeTheirBodyCounts() {
        Probe probe = new Probe(true);
        agent.open(agent.request("DELETE", "/api/v1/namespaces/shop", AgentHarness.headers()), false, probe);

        assertForbidden(probe, "write is not allowed here");
        assertThat(server.accepted()).isZero();
    }

    @Test
    void anUpgradeToAnythingElseIsRefused() {
        Probe probe = new Probe(true);
        Message.Upgrade wish = new Message.Upgrade(false, true, Payload.EMPTY);
        agent.open(agent.request("GET", "/api", AgentHarness.headers("Upgrade", "h2c"), wish, 0, null), false, probe);

        assertForbidden(probe, "no connection may change its protocol");
        assertThat(server.accepted()).isZero();
    }

    @Test
    void anUpgradeIsFilteredAsWell() throws Exception {
        stop();
        start(builder -> builder.allowPaths(List.of("/api")).allow(Power.EXEC));
        Probe probe = upgrade(
                EXEC + "?command=id&stdout=true",
                "Upgrade",
                "websocket",
                "Sec-WebSocket-Key",
                KEY,
                "Sec-WebSocket-Version",
                "13",
                "Sec-WebSocket-Protocol",
                "base64url.bearer.authorization.k8s.io.c3RvbGVu, v5.channel.k8s.io",
                "Impersonate-User",
                "admin",
                "Authorization",
                "Bearer stolen");

        assertThat(probe.response().status()).isEqualTo(101);
        assertThat(seen)
                .singleElement()
                .asString()
                .startsWith("GET " + EXEC + "?command=id&stdout=true HTTP/1.1\r\n")
                .contains("\r\nAuthorization: Bearer first.token\r\n")
                .contains("\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n")
                .doesNotContain("c3RvbGVu")
                .doesNotContain("stolen")
                .doesNotContainIgnoringCase("impersonate");
    }

    private static Message.ProxyWebSocketStart start(String path, String protocol, String... headers) {
        int question = path.indexOf('?');
        return new Message.ProxyWebSocketStart(
                "s",
                question < 0 ? path : path.substring(0, question),
                null,
                question < 0 ? null : path.substring(question + 1),
                protocol,
                AgentHarness.headers(headers),
                null);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api/v1/namespaces/shop/pods/web/exec?command=id",
                "/api/v1/namespaces/shop/pods/web/%65xec?command=id",
                "/api/v1/namespaces/shop/pods/web/attach",
                "/api/v1/namespaces/shop/pods/web/portforward?ports=80",
                "/api/v1/namespaces/shop/pods/x%2fweb/log",
                "/api/v1/namespaces/shop/pods",
                "/metrics"
            })
    void theAgentsOwnWebSocketsAreUnderTheSameRules(String path) {
        Probe probe = new Probe(true);
        agent.open(start(path, "v4.channel.k8s.io"), false, probe);

        assertForbidden(probe, "");
        assertThat(server.accepted()).isZero();
    }

    @Test
    void theAgentsOwnWebSocketsCarryChannels() throws Exception {
        stop();
        start(builder -> builder.allowPaths(List.of("/api")).allow(Power.EXEC));
        Probe probe = new Probe(true);
        TunnelStream stream = agent.open(
                start(
                        EXEC + "?command=cat&stdin=true&stdout=true",
                        "base64url.bearer.authorization.k8s.io.c3RvbGVu, v5.channel.k8s.io, v4.channel.k8s.io",
                        "Authorization",
                        "Bearer stolen",
                        "Impersonate-User",
                        "admin"),
                false,
                probe);

        assertThat(probe.message(Message.ProxyWebSocketOpen.class).protocol()).isEqualTo("v5.channel.k8s.io");
        stream.writeUnit(Payload.of("\0hello".getBytes(StandardCharsets.ISO_8859_1)), false, false);
        stream.writeUnit(Payload.of(new byte[] {(byte) 255, 0}), false, false);
        assertThat(probe.units(2)).containsExactly("binary \1hello", "binary \3{}");
        assertThat(probe.message(Message.ProxyWebSocketClose.class).code()).isEqualTo(1_000);
        assertThat(seen)
                .singleElement()
                .asString()
                .startsWith("GET " + EXEC + "?command=cat&stdin=true&stdout=true HTTP/1.1\r\n")
                .contains("\r\nAuthorization: Bearer first.token\r\n")
                .containsIgnoringCase("\r\nHost: localhost:" + server.port() + "\r\n")
                .contains("Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n")
                .doesNotContain("c3RvbGVu")
                .doesNotContain("stolen")
                .doesNotContainIgnoringCase("impersonate");
    }
}
