package io.tunnelmux.netty.transport;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads certificates and keys, and says for people what is wrong with a file. Any thread. */
final class PemFiles {

    private static final Pattern CERTIFICATE = block("(?:X509 |TRUSTED )?CERTIFICATE");
    private static final Pattern KEY = block("PRIVATE KEY");
    /** What OpenSSL wrote before PKCS#8, and what has a password. */
    private static final Pattern OTHER_KEY = Pattern.compile("-----BEGIN ((?:[A-Z]+ )+PRIVATE KEY)-----");

    private static final List<String> KEY_ALGORITHMS = List.of("RSA", "EC", "EdDSA", "RSASSA-PSS", "DSA");
    /** How a key of each algorithm can sign; that of others is not tried. */
    private static final Map<String, String> SIGNATURES = Map.of(
            "RSA", "SHA256withRSA",
            "EC", "SHA256withECDSA",
            "EdDSA", "EdDSA",
            "DSA", "SHA256withDSA");

    private PemFiles() {}

    private static Pattern block(String what) {
        return Pattern.compile("-----BEGIN " + what + "-----([^-]*)-----END " + what + "-----");
    }

    /**
     * All certificates of a file, in its order; at least one.
     *
     * @throws IOException if it cannot be read, has none, or has one that is none
     */
    static X509Certificate[] certificates(Path file) throws IOException {
        List<X509Certificate> found = new ArrayList<>();
        Matcher blocks = CERTIFICATE.matcher(text(file));
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            while (blocks.find()) {
                ByteArrayInputStream bytes = new ByteArrayInputStream(decoded(blocks));
                found.add((X509Certificate) factory.generateCertificate(bytes));
            }
        } catch (CertificateException | IllegalArgumentException e) {
            throw new IOException("a certificate in " + file + " cannot be understood: " + e.getMessage(), e);
        }
        if (found.isEmpty()) {
            throw new IOException("no certificate in " + file + ", PEM is wanted");
        }
        return found.toArray(X509Certificate[]::new);
    }

    /** @throws IOException if it cannot be read, or has no key in PKCS#8 without a password */
    static PrivateKey privateKey(Path file) throws IOException {
        String text = text(file);
        Matcher block = KEY.matcher(text);
        if (block.find()) {
            try {
                return privateKey(new PKCS8EncodedKeySpec(decoded(block)), file);
            } catch (IllegalArgumentException e) {
                throw new IOException("the key in " + file + " cannot be understood: " + e.getMessage(), e);
            }
        }
        Matcher other = OTHER_KEY.matcher(text);
        throw new IOException(
                other.find()
                        ? "'" + other.group(1) + "' in " + file
                                + ", PKCS#8 without a password is wanted: openssl pkcs8 -topk8 -nocrypt -in " + file
                        : "no private key in " + file + ", PEM (PKCS#8) is wanted");
    }

    private static PrivateKey privateKey(PKCS8EncodedKeySpec encoded, Path file) throws IOException {
        for (String algorithm : KEY_ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(encoded);
            } catch (InvalidKeySpecException | NoSuchAlgorithmException e) {
                // It is of another one.
            }
        }
        throw new IOException("the key in " + file + " is of none of " + KEY_ALGORITHMS);
    }

    /** Whether what the key signs is what the certificate vouches for. */
    static boolean belongs(PrivateKey key, X509Certificate certificate) {
        String algorithm = key.getAlgorithm();
        if (!algorithm.equals(certificate.getPublicKey().getAlgorithm())) {
            return false;
        }
        String signing = SIGNATURES.get(algorithm);
        return signing == null || verifies(key, certificate, signing);
    }

    private static boolean verifies(PrivateKey key, X509Certificate certificate, String algorithm) {
        byte[] bytes = algorithm.getBytes(StandardCharsets.US_ASCII);
        try {
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(bytes);
            byte[] signed = signature.sign();
            signature.initVerify(certificate.getPublicKey());
            signature.update(bytes);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private static byte[] decoded(Matcher block) {
        return Base64.getMimeDecoder().decode(block.group(1));
    }

    private static String text(Path file) throws IOException {
        try {
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new IOException("cannot read " + file + ": there is no such file", e);
        } catch (IOException e) {
            throw new IOException("cannot read " + file + " (" + e.getClass().getSimpleName() + ")", e);
        }
    }
}
