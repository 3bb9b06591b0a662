package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.tunnelmux.netty.transport.TlsConfig;
import io.tunnelmux.protocol.ErrorCode;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients and agents that come through TLS. */
class SecureGatewayTest {

    private static final String UPGRADE = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n";

    private static X509Bundle certificate;
    private static SSLContext trust;

    private GatewayRig rig;
    private FakeAgent agent;

    @BeforeAll
    static void sign() throws Exception {
        X509Bundle authority = new CertificateBuilder()
                .subject("CN=Gateway Test Authority")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        certificate = new CertificateBuilder()
                .subject("CN=localhost")
                .addSanDnsName("localhost")
                .buildIssuedBy(authority);
        trust = SSLContext.getInstance("TLS");
        trust.init(null, new TrustManager[] {certificate.toTrustManager()}, null);
    }

    @BeforeEach
    void start() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .loops(3)
                .headTimeout(Duration.ofMillis(700))
                .router(AgentRouter.builder()
                        .route(Route.of("a", "/", GatewayRig.AGENT).withUpgrade("raw"))
                        .build())
                .tls(TlsConfig.server(
                        certificate.toTempCertChainPem().toPath(),
                        certificate.toTempPrivateKeyPem().toPath())));
        rig.secureAgents(TlsConfig.client(certificate.toTempRootCertPem().toPath()));
        agent = rig.agent();
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    private RawClient client(String version) throws IOException {
        SSLSocket socket = (SSLSocket) trust.getSocketFactory()
                .createSocket("localhost", rig.gateway().httpAddress().getPort());
        socket.setEnabledProtocols(new String[] {version});
        return rig.closed(RawClient.over(socket, rig.gateway().httpAddress()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void requestsAndAnswersPass(String version) throws Exception {
        for (int i = 0; i < 6; i++) {
            RawClient client = client(version);
            for (int j = 0; j < 2; j++) {
                client.sends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + "x".repeat(100_000));
                FakeAgent.Call call = agent.next();
                assertThat(call.request().head().scheme()).isEqualTo("https");
                assertThat(call.request().head().headers().first("x-forwarded-proto"))
                        .isEqualTo("https");
                assertThat(call.body()).hasSize(100_000);
                call.answers(200, "Content-Length", "100000")
                        .sends("y".repeat(100_000))
                        .ends();
                assertThat(client.response()).endsWith("y".repeat(100_000));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aConnectionThatClosesSaysGoodbye(String version) throws Exception {
        RawClient client = client(version).sends("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        agent.next().answers(200).sends("hello").ends();

        assertThat(client.rest()).endsWith("hello");
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aBodyThatIsCutHasNoGoodbye(String version) throws Exception {
        RawClient client = client(version).sends("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        FakeAgent.Call call = agent.next().answers(200).sends("part");
        client.head();
        client.read(4);
        call.closes(ErrorCode.UPSTREAM_RESET, "died");

        assertThatThrownBy(client::rest).isInstanceOf(IOException.class);
    }

    /** In TLS a goodbye may end both directions: BoringSSL sends nothing more after it, whatever the version. */
    @Test
    void aClientsGoodbyeArrivesBehindItsLastBytes() throws Exception {
        RawClient client = client("TLSv1.3").sends(UPGRADE);
        FakeAgent.Call call = agent.next().answers(101, "Upgrade", "raw");
        client.head();
        client.sends("last words").endsOutput();
        assertThat(call.body()).isEqualTo("last words");

        call.ends();
        assertThat(client.rest()).isEmpty();
        call.closed();
    }

    @Test
    void theUpstreamsEndArrivesBehindItsLastBytes() throws Exception {
        RawClient client = client("TLSv1.3").sends(UPGRADE);
        FakeAgent.Call call = agent.next()
                .answers(101, "Upgrade", "raw")
                .sends("x".repeat(300_000))
                .ends();
        client.head();
        assertThat(client.rest()).hasSize(300_000);

        client.close();
        call.closed();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anUpgradedConnectionThatIsCutHasNoGoodbye(String version) throws Exception {
        RawClient client = client(version).sends(UPGRADE);
        FakeAgent.Call call = agent.next().answers(101, "Upgrade", "raw").sends("part");
        client.head();
        client.read(4);
        call.closes(ErrorCode.UPSTREAM_RESET, "died");

        assertThatThrownBy(client::rest).isInstanceOf(IOException.class);
    }

    @Test
    void aClientThatLeavesCancels() throws Exception {
        RawClient client = client("TLSv1.3").sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        FakeAgent.Call call = agent.next();
        client.close();

        assertThat(call.closed().is(ErrorCode.CANCELLED)).isTrue();
    }

    @Test
    void plainTextIsNotAnswered() throws Exception {
        try (Socket socket = new Socket("localhost", rig.gateway().httpAddress().getPort());
                RawClient client = RawClient.over(socket, rig.gateway().httpAddress())) {
            client.gets("/");

            client.isReset();
            assertThat(agent.hasCall()).isFalse();
        }
    }

    @Test
    void aHandshakeThatDoesNotBeginIsNotWaitedFor() throws Exception {
        try (Socket socket = new Socket("localhost", rig.gateway().httpAddress().getPort());
                RawClient client = RawClient.over(socket, rig.gateway().httpAddress())) {
            assertThat(client.rest()).isEmpty();
        }
    }
}
