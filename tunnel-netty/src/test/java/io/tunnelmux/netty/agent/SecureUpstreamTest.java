package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.netty.channel.DefaultChannelPipeline;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.transport.TlsConfig;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class SecureUpstreamTest {

    private static X509Bundle authority;
    private static TlsConfig trusting;

    @BeforeAll
    static void makeCertificates() throws Exception {
        authority = new CertificateBuilder()
                .subject("CN=Test Authority")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        trusting = TlsConfig.client(authority.toTempRootCertPem().toPath());
    }

    private static SSLContext serverNamed(String name) throws Exception {
        X509Bundle server = new CertificateBuilder()
                .subject("CN=" + name)
                .addSanDnsName(name)
                .buildIssuedBy(authority);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(server.toKeyManagerFactory().getKeyManagers(), null, null);
        return context;
    }

    @Test
    void speaksHttps() throws Exception {
        try (ScriptedServer server = new ScriptedServer(serverNamed("localhost"), connection -> {
                    for (int i = 0; i < 2; i++) {
                        connection.readHead();
                        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    }
                });
                AgentHarness harness = new AgentHarness(config ->
                        config.upstream(AgentHarness.secureUpstream(server)).upstreamTls(trusting))) {
            assertThat(harness.get("/").outcome().isClean()).isTrue();
            assertThat(harness.get("/").outcome().isClean()).isTrue();
            assertThat(server.accepted()).isEqualTo(1);
        }
    }

    @Test
    void aBodyThatEndsWithTheConnectionNeedsTheWordOfTls() throws Exception {
        try (ScriptedServer server = new ScriptedServer(serverNamed("localhost"), connection -> {
                    String head = connection.readHead();
                    connection.write("HTTP/1.1 200 OK\r\n\r\nall of it");
                    if (head.startsWith("GET /cut ")) {
                        connection.cut();
                    }
                });
                AgentHarness harness = new AgentHarness(config ->
                        config.upstream(AgentHarness.secureUpstream(server)).upstreamTls(trusting))) {
            Probe whole = harness.get("/whole");
            assertThat(whole.outcome().isClean()).isTrue();
            assertThat(whole.text()).isEqualTo("all of it");

            Probe cut = harness.get("/cut");
            assertThat(cut.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(cut.isEnded()).isFalse();
        }
    }

    @Test
    void trustsNobodyWhoShowsAnotherName() throws Exception {
        assertRefused(serverNamed("elsewhere.example"), trusting);
    }

    @Test
    void trustsNobodyWhomItDoesNotKnow() throws Exception {
        assertRefused(serverNamed("localhost"), TlsConfig.client());
    }

    private static void assertRefused(SSLContext shown, TlsConfig trusted) throws Exception {
        ListAppender<ILoggingEvent> unhandled = new ListAppender<>();
        Logger pipelines = (Logger) LoggerFactory.getLogger(DefaultChannelPipeline.class);
        unhandled.start();
        pipelines.addAppender(unhandled);
        try (ScriptedServer server = new ScriptedServer(shown, connection -> connection.awaitEnd())) {
            try (AgentHarness harness = new AgentHarness(config ->
                    config.upstream(AgentHarness.secureUpstream(server)).upstreamTls(trusted))) {
                Probe probe = harness.get("/");

                assertThat(probe.outcome().is(ErrorCode.UPSTREAM_UNREACHABLE)).isTrue();
                assertThat(probe.message(Message.ProxyError.class).cause()).isEqualTo("no TLS");
            }
            server.forgetFailures();
        } finally {
            pipelines.detachAppender(unhandled);
        }
        assertThat(unhandled.list).noneMatch(event -> event.getLevel().isGreaterOrEqual(Level.WARN));
    }
}
