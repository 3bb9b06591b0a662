package io.tunnelmux.examples.common;

import io.tunnelmux.netty.agent.KubernetesTarget;
import io.tunnelmux.netty.agent.KubernetesTarget.Power;
import io.tunnelmux.netty.agent.TokenFile;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options on the API of a Kubernetes cluster as an upstream. For one thread. */
public final class KubernetesOptions {

    private static final String HOST = "KUBERNETES_SERVICE_HOST";
    private static final String PORT = "KUBERNETES_SERVICE_PORT";
    private static final Path SERVICE_ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");
    private static final String READ = "read";
    private static final Map<String, Power> POWERS = Map.of(
            "write", Power.WRITE,
            "exec", Power.EXEC,
            "attach", Power.ATTACH,
            "portforward", Power.PORT_FORWARD,
            "proxy", Power.PROXY);

    @Option(
            names = "--kubernetes",
            description = "answer from the API of the cluster that this runs in, in the name of its service account")
    private boolean isInCluster;

    @Option(
            names = "--kubernetes-api",
            paramLabel = "URL",
            description = "answer from this API: https://HOST:PORT; default with --kubernetes: the cluster's")
    private @Nullable String api;

    @Option(
            names = "--kubernetes-allow",
            paramLabel = "WHAT",
            arity = "1..*",
            description =
                    "what may be done there, as far as its own rules (RBAC) let the account: read (all that kubectl reads)"
                            + " or path prefixes such as /api/v1/namespaces/shop; besides reading under these: write, exec, attach,"
                            + " portforward, proxy; default: nothing")
    private List<String> allowed = new ArrayList<>();

    @Option(
            names = "--kubernetes-token-file",
            paramLabel = "FILE",
            description =
                    "the account's token, read again every 10 s; default with --kubernetes: the service account's")
    private @Nullable Path tokenFile;

    @Option(
            names = "--kubernetes-ca",
            paramLabel = "FILE",
            description =
                    "PEM certificates of who may sign the API's; default with --kubernetes: those beside the service account's"
                            + " token, else whom the platform trusts")
    private @Nullable Path authorities;

    private final Map<String, String> environment;
    private final Path serviceAccount;
    private @Nullable Account account;

    /** As the process finds itself. */
    public KubernetesOptions() {
        this(System.getenv(), SERVICE_ACCOUNT);
    }

    KubernetesOptions(Map<String, String> environment, Path serviceAccount) {
        this.environment = environment;
        this.serviceAccount = serviceAccount;
    }

    /** Whether they name an API to answer from. */
    public boolean isNamed() {
        return isInCluster || api != null;
    }

    /**
     * The API behind its rules; null if none is named.
     *
     * @throws IllegalArgumentException if the options make no sense, with a message for people
     */
    public @Nullable Upstream toUpstream() {
        if (!isNamed()) {
            requireUnused("--kubernetes-allow", allowed.isEmpty());
            requireUnused("--kubernetes-token-file", tokenFile == null);
            requireUnused("--kubernetes-ca", authorities == null);
            return null;
        }
        KubernetesTarget.Builder target = builder(api());
        allow(target);
        Account account = account();
        try {
            if (account.authorities() != null) {
                target.tls(TlsConfig.client(account.authorities()));
            }
        } catch (IOException e) {
            throw new IllegalArgumentException("--kubernetes-ca: " + message(e), e);
        }
        if (account.token() != null) {
            target.token(account.token());
        }
        try {
            return target.build().upstream();
        } catch (IllegalStateException e) {
            throw new IllegalArgumentException("--kubernetes-api: " + message(e), e);
        }
    }

    /**
     * In whose name to speak to the API that is named, and else to that of the cluster that this runs in. The token is read again from now on, to the end of the process.
     *
     * @throws IllegalArgumentException if there is none, with a message for people
     */
    public Account account() {
        if (account == null) {
            boolean isPlain = isPlain();
            account = new Account(
                    URI.create(api()),
                    isPlain ? tokenFile() : tokenOrFail(),
                    isPlain ? null : orOfServiceAccount(authorities, "ca.crt"));
        }
        return account;
    }

    private static void requireUnused(String option, boolean isUnused) {
        if (!isUnused) {
            throw new IllegalArgumentException(option + " has no use without --kubernetes or --kubernetes-api");
        }
    }

    private TokenFile tokenOrFail() {
        TokenFile token = tokenFile();
        if (token == null) {
            throw new IllegalArgumentException(
                    "--kubernetes-token-file is needed, or --kubernetes for the service account of this process");
        }
        return token;
    }

    private @Nullable TokenFile tokenFile() {
        Path file = isPlain() ? tokenFile : orOfServiceAccount(tokenFile, "token");
        try {
            return file == null ? null : TokenFile.open(file);
        } catch (IOException e) {
            throw new IllegalArgumentException("--kubernetes-token-file: " + message(e), e);
        }
    }

    /**
     * Who speaks to an API.
     *
     * @param token null where it is spoken to without one
     * @param authorities PEM certificates of who may sign the API's; null for whom the platform trusts
     */
    public record Account(
            URI api, @Nullable TokenFile token, @Nullable Path authorities) {}

    private static KubernetesTarget.Builder builder(String url) {
        try {
            return KubernetesTarget.builder(URI.create(url));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--kubernetes-api: " + message(e), e);
        }
    }

    private String api() {
        if (api != null) {
            return api;
        }
        String host = environment.get(HOST);
        if (host == null || host.isEmpty()) {
            throw new IllegalArgumentException(
                    "--kubernetes: this runs in no cluster (" + HOST + " is not set); --kubernetes-api names one");
        }
        String port = environment.getOrDefault(PORT, "443");
        return "https://" + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }

    /** As {@code kubectl proxy} serves it: it has a token of its own. */
    private boolean isPlain() {
        return api != null && api.toLowerCase(Locale.ROOT).startsWith("http://");
    }

    /** Only where that account was asked for: its token is for its own cluster's API, and for nobody else to see. */
    private @Nullable Path orOfServiceAccount(@Nullable Path given, String name) {
        return given == null && (isInCluster || api == null) ? serviceAccount.resolve(name) : given;
    }

    private void allow(KubernetesTarget.Builder target) {
        List<String> prefixes = new ArrayList<>();
        for (String what : allowed) {
            if (what.equals(READ)) {
                prefixes.addAll(KubernetesTarget.READABLE_PATHS);
            } else if (what.startsWith("/")) {
                prefixes.add(what);
            } else if (POWERS.containsKey(what)) {
                target.allow(POWERS.get(what));
            } else {
                throw new IllegalArgumentException("--kubernetes-allow: '" + what
                        + "' is none of read, write, exec, attach, portforward, proxy, and no path");
            }
        }
        if (prefixes.isEmpty()) {
            throw new IllegalArgumentException(
                    "--kubernetes-allow is needed, with read or with path prefixes: nothing is allowed that it does not name");
        }
        try {
            target.allowPaths(prefixes);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--kubernetes-allow: " + message(e), e);
        }
    }

    private static String message(Exception e) {
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }
}
