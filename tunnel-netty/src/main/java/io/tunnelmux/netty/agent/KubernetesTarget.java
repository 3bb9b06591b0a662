package io.tunnelmux.netty.agent;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.netty.transport.TlsConfig;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The API of a Kubernetes cluster as an upstream: requests are made in the agent's name and with its powers, so that little is let through. Nothing is
 * allowed that was not turned on.
 *
 * <ul>
 *   <li>The path lies under an allowed prefix, and means the same to whoever reads it: escaped slashes and dots, dot segments, empty segments and the like are
 *       refused and never repaired. It goes on byte for byte.
 *   <li>Methods are GET, HEAD and OPTIONS. Those that change something, and the subresources that reach into containers or past the API, are a {@link Power}
 *       each. Watching and reading logs are plain reads.
 *   <li>The connection changes to WebSocket or SPDY/3.1 only where a subresource needs it, and to WebSocket for watches and logs.
 *   <li>Whatever says who somebody is, or what the request really is, goes: {@code Authorization}, also as a WebSocket's subprotocol, {@code Impersonate-*},
 *       {@code X-Remote-*}, cookies, certificates of clients, {@code Host}, and methods and paths in the place of others. Then the agent's token is added.
 * </ul>
 *
 * <p>What a token may do is for the cluster to say (RBAC); these rules come before that and do not replace it. Immutable; any thread.
 *
 * <pre>{@code
 * KubernetesTarget.builder(URI.create("https://10.0.0.1"))
 *         .tls(TlsConfig.client(Path.of("ca.crt")))
 *         .token(TokenFile.open(Path.of("token")))
 *         .allowPaths(KubernetesTarget.READABLE_PATHS)
 *         .build()
 *         .upstream();
 * }</pre>
 */
public final class KubernetesTarget implements RequestFilter {

    /** What may be done besides reading. */
    public enum Power {
        /** POST, PUT, PATCH and DELETE. */
        WRITE,
        /** {@code exec}: to run commands in containers. */
        EXEC,
        /** {@code attach}: to speak with what runs in containers. */
        ATTACH,
        /** {@code portforward}: to connect to ports of pods. */
        PORT_FORWARD,
        /** {@code proxy}: to have the API server make requests to pods and services; to nodes, which can run commands, only together with {@link #EXEC}. */
        PROXY
    }

    /** What {@code kubectl} reads: all objects, what kinds there are, version and health. */
    public static final List<String> READABLE_PATHS =
            List.of("/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz");

    private static final Set<String> READING = Set.of("GET", "HEAD", "OPTIONS");
    private static final Set<String> WRITING = Set.of("POST", "PUT", "PATCH", "DELETE");
    private static final Set<String> UPGRADES = Set.of("websocket", "spdy/3.1");
    private static final String BEARER_SUBPROTOCOL = "base64url.bearer.authorization.k8s.io.";
    private static final Pattern SUBPROTOCOL = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
    private static final String SUBPROTOCOLS = "sec-websocket-protocol";
    private static final Set<String> DROPPED = Set.of(
            "authorization",
            "client-cert",
            "client-cert-chain",
            "cookie",
            "cookie2",
            "host",
            "ssl-client-cert",
            "x-client-cert",
            "x-forwarded-client-cert",
            "x-forwarded-tls-client-cert",
            "x-forwarded-tls-client-cert-info",
            "x-forwarded-user",
            "x-http-method",
            "x-http-method-override",
            "x-method-override",
            "x-original-url",
            "x-rewrite-url",
            "x-ssl-client-cert",
            "x-ssl-cert");

    private final Upstream upstream;
    private final @Nullable Supplier<@Nullable String> token;
    private final Set<String> prefixes;
    private final Set<Power> powers;

    private KubernetesTarget(Builder builder) {
        Upstream api = Upstream.of(builder.api);
        upstream = (builder.tls == null ? api : api.withTls(builder.tls)).withFilter(this);
        token = builder.token;
        prefixes = Set.copyOf(builder.prefixes);
        powers = Set.copyOf(builder.powers);
    }

    /**
     * A builder with nothing allowed.
     *
     * @param api {@code https://host:port} of the API server
     * @throws IllegalArgumentException if it is no URL of an {@link Upstream}
     */
    public static Builder builder(URI api) {
        Upstream.of(api);
        return new Builder(api);
    }

    /** The API server behind these rules, for a configuration or a resolver. */
    public Upstream upstream() {
        return upstream;
    }

    @Override
    public Message.HttpHead apply(Message.HttpHead head, @Nullable String upgrade) throws RequestRefusedException {
        KubernetesPath path = KubernetesPath.of(head.path());
        if (prefixes.stream().noneMatch(path::isUnder)) {
            throw new RequestRefusedException("this path is not allowed here");
        }
        Power reach = powerOf(path.subresource());
        if (reach != null) {
            require(reach);
        }
        if (reach == Power.PROXY && path.isNode()) {
            require(Power.EXEC);
        }
        boolean isStream = reach != null && reach != Power.PROXY;
        checkMethod(head.method(), isStream);
        if (upgrade != null && !mayChangeTo(upgrade.toLowerCase(Locale.ROOT), reach, path, head.query())) {
            throw new RequestRefusedException("no connection may change its protocol for this path");
        }
        return new Message.HttpHead(
                head.method(),
                head.path(),
                head.query(),
                upstream.isTls() ? "https" : "http",
                upstream.authority(),
                headers(head.headers()));
    }

    private static @Nullable Power powerOf(@Nullable String subresource) {
        return switch (subresource == null ? "" : subresource) {
            case "exec" -> Power.EXEC;
            case "attach" -> Power.ATTACH;
            case "portforward" -> Power.PORT_FORWARD;
            case "proxy" -> Power.PROXY;
            default -> null;
        };
    }

    private void require(Power power) throws RequestRefusedException {
        if (!powers.contains(power)) {
            throw new RequestRefusedException(
                    power.name().toLowerCase(Locale.ROOT).replace("_", "") + " is not allowed here");
        }
    }

    /** @param isStream whether POST does not write, but opens a stream */
    private void checkMethod(String method, boolean isStream) throws RequestRefusedException {
        if (READING.contains(method) || isStream && method.equals("POST")) {
            return;
        }
        if (!WRITING.contains(method)) {
            throw new RequestRefusedException("this method is not allowed here");
        }
        require(Power.WRITE);
    }

    private static boolean mayChangeTo(
            String protocol, @Nullable Power reach, KubernetesPath path, @Nullable String query) {
        if (reach != null) {
            return UPGRADES.contains(protocol);
        }
        boolean isRead = path.isLog() || path.isWatch() || path.isWatchable() && asksToWatch(query);
        return isRead && protocol.equals("websocket");
    }

    private static boolean asksToWatch(@Nullable String query) {
        return query != null
                && List.of(query.split("&")).stream()
                        .anyMatch(pair -> pair.equals("watch=true") || pair.equals("watch=1"));
    }

    private Headers headers(Headers received) throws RequestRefusedException {
        Set<String> nominated = nominated(received.all("connection"));
        Headers.Builder passed = Headers.builder();
        received.forEach((name, value) -> {
            String lower = name.toLowerCase(Locale.ROOT);
            if (lower.equals(SUBPROTOCOLS)) {
                String harmless = withoutBearer(value);
                if (!harmless.isEmpty()) {
                    passed.add(name, harmless);
                }
            } else if (!isDropped(lower) && !nominated.contains(lower)) {
                passed.add(name, value);
            }
        });
        if (token != null) {
            if (received.size() == Headers.MAX_VALUES) {
                throw new RequestRefusedException(
                        ErrorCode.FORBIDDEN,
                        HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE.code(),
                        "no header field more can be carried");
            }
            passed.add("Authorization", "Bearer " + current(token));
        }
        return passed.build();
    }

    private static String current(Supplier<@Nullable String> token) throws RequestRefusedException {
        String current = token.get();
        if (current == null || current.isEmpty()) {
            throw new RequestRefusedException(
                    ErrorCode.INTERNAL_ERROR,
                    HttpResponseStatus.BAD_GATEWAY.code(),
                    "the agent has no token for its Kubernetes API");
        }
        return current;
    }

    /** What is nominated goes, whatever it is; {@code Connection} itself stays for those who judge it for every upstream. */
    private static Set<String> nominated(List<String> connection) {
        Set<String> names = new HashSet<>();
        for (String value : connection) {
            for (String name : value.split(",")) {
                names.add(name.trim().toLowerCase(Locale.ROOT));
            }
        }
        names.remove("upgrade");
        return names;
    }

    /** An underscore passes for a dash where a server of the CGI kind is on the way. */
    private static boolean isDropped(String lowerName) {
        String name = lowerName.replace('_', '-');
        return DROPPED.contains(name) || name.startsWith("impersonate-") || name.startsWith("x-remote-");
    }

    /** Without tokens of users, and without what is no name of a subprotocol (RFC 6455, 4.1): servers do not agree on which blanks surround one. */
    private static String withoutBearer(String subprotocols) {
        List<String> harmless = new ArrayList<>();
        for (String subprotocol : subprotocols.split(",")) {
            String name = subprotocol.trim();
            if (SUBPROTOCOL.matcher(name).matches()
                    && !name.toLowerCase(Locale.ROOT).startsWith(BEARER_SUBPROTOCOL)) {
                harmless.add(name);
            }
        }
        return String.join(", ", harmless);
    }

    /** Gathers a {@link KubernetesTarget}. For one thread. */
    public static final class Builder {
        private final URI api;
        private final Set<String> prefixes = new LinkedHashSet<>();
        private final Set<Power> powers = EnumSet.noneOf(Power.class);
        private @Nullable TlsConfig tls;
        private @Nullable Supplier<@Nullable String> token;

        private Builder(URI api) {
            this.api = api;
        }

        /** Whom to trust to be the API server, in place of {@link AgentConfig#upstreamTls()}. */
        public Builder tls(TlsConfig tls) {
            this.tls = Objects.requireNonNull(tls);
            return this;
        }

        /** Asked for the agent's bearer token for each request, on an event loop: must not block. Requests are answered with 502 while it is null. */
        public Builder token(Supplier<@Nullable String> token) {
            this.token = Objects.requireNonNull(token);
            return this;
        }

        /**
         * Lets through requests whose path is one of these or goes on behind it with a slash, escapes read: {@link #READABLE_PATHS}, or
         * {@code /api/v1/namespaces/shop} alone. Adds to those allowed before; {@code /} is every path.
         *
         * @throws IllegalArgumentException if one does not begin with a slash, or is none that could be let through
         */
        public Builder allowPaths(Collection<String> prefixes) {
            for (String prefix : prefixes) {
                try {
                    this.prefixes.add(KubernetesPath.of(prefix).toString());
                } catch (RequestRefusedException e) {
                    throw new IllegalArgumentException("'" + prefix + "': " + e.getMessage(), e);
                }
            }
            return this;
        }

        /** Allows more than reading, under the allowed paths. */
        public Builder allow(Power power) {
            powers.add(power);
            return this;
        }

        /**
         * The target.
         *
         * @throws IllegalStateException if a token would go out without TLS, or TLS has no use
         */
        public KubernetesTarget build() {
            if (token != null && !Upstream.of(api).isTls()) {
                throw new IllegalStateException("the token must not be sent in the clear, to " + api);
            }
            return new KubernetesTarget(this);
        }
    }
}
