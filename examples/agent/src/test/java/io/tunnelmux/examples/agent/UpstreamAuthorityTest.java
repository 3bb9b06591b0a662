package io.tunnelmux.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.tunnelmux.examples.common.Values;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** Whom the agent trusts to be its upstream. */
class UpstreamAuthorityTest {

    private static final long PATIENCE_SECONDS = 30;

    private X509Bundle certificate;
    private HttpsServer upstream;
    private Gateway gateway;

    @BeforeEach
    void start() throws Exception {
        certificate = new CertificateBuilder()
                .subject("CN=localhost")
                .addSanDnsName("localhost")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(certificate.toKeyManagerFactory().getKeyManagers(), null, null);
        upstream = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        upstream.setHttpsConfigurator(new HttpsConfigurator(tls));
        upstream.createContext("/", exchange -> {
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        upstream.start();
        gateway = Gateway.start(GatewayConfig.builder()
                        .authenticator(TokenAuthenticator.of("a-token-of-this-test"))
                        .router(AgentRouter.toAgent("a"))
                        .build())
                .toCompletableFuture()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    @AfterEach
    void stop() throws Exception {
        gateway.close(Duration.ZERO).toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        upstream.stop(0);
    }

    @Test
    void anUpstreamWhoseAuthorityIsNamedIsTrusted() throws Exception {
        String authority = certificate.toTempRootCertPem().toString();
        assertThat(statusThrough("--upstream", url(), "--upstream-ca", authority))
                .isEqualTo(204);
        assertThat(statusThrough("--route", "/=" + url(), "--upstream-ca", authority))
                .isEqualTo(204);
    }

    @Test
    void anUpstreamThatNobodyVouchesForIsNot() throws Exception {
        String other = new CertificateBuilder()
                .subject("CN=localhost")
                .addSanDnsName("localhost")
                .setIsCertificateAuthority(true)
                .buildSelfSigned()
                .toTempRootCertPem()
                .toString();
        assertThat(statusThrough("--upstream", url())).isEqualTo(502);
        assertThat(statusThrough("--upstream", url(), "--upstream-ca", other)).isEqualTo(502);
    }

    private String url() {
        return "https://localhost:" + upstream.getAddress().getPort();
    }

    private int statusThrough(String... options) throws Exception {
        AgentOptions parsed = new AgentOptions();
        new CommandLine(CommandSpec.create().addMixin("agent", CommandSpec.forAnnotatedObject(parsed)))
                .registerConverter(InetSocketAddress.class, Values.converter(Values::address))
                .parseArgs(options(options));
        Agent agent = Agent.start(parsed.toConfig().build());
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create(
                            "http://127.0.0.1:" + gateway.httpAddress().getPort() + "/"))
                    .timeout(Duration.ofSeconds(PATIENCE_SECONDS))
                    .build();
            int status = 503;
            while (status == 503) { // until the agent is there
                status = HttpClient.newHttpClient()
                        .send(request, HttpResponse.BodyHandlers.discarding())
                        .statusCode();
            }
            return status;
        } finally {
            agent.close(Duration.ZERO);
        }
    }

    private String[] options(String... further) {
        List<String> options = new ArrayList<>(List.of(
                "--gateway=ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel",
                "--agent-id=a",
                "--token=a-token-of-this-test"));
        options.addAll(List.of(further));
        return options.toArray(String[]::new);
    }
}
