package io.tunnelmux.examples.kubernetes;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.tunnelmux.examples.agent.AgentOptions;
import io.tunnelmux.examples.agent.AgentRunner;
import io.tunnelmux.examples.common.KubernetesOptions;
import io.tunnelmux.examples.common.Program;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.TokenFile;
import io.tunnelmux.netty.agent.UpstreamResolver;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Runs an agent that takes requests to services of the cluster that it lives in. Standard output has one line, when the first tunnel stands; all else is in the log, on
 * standard error.
 */
@Command(
        name = "tunnel-kubernetes-agent",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true,
        description =
                "Dials a gateway and answers its requests from services of a Kubernetes cluster, and from what else is"
                        + " named here.")
public final class KubernetesAgentMain implements Callable<Integer> {

    private static final Program PROGRAM = new Program("tunnel-kubernetes-agent");
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int REQUEST_TIMEOUT_MILLIS = 10_000;
    /** Of a request that the API does not answer; watches go on by themselves. */
    private static final int RETRIES = 3;

    @Mixin
    private AgentOptions options = new AgentOptions();

    @Option(
            names = "--services",
            paramLabel = "NAMESPACE",
            arity = "1..*",
            description =
                    "answer from the services of these namespaces, which the account must be able to list and watch; a"
                            + " gateway's route names one as its target: web.shop, web.shop:8080, web.shop:http")
    private Set<String> namespaces = new LinkedHashSet<>();

    @Option(
            names = "--services-ca",
            paramLabel = "FILE",
            description =
                    "PEM certificates of who may sign those of services that speak https; default: whom the platform"
                            + " trusts")
    private @Nullable Path authorities;

    private KubernetesAgentMain() {}

    /** Ends with 0 when told to, 1 if it cannot start, 2 if it was started wrongly, 3 if memory runs out. */
    public static void main(String[] args) {
        PROGRAM.run(commandLine(), args);
    }

    static int execute(String... args) {
        return PROGRAM.execute(commandLine(), args);
    }

    static CommandLine commandLine() {
        return PROGRAM.commandLine(new KubernetesAgentMain());
    }

    @Override
    public Integer call() throws InterruptedException {
        if (namespaces.isEmpty()) {
            return PROGRAM.fail(Program.MISUSED, "--services is needed: without it, tunnel-agent does the same");
        }
        return AgentRunner.run(PROGRAM, options, this::withServices);
    }

    private AgentConfig.Builder withServices(AgentConfig.Builder config) {
        UpstreamResolver others = options.namesUpstreams() ? config.build().resolver() : request -> null;
        try {
            if (authorities != null) {
                config.upstreamTls(TlsConfig.client(authorities));
            }
        } catch (IOException e) {
            throw new IllegalArgumentException("--services-ca: " + e.getMessage(), e);
        }
        KubernetesClient client = client(options.kubernetes().account());
        try {
            return config.resolver(new ServiceResolver(ServiceDirectory.start(client, namespaces, PATIENCE), others));
        } catch (IOException e) {
            client.close();
            throw new UncheckedIOException(e.getMessage(), e);
        } catch (InterruptedException e) {
            client.close();
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    static KubernetesClient client(KubernetesOptions.Account account) {
        TokenFile token = account.token();
        ConfigBuilder config = new ConfigBuilder(Config.empty())
                .withMasterUrl(account.api().toString())
                .withRequestTimeout(REQUEST_TIMEOUT_MILLIS)
                .withRequestRetryBackoffLimit(RETRIES)
                .withConnectionTimeout(REQUEST_TIMEOUT_MILLIS);
        if (token != null) {
            config.withOauthTokenProvider(token::get);
        }
        if (account.authorities() != null) {
            config.withCaCertFile(account.authorities().toString());
        }
        return new KubernetesClientBuilder().withConfig(config.build()).build();
    }
}
