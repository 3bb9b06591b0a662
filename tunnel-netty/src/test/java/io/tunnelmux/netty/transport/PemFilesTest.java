package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with files of certificates and keys is said before anybody connects. */
class PemFilesTest {

    @TempDir
    private Path directory;

    private Path certificate;
    private Path key;

    @BeforeEach
    void write() throws Exception {
        X509Bundle bundle = selfSigned(Algorithm.ecp256);
        certificate = Files.writeString(directory.resolve("cert.pem"), bundle.getCertificatePathPEM());
        key = Files.writeString(directory.resolve("key.pem"), bundle.getPrivateKeyPEM());
    }

    private static X509Bundle selfSigned(Algorithm algorithm) throws Exception {
        return new CertificateBuilder()
                .algorithm(algorithm)
                .subject("CN=localhost")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
    }

    @ParameterizedTest
    @EnumSource(names = {"ecp256", "rsa2048", "ed25519"})
    void aKeyBelongsToItsOwnCertificateAlone(Algorithm algorithm) throws Exception {
        X509Bundle bundle = selfSigned(algorithm);
        Files.writeString(certificate, "of localhost\r\n" + bundle.getCertificatePathPEM());
        Files.writeString(key, bundle.getPrivateKeyPEM());
        assertThat(TlsConfig.server(certificate, key)).isNotNull();

        Files.writeString(key, selfSigned(algorithm).getPrivateKeyPEM());
        assertRefused("the key in " + key + " does not belong to the first certificate in " + certificate);
    }

    @Test
    void aKeyOfAnotherAlgorithmDoesNotBelong() throws Exception {
        Files.writeString(key, selfSigned(Algorithm.rsa2048).getPrivateKeyPEM());
        assertRefused("the key in " + key + " does not belong to the first certificate in " + certificate);
    }

    @Test
    void aFileThatIsNotThereIsSaid() throws Exception {
        Files.delete(key);
        assertRefused("cannot read " + key + ": there is no such file");
        Files.delete(certificate);
        assertRefused("cannot read " + certificate + ": there is no such file");
        assertThatThrownBy(() -> TlsConfig.client(certificate))
                .isInstanceOf(IOException.class)
                .hasMessage("cannot read " + certificate + ": there is no such file");
    }

    @Test
    void whatIsNoCertificateIsSaid() throws Exception {
        Files.copy(key, certificate, StandardCopyOption.REPLACE_EXISTING);
        assertRefused("no certificate in " + certificate + ", PEM is wanted");
        Files.writeString(certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assertRefused("a certificate in " + certificate + " cannot be understood: ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"})
    void aKeyOfAnotherFormIsSaidWithWhatMakesItUsable(String kind) throws Exception {
        Files.writeString(key, "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n");
        assertRefused("'" + kind + "' in " + key
                + ", PKCS#8 without a password is wanted: openssl pkcs8 -topk8 -nocrypt -in " + key);
    }

    @ParameterizedTest
    @CsvSource({
        "nonsense, 'no private key in '",
        "AAAA, 'the key in '",
        "'!', 'the key in '",
    })
    void whatIsNoKeyIsSaid(String content, String message) throws Exception {
        boolean isBlock = content.length() < 5;
        Files.writeString(
                key, isBlock ? "-----BEGIN PRIVATE KEY-----\n" + content + "\n-----END PRIVATE KEY-----\n" : content);
        assertRefused(message + key);
    }

    private void assertRefused(String message) {
        assertThatThrownBy(() -> TlsConfig.server(certificate, key))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(message);
    }
}
