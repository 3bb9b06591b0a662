package io.tunnelmux.examples.kubernetes;

import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.ServicePortBuilder;
import io.fabric8.kubernetes.client.NamespacedKubernetesClient;
import io.fabric8.kubernetes.client.server.mock.KubernetesMixedDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.ServerRequest;
import io.fabric8.mockwebserver.ServerResponse;
import io.tunnelmux.examples.common.KubernetesOptions;
import io.tunnelmux.netty.agent.TokenFile;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** A mock API server behind TLS, which keeps what it is given; and an account for it. */
final class Cluster implements AutoCloseable {

    static final String TOKEN = "token.of.a.service.account";

    private final KubernetesMockServer server;
    private final NamespacedKubernetesClient direct;
    private final Path certificate;
    private final TokenFile token;

    Cluster(Path directory) throws Exception {
        Map<ServerRequest, Queue<ServerResponse>> answers = new HashMap<>();
        server = new KubernetesMockServer(
                new Context(), new MockWebServer(), answers, new KubernetesMixedDispatcher(answers), true);
        server.init();
        direct = server.createClient();
        certificate = directory.resolve("ca.crt");
        writeCertificate();
        token = TokenFile.open(Files.writeString(directory.resolve("token"), TOKEN));
    }

    KubernetesMockServer server() {
        return server;
    }

    /** A client that needs no agent. */
    NamespacedKubernetesClient direct() {
        return direct;
    }

    URI uri() {
        return URI.create("https://localhost:" + server.getPort());
    }

    Path certificate() {
        return certificate;
    }

    Path tokenFile() {
        return certificate.resolveSibling("token");
    }

    KubernetesOptions.Account account() {
        return new KubernetesOptions.Account(uri(), token, certificate);
    }

    void addService(String namespace, String name, String clusterIp, ServicePort... ports) {
        direct.services()
                .resource(new ServiceBuilder()
                        .withNewMetadata()
                        .withNamespace(namespace)
                        .withName(name)
                        .endMetadata()
                        .withNewSpec()
                        .withType("ClusterIP")
                        .withClusterIP(clusterIp)
                        .withPorts(ports)
                        .endSpec()
                        .build())
                .create();
    }

    static ServicePort port(String name, int number) {
        return new ServicePortBuilder()
                .withName(name)
                .withPort(number)
                .withProtocol("TCP")
                .withTargetPort(new IntOrString(number))
                .build();
    }

    /** It signs for itself, anew in each run. */
    private void writeCertificate() throws Exception {
        SSLContext trusting = SSLContext.getInstance("TLS");
        trusting.init(null, new TrustManager[] {new TrustsAll()}, new SecureRandom());
        try (SSLSocket socket = (SSLSocket) trusting.getSocketFactory().createSocket("localhost", server.getPort())) {
            socket.startHandshake();
            byte[] shown = socket.getSession().getPeerCertificates()[0].getEncoded();
            String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(shown);
            Files.writeString(certificate, "-----BEGIN CERTIFICATE-----\n" + text + "\n-----END CERTIFICATE-----\n");
        }
    }

    /** The server stays, to the end of the JVM: closing it takes ten seconds where a watch was cut. */
    @Override
    public void close() {
        token.close();
        direct.close();
    }

    private static final class TrustsAll implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {
            // To learn whom to trust.
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
