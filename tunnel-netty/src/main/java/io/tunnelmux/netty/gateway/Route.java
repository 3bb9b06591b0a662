package io.tunnelmux.netty.gateway;

import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import java.util.HashSet;
import java.util.Locale;
import java.util.Objects;
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

    static final String WILDCARD = "*.";

    private final String host;
    private final String pathPrefix;
    private final String agentId;
    private final Message.Destination destination;
    private final @Nullable Duration timeout;
    private final @Nullable RateLimit rate;
    private final int maxConcurrent;
    private final @Nullable WebSocketMode webSocketMode;
    private final Set<String> upgrades;
    private final Set<String> origins;

    private Route(Draft draft) {
        host = draft.host;
        pathPrefix = draft.pathPrefix;
        agentId = draft.agentId;
        destination = draft.destination;
        timeout = draft.timeout;
        rate = draft.rate;
        maxConcurrent = draft.maxConcurrent;
        webSocketMode = draft.webSocketMode;
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
     * @param host as in {@code Host}, with or without a port; {@code *.} before a domain is all hosts below it; empty is any
     * @param pathPrefix begins with a slash; matches whole segments of the path as it came, undecoded
     * @param agentId who gets them
     * @throws IllegalArgumentException if the prefix does not begin with a slash, the host has a {@code *} elsewhere, or no agent can have this id
     */
    public static Route of(String host, String pathPrefix, String agentId) {
        String plain = host.startsWith(WILDCARD) ? host.substring(WILDCARD.length()) : host;
        if (plain.indexOf('*') >= 0 || plain.isEmpty() && !host.isEmpty()) {
            throw new IllegalArgumentException("a host may begin with '*.' and have no other '*': " + host);
        }
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
     * The same with a name for where the agent shall take the requests, in place of where it would by their paths. The name is one that the agent's configuration
     * knows; it refuses others.
     *
     * @throws IllegalArgumentException if it is empty or longer than a target may be
     */
    public Route withTarget(String newTarget) {
        if (newTarget.isEmpty()) {
            throw new IllegalArgumentException("target is empty");
        }
        return with(new Message.Destination(
                newTarget, destination.serviceName(), destination.namespace(), destination.servicePort()));
    }

    /**
     * The same for a service that the agent shall take the requests to. An agent that knows no services refuses them.
     *
     * @throws IllegalArgumentException if a name is empty or too long, or the port is none
     */
    public Route withService(String name, String namespace, int port) {
        if (name.isEmpty() || namespace.isEmpty() || port < 1) {
            throw new IllegalArgumentException("no service: " + name + '.' + namespace + ':' + port);
        }
        return with(new Message.Destination(destination.target(), name, namespace, port));
    }

    private Route with(Message.Destination newDestination) {
        return with(draft -> draft.destination = newDestination);
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

    /** The same with a way of its own to carry WebSockets. */
    public Route withWebSocketMode(WebSocketMode mode) {
        Objects.requireNonNull(mode);
        return with(draft -> draft.webSocketMode = mode);
    }

    /**
     * The same with one more host whose pages may open WebSockets here, besides the requested host itself; {@link #ANY} is any.
     *
     * @param origin a host, with its port if that is not the scheme's own; {@code *.} before a domain is all hosts below it. With its scheme,
     *     {@code app://host}, it is that origin alone; {@code null} is pages without an origin, which anybody can make
     */
    public Route withOrigin(String origin) {
        return with(draft -> draft.origins.add(origin.toLowerCase(Locale.ROOT)));
    }

    /** The same with a limit of its own to how often it takes requests, over all clients. */
    public Route withRate(RateLimit limit) {
        Objects.requireNonNull(limit);
        return with(draft -> draft.rate = limit);
    }

    /**
     * The same with a limit of its own to requests at once; whatever is more is refused at once, so that it does not take the places of others in the agent's
     * queue.
     *
     * @throws IllegalArgumentException if it is less than 1
     */
    public Route withMaxConcurrent(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("max-concurrent: " + count);
        }
        return with(draft -> draft.maxConcurrent = count);
    }

    private Route with(Consumer<Draft> change) {
        Draft draft = new Draft(host, pathPrefix, agentId);
        draft.destination = destination;
        draft.timeout = timeout;
        draft.rate = rate;
        draft.maxConcurrent = maxConcurrent;
        draft.webSocketMode = webSocketMode;
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

    /** What the agent is asked to do with the requests; it has the last word. */
    Message.Destination destination() {
        return destination;
    }

    /** Whether a service of the agent's cluster is all that says where the requests go. */
    boolean namesServiceOnly() {
        return destination.target() == null && destination.serviceName() != null;
    }

    /** What the agent shall take for where the requests go; null leaves it to the agent. */
    public @Nullable String target() {
        return destination.target();
    }

    /** Until the response's head; null is the gateway's own. */
    public @Nullable Duration timeout() {
        return timeout;
    }

    /** How often it takes requests; null is as often as they come. */
    public @Nullable RateLimit rate() {
        return rate;
    }

    /** Requests at once; 0 is as many as the agent takes. */
    public int maxConcurrent() {
        return maxConcurrent;
    }

    /** How WebSockets are carried; null is as the gateway does it. */
    public @Nullable WebSocketMode webSocketMode() {
        return webSocketMode;
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

    @Override
    public boolean equals(@Nullable Object other) {
        return other == this
                || other instanceof Route route
                        && host.equals(route.host)
                        && pathPrefix.equals(route.pathPrefix)
                        && agentId.equals(route.agentId)
                        && destination.equals(route.destination)
                        && Objects.equals(timeout, route.timeout)
                        && Objects.equals(rate, route.rate)
                        && maxConcurrent == route.maxConcurrent
                        && webSocketMode == route.webSocketMode
                        && upgrades.equals(route.upgrades)
                        && origins.equals(route.origins);
    }

    @Override
    public int hashCode() {
        return Objects.hash(host, pathPrefix, agentId);
    }

    /** For people. */
    @Override
    public String toString() {
        return host + pathPrefix + " to " + agentId;
    }

    private static final class Draft {
        private final String host;
        private final String pathPrefix;
        private final String agentId;
        private final Set<String> upgrades = new HashSet<>();
        private final Set<String> origins = new HashSet<>();
        private Message.Destination destination = Message.Destination.ANY;
        private @Nullable Duration timeout;
        private @Nullable RateLimit rate;
        private int maxConcurrent;
        private @Nullable WebSocketMode webSocketMode;

        Draft(String host, String pathPrefix, String agentId) {
            this.host = host;
            this.pathPrefix = pathPrefix;
            this.agentId = agentId;
        }
    }
}
