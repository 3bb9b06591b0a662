package io.tunnelmux.netty.gateway;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the agent of a request: the routes of its host and port are asked first, then those of its host, then those of any host, each time
 * the longest path prefix first; then comes the default agent.
 *
 * <p>Immutable; any thread.
 */
public final class AgentRouter {

    private final Map<String, List<Route>> longestFirst;
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

    /**
     * The route of a request, or null if there is none.
     *
     * @param authority host and port as in {@code Host}; empty if the request has none
     * @param path as it came
     */
    public @Nullable Route route(String authority, String path) {
        if (!longestFirst.isEmpty()) {
            String lower = authority.toLowerCase(Locale.ROOT);
            Route found = find(lower, path);
            String host = withoutPort(lower);
            if (found == null && host.length() < lower.length()) {
                found = find(host, path);
            }
            if (found == null && host.endsWith(".")) {
                found = find(host.substring(0, host.length() - 1), path);
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
