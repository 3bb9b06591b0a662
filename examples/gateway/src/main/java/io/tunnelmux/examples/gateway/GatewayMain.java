package io.tunnelmux.examples.gateway;

import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs a gateway until it is told to end. */
@Command(
        name = "tunnel-gateway",
        mixinStandardHelpOptions = true,
        versionProvider = GatewayMain.Version.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        description = "Takes clients' requests in and sends them to agents through the tunnels that these have opened.")
public final class GatewayMain implements Callable<Integer> {

    private static final Logger LOG = LoggerFactory.getLogger(GatewayMain.class);

    private static final int OK = 0;
    private static final int FAILED = 1;
    private static final int MISUSED = 2;
    private static final int OUT_OF_MEMORY = 3;
    /** Ready to be written: then there is no memory to make them. */
    private static final byte[] LAST_WORDS =
            "tunnel-gateway: out of memory, ends at once\n".getBytes(StandardCharsets.US_ASCII);
    /** Together within the ten seconds that a supervisor waits. */
    private static final Duration DRAIN = Duration.ofSeconds(7);

    private static final Duration LAST = Duration.ofSeconds(9);

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
            description = "which agent gets the requests of a host ('*': of any) and path; options are"
                    + " mode=zero-copy, timeout=30s, upgrade=PROTOCOL, origin=HOST")
    private List<Route> routes = List.of();

    @Option(names = "--default-agent", paramLabel = "AGENT", description = "who gets what no route names")
    private @Nullable String defaultAgent;

    @Option(
            names = "--websocket-mode",
            paramLabel = "MODE",
            description = "zero-copy (the default); aware is not yet available")
    private String webSocketMode = "zero-copy";

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

    @Option(names = "--tls-key", paramLabel = "FILE", description = "its private key in PEM")
    private @Nullable Path tlsKey;

    @Option(names = "--tcp-listen", paramLabel = "HOST:PORT=AGENT[:TARGET]", description = "not yet available")
    private List<String> tcpListen = List.of();

    @Option(names = "--stream-idle-timeout", paramLabel = "TIME", description = "not yet available")
    private @Nullable Duration streamIdleTimeout;

    @Option(
            names = "--metrics-listen",
            paramLabel = "HOST:PORT",
            description = "where operators come in, without a token: /healthz, /readyz, /status (nowhere)")
    private @Nullable InetSocketAddress metricsListen;

    @Mixin
    private WindowOptions windows = new WindowOptions();

    @Option(names = "--config", paramLabel = "FILE", description = "not yet available")
    private @Nullable Path config;

    private GatewayMain() {}

    /** Ends with 0 when told to, 1 if it cannot listen, 2 if it was started wrongly, 3 if memory runs out. */
    public static void main(String[] args) {
        Thread.setDefaultUncaughtExceptionHandler(GatewayMain::onUncaught);
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        return new CommandLine(new GatewayMain())
                .registerConverter(Duration.class, checked(Values::duration))
                .registerConverter(InetSocketAddress.class, checked(Values::address))
                .registerConverter(Route.class, checked(Values::route))
                .setParameterExceptionHandler((misuse, args) -> fail(MISUSED, misuse.getMessage()))
                .setExecutionExceptionHandler((failure, command, parsed) -> fail(FAILED, String.valueOf(failure)));
    }

    private static <T> CommandLine.ITypeConverter<T> checked(CommandLine.ITypeConverter<T> converter) {
        return text -> {
            try {
                return converter.convert(text);
            } catch (IllegalArgumentException e) {
                throw new CommandLine.TypeConversionException(e.getMessage());
            }
        };
    }

    private static int fail(int exitCode, @Nullable String message) {
        say(String.valueOf(message).replaceAll("\\s*\\R\\s*", " "));
        return exitCode;
    }

    private static void say(String line) {
        System.err.println("tunnel-gateway: " + line);
    }

    @Override
    public Integer call() throws InterruptedException {
        GatewayConfig configured;
        try {
            configured = configuration();
        } catch (IllegalArgumentException e) {
            return fail(MISUSED, e.getMessage());
        }
        Gateway gateway;
        try {
            gateway = Gateway.start(configured).toCompletableFuture().join();
        } catch (CompletionException e) {
            return fail(
                    FAILED, e.getCause() == null ? e.getMessage() : e.getCause().getMessage());
        }
        endOnSignal(gateway);
        if (routes.isEmpty() && defaultAgent == null) {
            say("neither --route nor --default-agent is given: no request reaches any agent");
        }
        PrintStream out = System.out;
        out.println("gateway ready http=" + Values.text(gateway.httpAddress()) + " tunnel="
                + Values.text(gateway.tunnelAddress()));
        out.flush();
        new CountDownLatch(1).await();
        return OK;
    }

    private GatewayConfig configuration() {
        requireKnown();
        Values.requireMode(webSocketMode);
        GatewayConfig.Builder builder = GatewayConfig.builder()
                .httpAddress(listen)
                .tunnelAddress(tunnelListen)
                .authenticator(authenticator())
                .upgrades(Set.copyOf(allowUpgrade))
                .upgradeTimeout(upgradeTimeout)
                .requestTimeout(requestTimeout)
                .tunnel(windows.toConfig())
                .tls(tls());
        if (metricsListen != null) {
            builder.metricsAddress(metricsListen);
        }
        AgentRouter.Builder router = AgentRouter.builder().defaultAgent(defaultAgent);
        routes.forEach(router::route);
        return builder.router(router.build()).build();
    }

    private void requireKnown() {
        requireAbsent("--tcp-listen", tcpListen.isEmpty());
        requireAbsent("--stream-idle-timeout", streamIdleTimeout == null);
        requireAbsent("--config", config == null);
    }

    private static void requireAbsent(String option, boolean isAbsent) {
        if (!isAbsent) {
            throw new IllegalArgumentException(option + " is not yet available");
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

    private static void onUncaught(Thread thread, Throwable error) {
        if (error instanceof OutOfMemoryError) {
            endWithoutMemory();
        }
        LOG.error("thread ended thread={}", thread.getName(), error);
    }

    /**
     * Without memory something was left half done, nobody knows what: better no gateway than that, and a supervisor that starts the next.
     * <p>Never returns. Where several threads come, the first does it, and the others wait at the monitor until the process is gone.
     */
    private static synchronized void endWithoutMemory() {
        try {
            System.err.write(LAST_WORDS, 0, LAST_WORDS.length);
            System.err.flush();
        } finally {
            Runtime.getRuntime().halt(OUT_OF_MEMORY);
        }
    }

    /** SIGTERM and SIGINT end a JVM with a code of their own; an orderly end is no failure. */
    private static void endOnSignal(Gateway gateway) {
        Thread hook = new Thread(
                () -> {
                    int exitCode = OK;
                    try {
                        gateway.close(DRAIN).toCompletableFuture().get(LAST.toMillis(), TimeUnit.MILLISECONDS);
                    } catch (ExecutionException | TimeoutException e) {
                        exitCode = fail(FAILED, "did not close: " + e);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    System.err.flush();
                    Runtime.getRuntime().halt(exitCode);
                },
                "shutdown");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** The version of the jar. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = GatewayMain.class.getPackage().getImplementationVersion();
            return new String[] {"tunnel-gateway " + (version == null ? "(not packaged)" : version)};
        }
    }
}
