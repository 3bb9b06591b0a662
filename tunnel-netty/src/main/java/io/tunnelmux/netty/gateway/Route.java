package io.tunnelmux.netty.gateway;

import io.tunnelmux.protocol.Hello;
import java.time.Duration;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Which requests go to which agent, and what holds for them. Immutable; any thread.
 *
 * <pre>{@code
 * Route.of("shop.example", "/api", "shop").withTimeout(Duration.ofSeconds(30)).withUpgrade("SPDY/3.1")
 * }</pre>
 */
public final class Route {

    /** In place of a protocol or an origin: any. */
    public static final String ANY = "*";

    private final String host;
    private final String pathPrefix;
    private final String agentId;
    private final @Nullable Duration timeout;
    private final Set<String> upgrades;
    private final Set<String> origins;

    private Route(Draft draft) {
        host = draft.host;
        pathPrefix = draft.pathPrefix;
        agentId = draft.agentId;
        timeout = draft.timeout;
        upgrades = Set.copyOf(draft.upgrades);
        origins = Set.copyOf(draft.origins);
    }

    /**
     * All requests, to {@code agentId}.
     *
     * @throws IllegalArgumentException if no agent can have this id
     */
    public static Route to(String agentId) {
        return of("", "/", agentId);
    }

    /**
     * The requests for a host and a path prefix.
     *
     * @param host as in {@code Host}, with or without a port; empty is any
     * @param pathPrefix begins with a slash; matches whole segments of the path as it came, undecoded
     * @param agentId who gets them
     * @throws IllegalArgumentException if the prefix does not begin with a slash, or no agent can have this id
     */
    public static Route of(String host, String pathPrefix, String agentId) {
        if (!pathPrefix.startsWith("/")) {
            throw new IllegalArgumentException("a path prefix must begin with a slash: " + pathPrefix);
        }
        if (agentId.isEmpty()) {
            throw new IllegalArgumentException("no agent");
        }
        Hello.builder().agentId(agentId);
        return new Route(new Draft(host.toLowerCase(Locale.ROOT), pathPrefix, agentId));
    }

    /**
     * The same with a time of its own until the response's head.
     *
     * @throws IllegalArgumentException unless it is positive
     */
    public Route withTimeout(Duration newTimeout) {
        if (newTimeout.isNegative() || newTimeout.isZero()) {
            throw new IllegalArgumentException("timeout: " + newTimeout);
        }
        return with(draft -> draft.timeout = newTimeout);
    }

    /** The same with one more protocol that {@code Upgrade} may name, besides those that the gateway allows everywhere; {@link #ANY} is any. */
    public Route withUpgrade(String protocol) {
        return with(draft -> draft.upgrades.add(protocol.toLowerCase(Locale.ROOT)));
    }

    /**
     * The same with one more host whose pages may open WebSockets here, besides the requested host itself; {@link #ANY} is any.
     *
     * @param origin a host, with its port if that is not the scheme's own
     */
    public Route withOrigin(String origin) {
        return with(draft -> draft.origins.add(origin.toLowerCase(Locale.ROOT)));
    }

    private Route with(Consumer<Draft> change) {
        Draft draft = new Draft(host, pathPrefix, agentId);
        draft.timeout = timeout;
        draft.upgrades.addAll(upgrades);
        draft.origins.addAll(origins);
        change.accept(draft);
        return new Route(draft);
    }

    /** As in {@code Host}, in lower case; empty is any. */
    public String host() {
        return host;
    }

    /** Whole segments of the path as it came, undecoded. */
    public String pathPrefix() {
        return pathPrefix;
    }

    /** Who gets the requests. */
    public String agentId() {
        return agentId;
    }

    /** Until the response's head; null is the gateway's own. */
    public @Nullable Duration timeout() {
        return timeout;
    }

    /** Protocols that {@code Upgrade} may name here besides those that the gateway allows everywhere, in lower case. */
    public Set<String> upgrades() {
        return upgrades;
    }

    /** Hosts whose pages may open WebSockets here besides the requested host itself, in lower case. */
    public Set<String> origins() {
        return origins;
    }

    /** The whole of a host is also what {@code OPTIONS *} asks about, though {@code *} does not begin with a slash. */
    boolean matchesPath(String path) {
        return pathPrefix.equals("/")
                || path.startsWith(pathPrefix)
                        && (path.length() == pathPrefix.length()
                                || pathPrefix.endsWith("/")
                                || path.charAt(pathPrefix.length()) == '/');
    }

    private static final class Draft {
        private final String host;
        private final String pathPrefix;
        private final String agentId;
        private final Set<String> upgrades = new HashSet<>();
        private final Set<String> origins = new HashSet<>();
        private @Nullable Duration timeout;

        Draft(String host, String pathPrefix, String agentId) {
            this.host = host;
            this.pathPrefix = pathPrefix;
            this.agentId = agentId;
        }
    }
}
