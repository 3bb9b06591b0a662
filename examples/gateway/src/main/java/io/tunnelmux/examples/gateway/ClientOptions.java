package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.Values;
import io.tunnelmux.netty.gateway.GatewayConfig;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options on clients: how much and how slowly they may send, and who says who they are. Each says what the default is; all are {@link GatewayConfig}'s. */
final class ClientOptions {

    @Option(names = "--max-connections", paramLabel = "N", description = "clients' connections at once (10000)")
    private @Nullable Integer maxConnections;

    @Option(
            names = "--max-requests-per-connection",
            paramLabel = "N",
            description = "requests on a connection before it is closed (1000)")
    private @Nullable Integer maxRequestsPerConnection;

    @Option(
            names = "--max-concurrent-streams",
            paramLabel = "N",
            description = "requests at once on a connection of HTTP/2 (100)")
    private @Nullable Integer maxConcurrentStreams;

    @Option(
            names = "--max-request-line",
            paramLabel = "SIZE",
            description = "longest request line (8KiB), up to 1MiB; beyond: 414")
    private @Nullable String maxRequestLine;

    @Option(
            names = "--max-header-size",
            paramLabel = "SIZE",
            description = "longest header, over all fields (32KiB), up to 1MiB; beyond: 431")
    private @Nullable String maxHeaderSize;

    @Option(names = "--max-headers", paramLabel = "N", description = "most header fields (100); beyond: 431")
    private @Nullable Integer maxHeaders;

    @Option(
            names = "--head-timeout",
            paramLabel = "TIME",
            description = "from a connection, or a request's first byte, to the end of its head (10s)")
    private @Nullable Duration headTimeout;

    @Option(
            names = "--body-timeout",
            paramLabel = "TIME",
            description = "longest time between two pieces of a request's body (30s)")
    private @Nullable Duration bodyTimeout;

    @Option(
            names = "--write-timeout",
            paramLabel = "TIME",
            description = "longest time in which a client takes nothing of what waits for it (60s)")
    private @Nullable Duration writeTimeout;

    @Option(
            names = "--keep-alive-timeout",
            paramLabel = "TIME",
            description = "how long a connection may rest between two requests (75s)")
    private @Nullable Duration keepAliveTimeout;

    @Option(
            names = "--read-buffer",
            paramLabel = "SIZE",
            description = "most that is read from a client's connection at once (64KiB); at least 2KiB")
    private @Nullable String readBuffer;

    @Option(
            names = "--write-buffer",
            paramLabel = "SIZE",
            description = "so much may wait for a client's connection before its upstream is made to wait (32KiB)")
    private @Nullable String writeBuffer;

    @Option(
            names = "--trusted-proxy",
            paramLabel = "ADDRESS/BITS",
            arity = "1..*",
            description = "a network of proxies that are believed about who their clients are (none)")
    private List<String> trustedProxies = List.of();

    /**
     * Puts into a configuration what the options say.
     *
     * @throws IllegalArgumentException if they make no sense, with a message for people
     */
    void addTo(GatewayConfig.Builder config) {
        AdmissionOptions.set("--max-connections", maxConnections, config::maxConnections);
        AdmissionOptions.set(
                "--max-requests-per-connection", maxRequestsPerConnection, config::maxRequestsPerConnection);
        AdmissionOptions.set("--max-concurrent-streams", maxConcurrentStreams, config::maxConcurrentStreams);
        AdmissionOptions.set(
                "--max-request-line", bytes("--max-request-line", maxRequestLine), config::maxRequestLineBytes);
        AdmissionOptions.set("--max-header-size", bytes("--max-header-size", maxHeaderSize), config::maxHeaderBytes);
        AdmissionOptions.set("--max-headers", maxHeaders, config::maxHeaders);
        AdmissionOptions.set("--head-timeout", headTimeout, config::headTimeout);
        AdmissionOptions.set("--body-timeout", bodyTimeout, config::readTimeout);
        AdmissionOptions.set("--write-timeout", writeTimeout, config::writeTimeout);
        AdmissionOptions.set("--keep-alive-timeout", keepAliveTimeout, config::keepAliveTimeout);
        AdmissionOptions.set("--read-buffer", bytes("--read-buffer", readBuffer), config::readBufferBytes);
        AdmissionOptions.set("--write-buffer", bytes("--write-buffer", writeBuffer), config::writeBufferBytes);
        try {
            config.trustedProxies(trustedProxies);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--trusted-proxy: " + e.getMessage(), e);
        }
    }

    static @Nullable Integer bytes(String option, @Nullable String size) {
        if (size == null) {
            return null;
        }
        long bytes;
        try {
            bytes = Values.sizeBytes(size);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(option + ": " + e.getMessage(), e);
        }
        if (bytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(option + ": '" + size + "' is not less than 2GiB");
        }
        return (int) bytes;
    }
}
