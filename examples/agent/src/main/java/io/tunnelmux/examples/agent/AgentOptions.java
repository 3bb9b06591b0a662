package io.tunnelmux.examples.agent;

import io.tunnelmux.examples.common.IoOptions;
import io.tunnelmux.examples.common.KubernetesOptions;
import io.tunnelmux.examples.common.Metrics;
import io.tunnelmux.examples.common.WebSocketOptions;
import io.tunnelmux.examples.common.WindowOptions;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.TokenFile;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.transport.NettyConnector;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of an agent, also of programs that can do more. For one thread. */
public final class AgentOptions {

    private static final Set<String> GATEWAY_SCHEMES = Set.of("ws", "wss", "tcp", "tls");
    /** As the gateway's routes name the API of the cluster, beside an upstream for all else. */
    private static final String KUBERNETES = "kubernetes";

    @Option(
            names = "--gateway",
            paramLabel = "URL",
            arity = "1..*",
            required = true,
            description =
                    "where to dial: ws://127.0.0.1:8081/tunnel, wss:// for TLS, or without HTTP tcp://127.0.0.1:8081, tls:// for"
                            + " TLS; of several, one after the other while they fail")
    private List<String> gateways = new ArrayList<>();

    @Option(
            names = "--agent-id",
            paramLabel = "ID",
            required = true,
            description = "who this is: 1 to 128 of A-Z a-z 0-9 . _ -")
    private String agentId = "";

    @Option(names = "--token", paramLabel = "TOKEN", description = "shown to the gateway; never logged")
    private @Nullable String token;

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description = "a file with that token, read again every 10 s; in place of --token")
    private @Nullable Path tokenFile;

    @Option(
            names = "--upstream",
            paramLabel = "URL",
            description =
                    "where requests go that no route takes: http://127.0.0.1:3000; https:// for TLS, and for HTTP/2"
                            + " alone h2c:// (without TLS) or h2:// (with it)")
    private @Nullable String upstream;

    @Option(
            names = "--route",
            paramLabel = "PREFIX=URL",
            arity = "1..*",
            description =
                    "where requests go whose path begins with PREFIX; the longest wins, the path passes untouched")
    private List<String> routes = new ArrayList<>();

    @Mixin
    private TargetOptions targets = new TargetOptions();

    @Option(
            names = "--connections",
            paramLabel = "N",
            defaultValue = "1",
            description = "how many tunnels to keep up, 1 to 8; default: 1")
    private int connections = 1;

    @Option(
            names = "--tls-ca",
            paramLabel = "FILE",
            description =
                    "PEM certificates of who may sign a wss or tls gateway's, in place of whom the platform trusts")
    private @Nullable Path tlsAuthorities;

    @Option(
            names = "--upstream-ca",
            paramLabel = "FILE",
            description =
                    "PEM certificates of who may sign those of https:// and h2:// upstreams, in place of whom the platform"
                            + " trusts")
    private @Nullable Path upstreamAuthorities;

    @Option(
            names = "--metrics-listen",
            paramLabel = "HOST:PORT",
            description =
                    "where operators come in, without a token: /metrics, /healthz, /readyz, /status; default: nowhere")
    private @Nullable InetSocketAddress metricsListen;

    @Mixin
    private KubernetesOptions kubernetes = new KubernetesOptions();

    @Mixin
    private WebSocketOptions webSockets = new WebSocketOptions();

    @Mixin
    private WindowOptions windows = new WindowOptions();

    @Mixin
    private IoOptions io = new IoOptions();

    /** For picocli, which sets what the command line says. */
    public AgentOptions() {
        // Each option begins with its default.
    }

    /** Who the agent is. */
    public String agentId() {
        return agentId;
    }

    /** Whether there is any place for requests or connections to go. */
    public boolean namesUpstreams() {
        return upstream != null || !routes.isEmpty() || kubernetes.isNamed() || targets.isAny();
    }

    /** What they say of a cluster. */
    public KubernetesOptions kubernetes() {
        return kubernetes;
    }

    /**
     * What the options say.
     *
     * @throws IllegalArgumentException if they make no sense, with one line that says which
     */
    public AgentConfig.Builder toConfig() {
        if (connections < 1 || connections > AgentConfig.MAX_CONNECTIONS) {
            throw new IllegalArgumentException(
                    "--connections is 1 to " + AgentConfig.MAX_CONNECTIONS + ", not " + connections);
        }
        AgentConfig.Builder config = AgentConfig.builder()
                .gateways(gateways())
                .connections(connections)
                .token(token())
                .maxWebSocketMessageBytes(webSockets.maxMessageBytes())
                .webSocketDeflate(webSockets.isDeflating())
                .ioMode(io.mode());
        try {
            config.agentId(agentId);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--agent-id: " + message(e), e);
        }
        addUpstreams(config);
        targets.addTo(config);
        if (metricsListen == null) {
            config.tunnel(windows.toConfig());
        } else {
            Metrics metrics = new Metrics();
            config.metricsAddress(metricsListen)
                    .metrics(metrics::text)
                    .observer(metrics.agent())
                    .tunnel(metrics.observed(windows.toBuilder()));
        }
        TlsConfig gatewayTls = tls("--tls-ca", tlsAuthorities);
        if (gatewayTls != null) {
            config.gatewayTls(gatewayTls);
        }
        return config;
    }

    private void addUpstreams(AgentConfig.Builder config) {
        Upstream kubernetesApi = kubernetes.toUpstream();
        if (kubernetesApi != null) {
            config.upstream(kubernetesApi).target(KUBERNETES, kubernetesApi);
        }
        TlsConfig tls = tls("--upstream-ca", upstreamAuthorities);
        if (upstream != null) {
            config.upstream(upstream("--upstream", upstream, tls));
        }
        for (String route : routes) {
            int equals = route.indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException("--route is PREFIX=URL, not " + route);
            }
            Upstream to = upstream("--route", route.substring(equals + 1), tls);
            try {
                config.route(route.substring(0, equals), to);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("--route: " + message(e), e);
            }
        }
    }

    private static @Nullable TlsConfig tls(String option, @Nullable Path authorities) {
        try {
            return authorities == null ? null : TlsConfig.client(authorities);
        } catch (IOException e) {
            throw new IllegalArgumentException(option + ": " + message(e), e);
        }
    }

    private Supplier<@Nullable String> token() {
        if (token != null && tokenFile == null) {
            return () -> token;
        }
        if (tokenFile == null || token != null) {
            throw new IllegalArgumentException("one of --token and --token-file is needed, and one alone");
        }
        try {
            return TokenFile.open(tokenFile);
        } catch (IOException e) {
            throw new IllegalArgumentException("--token-file: " + message(e), e);
        }
    }

    private List<URI> gateways() {
        List<URI> uris = new ArrayList<>();
        for (String gateway : gateways) {
            URI uri = uri("--gateway", gateway);
            String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
            if (!GATEWAY_SCHEMES.contains(scheme) || uri.getHost() == null) {
                throw new IllegalArgumentException(
                        "--gateway is ws://HOST:PORT/PATH, wss://HOST:PORT/PATH, tcp://HOST:PORT or tls://HOST:PORT, not "
                                + gateway);
            }
            try {
                NettyConnector.requireDialable(uri);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("--gateway: " + message(e), e);
            }
            uris.add(uri);
        }
        return uris;
    }

    private Upstream upstream(String option, String url, @Nullable TlsConfig tls) {
        URI uri = uri(option, url);
        try {
            Upstream to = Upstream.of(uri);
            return tls != null && to.isTls() ? to.withTls(tls) : to;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(option + ": " + message(e), e);
        }
    }

    private URI uri(String option, String text) {
        try {
            return URI.create(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(option + " is no URL: " + text, e);
        }
    }

    private static String message(Exception e) {
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }
}
