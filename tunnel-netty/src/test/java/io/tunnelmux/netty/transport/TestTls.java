package io.tunnelmux.netty.transport;

import io.netty.handler.ssl.SslProvider;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.File;

/** Certificates for tests: of an authority, and of a server called localhost that it vouches for. */
final class TestTls {
    private static final X509Bundle AUTHORITY = authority();
    private static final X509Bundle LOCALHOST = signed("localhost");

    private TestTls() {}

    /** A server that is localhost. */
    static TlsConfig server(SslProvider provider) throws Exception {
        return server(LOCALHOST, provider);
    }

    /** A server of another name. */
    static TlsConfig serverNamed(String name) throws Exception {
        return server(signed(name), SslProvider.JDK);
    }

    /** A client that trusts the authority. */
    static TlsConfig client(SslProvider provider) throws Exception {
        return TlsConfig.client(pem(AUTHORITY).toPath(), provider);
    }

    private static TlsConfig server(X509Bundle bundle, SslProvider provider) throws Exception {
        return TlsConfig.server(
                bundle.toTempCertChainPem().toPath(),
                bundle.toTempPrivateKeyPem().toPath(),
                provider);
    }

    private static File pem(X509Bundle bundle) throws Exception {
        return bundle.toTempRootCertPem();
    }

    private static X509Bundle authority() {
        try {
            return new CertificateBuilder()
                    .subject("CN=Test Authority")
                    .setIsCertificateAuthority(true)
                    .buildSelfSigned();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static X509Bundle signed(String name) {
        try {
            return new CertificateBuilder()
                    .subject("CN=" + name)
                    .addSanDnsName(name)
                    .buildIssuedBy(AUTHORITY);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
