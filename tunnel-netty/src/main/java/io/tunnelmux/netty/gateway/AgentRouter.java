package io.tunnelmux.netty.gateway;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the agent of a request by its host and path. The most particular host goes first: that of the request with its port, then without, then the domains
 * above it ({@code *.b.example} before {@code *.example}, each with the port and without), then any host. Of the routes of one host the longest path prefix goes
 * first; where none of them fits, the next host is asked. Last comes the default agent.
 *
 * <p>Immutable; any thread.
 */
public final class AgentRouter implements RequestRouter {

    /** No name is longer; what is has no domain above it. */
    private static final int MAX_HOST_CHARS = 253;

    private final Map<String, List<Route>> longestFirst;
    private final boolean hasWildcards;
    private final @Nullable Route byDefault;

    private AgentRouter(Builder builder) {
        Map<String, List<Route>> byHost = new HashMap<>();
        for (Route route : builder.routes) {
            byHost.computeIfAbsent(route.host(), host -> new ArrayList<>()).add(route);
        }
        byHost.values()
                .forEach(routes -> routes.sort(Comparator.comparingInt(
                                (Route route) -> route.pathPrefix().length())
                        .reversed()));
        longestFirst = byHost;
        hasWildcards = byHost.keySet().stream().anyMatch(host -> host.startsWith(Route.WILDCARD));
        byDefault = builder.defaultAgent == null ? null : Route.to(builder.defaultAgent);
    }

    /** A builder without routes. */
    public static Builder builder() {
        return new Builder();
    }

    /** Sends everything to one agent. */
    public static AgentRouter toAgent(String agentId) {
        return builder().defaultAgent(agentId).build();
    }

    @Override
    public @Nullable Route route(String authority, String path) {
        if (!longestFirst.isEmpty()) {
            String lower = authority.toLowerCase(Locale.ROOT);
            Route found = find(lower, path);
            String host = withoutPort(lower);
            if (found == null && host.length() < lower.length()) {
                found = find(host, path);
            }
            String port = lower.substring(host.length());
            if (found == null && host.endsWith(".")) {
                host = host.substring(0, host.length() - 1);
                found = find(host, path);
            }
            if (found == null && hasWildcards && host.length() <= MAX_HOST_CHARS) {
                found = findAbove(host, port, path);
            }
            if (found == null) {
                found = find("", path);
            }
            if (found != null) {
                return found;
            }
        }
        return byDefault;
    }

    private @Nullable Route findAbove(String host, String port, String path) {
        Route found = null;
        for (int dot = host.indexOf('.'); dot >= 0 && found == null; dot = host.indexOf('.', dot + 1)) {
            String domain = '*' + host.substring(dot);
            found = port.isEmpty() ? null : find(domain + port, path);
            if (found == null) {
                found = find(domain, path);
            }
        }
        return found;
    }

    private @Nullable Route find(String host, String path) {
        List<Route> routes = longestFirst.get(host);
        if (routes != null) {
            for (Route route : routes) {
                if (route.matchesPath(path)) {
                    return route;
                }
            }
        }
        return null;
    }

    /** The host of {@code host:port}; an IPv6 address keeps its brackets. */
    static String withoutPort(String authority) {
        int colon = authority.lastIndexOf(':');
        return colon < 0 || authority.indexOf(']', colon) >= 0 ? authority : authority.substring(0, colon);
    }

    /** Gathers routes. For one thread. */
    public static final class Builder {
        private final List<Route> routes = new ArrayList<>();
        private @Nullable String defaultAgent;

        private Builder() {}

        /**
         * Adds a route.
         *
         * @throws IllegalArgumentException if there is one for the same host and prefix
         */
        public Builder route(Route route) {
            for (Route other : routes) {
                if (other.host().equals(route.host()) && other.pathPrefix().equals(route.pathPrefix())) {
                    throw new IllegalArgumentException("two routes for " + route.host() + route.pathPrefix());
                }
            }
            routes.add(route);
            return this;
        }

        /** Who gets what no route names; null is nobody. */
        public Builder defaultAgent(@Nullable String agentId) {
            defaultAgent = agentId;
            return this;
        }

        /** The router. */
        public AgentRouter build() {
            return new AgentRouter(this);
        }
    }
}
