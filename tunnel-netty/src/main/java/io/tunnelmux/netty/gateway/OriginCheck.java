package io.tunnelmux.netty.gateway;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Whether a page may open a WebSocket. Browsers send their cookies to any host, whosever page it is that asks, and say in {@code Origin} whose it is; other
 * clients say nothing, and may.
 */
final class OriginCheck {

    private OriginCheck() {}

    /**
     * Whether this is the page of a requested host, or of one that the route lists.
     *
     * @param origins all values of {@code Origin}
     * @param hosts what was asked, as in {@code Host}
     * @param listed in lower case: hosts with or without a port, {@code *.} before a domain for all below it, whole origins, or {@link Route#ANY}
     */
    static boolean allows(List<String> origins, List<String> hosts, Set<String> listed) {
        if (origins.isEmpty() || listed.contains(Route.ANY)) {
            return true;
        }
        String origin = origins.get(0).toLowerCase(Locale.ROOT);
        if (origins.size() > 1) {
            return false;
        }
        int scheme = origin.indexOf("://");
        String host = scheme < 0 ? origin : origin.substring(scheme + 3);
        String defaultPort = scheme < 0 ? "" : defaultPort(origin.substring(0, scheme));
        return listed.contains(origin)
                || !defaultPort.isEmpty()
                        && (hosts.stream().anyMatch(asked -> isSame(host, defaultPort, asked.toLowerCase(Locale.ROOT)))
                                || isListed(host, defaultPort, listed));
    }

    private static String defaultPort(String scheme) {
        return switch (scheme) {
            case "http" -> ":80";
            case "https" -> ":443";
            default -> "";
        };
    }

    /** Where no port was asked, it may have been either scheme's: what ends TLS in front of the gateway does not show. */
    private static boolean isSame(String host, String defaultPort, String asked) {
        boolean isPortAsked = !AgentRouter.withoutPort(asked).equals(asked);
        return isPortAsked
                ? withPort(host, defaultPort).equals(asked)
                : withoutDefaultPort(host, defaultPort).equals(asked);
    }

    private static boolean isListed(String host, String defaultPort, Set<String> listed) {
        String shortest = withoutDefaultPort(host, defaultPort);
        if (listed.contains(shortest) || listed.contains(withPort(host, defaultPort))) {
            return true;
        }
        for (int dot = shortest.indexOf('.'); dot >= 0; dot = shortest.indexOf('.', dot + 1)) {
            if (listed.contains("*" + shortest.substring(dot))) {
                return true;
            }
        }
        return false;
    }

    private static String withPort(String host, String defaultPort) {
        return AgentRouter.withoutPort(host).equals(host) ? host + defaultPort : host;
    }

    private static String withoutDefaultPort(String host, String defaultPort) {
        return host.endsWith(defaultPort) ? AgentRouter.withoutPort(host) : host;
    }
}
