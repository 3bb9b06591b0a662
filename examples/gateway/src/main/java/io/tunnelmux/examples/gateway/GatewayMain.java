package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.IoOptions;
import io.tunnelmux.examples.common.Metrics;
import io.tunnelmux.examples.common.Program;
import io.tunnelmux.examples.common.Values;
import io.tunnelmux.examples.common.WindowOptions;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs a gateway until it is told to end. */
@Command(
        name = "tunnel-gateway",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true,
        description = "Takes clients' requests in and sends them to agents through the tunnels that these have opened.")
public final class GatewayMain implements Callable<Integer> {

    private static final Program PROGRAM = new Program("tunnel-gateway", Map.of("websocket", new WebSocketSection()));

    @Option(names = "--listen", paramLabel = "HOST:PORT", description = "where clients come in (127.0.0.1:8080)")
    private InetSocketAddress listen = Values.address("127.0.0.1:8080");

    @Option(
            names = "--tunnel-listen",
            paramLabel = "HOST:PORT",
            description = "where agents come in (127.0.0.1:8081); may be the address of --listen")
    private InetSocketAddress tunnelListen = Values.address("127.0.0.1:8081");

    @Option(names = "--token", paramLabel = "TOKEN", description = "the token of all agents")
    private @Nullable String token;

    @Option(
            names = "--tokens-file",
            paramLabel = "FILE",
            description = "a file with AGENT_ID=TOKEN on each line; '*' is any agent")
    private @Nullable Path tokensFile;

    @Option(
            names = "--route",
            paramLabel = "HOST[/PATH]=AGENT[;OPTION=VALUE]...",
            description =
                    "which agent gets the requests of a host ('*': of any; '*.DOMAIN': of all below) and path; options are"
                            + " mode=zero-copy|aware|channel, target=NAME (one that the agent knows), service=NAME.NAMESPACE:PORT, timeout=30s,"
                            + " rate=100/s[:BURST], max-concurrent=N, upgrade=PROTOCOL, origin=HOST")
    private List<Routes.Given> routes = List.of();

    @Option(names = "--default-agent", paramLabel = "AGENT", description = "who gets what no route names")
    private @Nullable String defaultAgent;

    @Mixin
    private WebSocketModeOptions webSockets = new WebSocketModeOptions();

    @Option(names = "--upgrade-timeout", paramLabel = "TIME", description = "until the answer to an upgrade (10s)")
    private Duration upgradeTimeout = GatewayConfig.DEFAULT_UPGRADE_TIMEOUT;

    @Option(names = "--request-timeout", paramLabel = "TIME", description = "until the head of a response (130s)")
    private Duration requestTimeout = GatewayConfig.DEFAULT_REQUEST_TIMEOUT;

    @Option(
            names = "--allow-upgrade",
            paramLabel = "PROTOCOL",
            arity = "1..*",
            description = "what Upgrade may name on every route (websocket); '*' is any")
    private List<String> allowUpgrade = List.of("websocket");

    @Option(names = "--tls-cert", paramLabel = "FILE", description = "certificate chain in PEM, for clients and agents")
    private @Nullable Path tlsCert;

    @Option(
            names = "--tls-key",
            paramLabel = "FILE",
            description = "its private key in PEM (PKCS#8), without a password")
    private @Nullable Path tlsKey;

    @Option(
            names = "--h2c",
            description =
                    "speak HTTP/2 without TLS as well, to clients that begin with it (with TLS it always is spoken)")
    private boolean h2c;

    @Mixin
    private ForwardOptions forwards = new ForwardOptions();

    @Option(
            names = "--stream-idle-timeout",
            paramLabel = "TIME",
            description =
                    "cut TCP connections, upgraded ones, and responses that go on for ever, when nothing moves for so long (never)")
    private @Nullable Duration streamIdleTimeout;

    @Option(
            names = "--metrics-listen",
            paramLabel = "HOST:PORT",
            description = "where operators come in, without a token: /metrics, /healthz, /readyz, /status (nowhere)")
    private @Nullable InetSocketAddress metricsListen;

    @Option(
            names = "--trace-sampling",
            paramLabel = "SHARE",
            converter = Share.class,
            description =
                    "how many of the traces that begin here are flagged sampled, so that those behind record them: 0 to 1 (1)")
    private double traceSampling = 1;

    @Option(
            names = "--access-log",
            description = "a line for each request, on standard error by the logger io.tunnelmux.access")
    private boolean accessLog;

    @Option(
            names = "--log-performance-metrics",
            description = "a line at the end of each upgraded connection, by the logger io.tunnelmux.performance")
    private boolean logPerformanceMetrics;

    @Mixin
    private AdmissionOptions admission = new AdmissionOptions();

    @Mixin
    private ClientOptions clients = new ClientOptions();

    @Mixin
    private WindowOptions windows = new WindowOptions();

    @Mixin
    private IoOptions io = new IoOptions();

    private GatewayMain() {}

    /** Ends with 0 when told to, 1 if it cannot listen, 2 if it was started wrongly, 3 if memory runs out. */
    public static void main(String[] args) {
        PROGRAM.run(commandLine(), args);
    }

    static int execute(String... args) {
        return PROGRAM.execute(commandLine(), args);
    }

    private static CommandLine commandLine() {
        return PROGRAM.commandLine(new GatewayMain())
                .registerConverter(Routes.Given.class, Values.converter(Routes::given));
    }

    @Override
    public Integer call() throws InterruptedException {
        GatewayConfig configured;
        try {
            configured = configuration();
        } catch (IllegalArgumentException e) {
            return PROGRAM.fail(Program.MISUSED, e.getMessage());
        }
        Gateway gateway;
        try {
            gateway = Gateway.start(configured).toCompletableFuture().join();
        } catch (CompletionException e) {
            return PROGRAM.fail(
                    Program.FAILED,
                    e.getCause() == null ? e.getMessage() : e.getCause().getMessage());
        }
        PROGRAM.endOnSignal(
                patience -> gateway.close(patience).toCompletableFuture().join());
        if (routes.isEmpty() && defaultAgent == null && !forwards.isAny()) {
            PROGRAM.say("neither --route nor --default-agent is given: no request reaches any agent");
        }
        PrintStream out = System.out;
        out.println("gateway ready http=" + Values.text(gateway.httpAddress()) + " tunnel="
                + Values.text(gateway.tunnelAddress()));
        out.flush();
        new CountDownLatch(1).await();
        return Program.OK;
    }

    private GatewayConfig configuration() {
        GatewayConfig.Builder builder = GatewayConfig.builder()
                .httpAddress(listen)
                .tunnelAddress(tunnelListen)
                .authenticator(authenticator())
                .upgrades(Set.copyOf(allowUpgrade))
                .webSockets(webSockets.toConfig())
                .upgradeTimeout(upgradeTimeout)
                .requestTimeout(requestTimeout)
                .admission(admission.toConfig())
                .tls(tls())
                .h2c(h2c)
                .traceSampling(traceSampling)
                .accessLog(accessLog)
                .logPerformance(logPerformanceMetrics)
                .ioMode(io.mode());
        forwards.addTo(builder);
        if (streamIdleTimeout != null) {
            builder.streamIdleTimeout(streamIdleTimeout);
        }
        clients.addTo(builder);
        if (metricsListen == null) {
            builder.tunnel(windows.toConfig());
        } else {
            Metrics metrics = new Metrics();
            builder.metricsAddress(metricsListen)
                    .metrics(metrics::text)
                    .observer(metrics.gateway())
                    .tunnel(metrics.observed(windows.toBuilder()));
        }
        return builder.router(router()).build();
    }

    private AgentRouter router() {
        AgentRouter.Builder router = AgentRouter.builder();
        for (Routes.Given given : routes) {
            try {
                router.route(given.route());
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("--route: '" + given.text() + "': " + e.getMessage(), e);
            }
        }
        try {
            return router.defaultAgent(defaultAgent).build();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--default-agent: " + e.getMessage(), e);
        }
    }

    private TokenAuthenticator authenticator() {
        if ((token == null) == (tokensFile == null)) {
            throw new IllegalArgumentException("one of --token and --tokens-file is needed, and not both");
        }
        if (token != null) {
            return TokenAuthenticator.of(token);
        }
        try {
            return TokenAuthenticator.ofFile(tokensFile);
        } catch (IOException e) {
            throw new IllegalArgumentException("--tokens-file: cannot read " + e.getMessage(), e);
        }
    }

    private @Nullable TlsConfig tls() {
        if (tlsCert == null && tlsKey == null) {
            return null;
        }
        if (tlsCert == null || tlsKey == null) {
            throw new IllegalArgumentException("--tls-cert and --tls-key need each other");
        }
        try {
            return TlsConfig.server(tlsCert, tlsKey);
        } catch (IOException e) {
            throw new IllegalArgumentException("--tls-cert, --tls-key: " + e.getMessage(), e);
        }
    }

    /** For picocli, which makes one. */
    static final class Share implements ITypeConverter<Double> {
        private final ITypeConverter<Double> reader = Values.converter(Values::share);

        @Override
        public Double convert(String text) throws Exception {
            return reader.convert(text);
        }
    }
}
