package io.tunnelmux.netty.agent;

import io.tunnelmux.protocol.Message;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The upstreams of a configuration: a request that names a target gets that target, and one that names a service gets none, as none is
 * known here; any other goes by the longest path prefix, and else to the default upstream. A prefix matches whole segments: {@code /api} takes {@code /api} and {@code /api/x}, not
 * {@code /apix}. Paths are compared as they came, undecoded. Immutable; any thread.
 */
final class ConfiguredUpstreams implements UpstreamResolver {

    private record Route(String prefix, Upstream upstream) {
        /** The whole is also what {@code OPTIONS *} asks about, though {@code *} does not begin with a slash. */
        boolean matches(String path) {
            return prefix.equals("/")
                    || path.startsWith(prefix)
                            && (path.length() == prefix.length()
                                    || prefix.endsWith("/")
                                    || path.charAt(prefix.length()) == '/');
        }
    }

    private final Map<String, Upstream> targets;
    private final List<Route> longestFirst;
    private final @Nullable Upstream defaultUpstream;

    ConfiguredUpstreams(
            Map<String, Upstream> targets, Map<String, Upstream> routes, @Nullable Upstream defaultUpstream) {
        this.targets = Map.copyOf(targets);
        this.defaultUpstream = defaultUpstream;
        longestFirst = routes.entrySet().stream()
                .map(route -> new Route(route.getKey(), route.getValue()))
                .sorted(Comparator.comparingInt((Route route) -> route.prefix().length())
                        .reversed())
                .toList();
    }

    @Override
    public @Nullable Upstream resolve(Message.ProxyRequest request) {
        Message.Destination destination = request.destination();
        if (destination.target() != null) {
            return targets.get(destination.target());
        }
        return destination.serviceName() != null ? null : forPath(request.head().path());
    }

    @Nullable
    Upstream forPath(String path) {
        for (Route route : longestFirst) {
            if (route.matches(path)) {
                return route.upstream();
            }
        }
        return defaultUpstream;
    }
}
