package io.tunnelmux.netty.gateway;

import io.tunnelmux.protocol.Hello;
import java.time.Duration;
import java.util.HashSet;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which requests go to which agent, and what holds for them.
 *
 * @param host as in {@code Host}, with or without a port, in lower case; empty is any
 * @param pathPrefix begins with a slash; matches whole segments of the path as it came, undecoded
 * @param agentId who gets them
 * @param timeout until the response's head, or null for the gateway's own
 * @param upgrades protocols that {@code Upgrade} may name here besides those that the gateway allows everywhere, in lower case; {@code *} is any
 * @param origins hosts (with their port, if it is not the scheme's own) whose pages may open WebSockets here besides the requested host
 *     itself, in lower case; {@code *} is any
 */
public record Route(
        String host,
        String pathPrefix,
        String agentId,
        @Nullable Duration timeout,
        Set<String> upgrades,
        Set<String> origins) {

    /** In place of a protocol or an origin: any. */
    public static final String ANY = "*";

    /** @throws IllegalArgumentException if the prefix does not begin with a slash, no agent can have this id, or the timeout is not positive */
    public Route {
        host = host.toLowerCase(Locale.ROOT);
        if (!pathPrefix.startsWith("/")) {
            throw new IllegalArgumentException("a path prefix must begin with a slash: " + pathPrefix);
        }
        if (agentId.isEmpty()) {
            throw new IllegalArgumentException("no agent");
        }
        Hello.builder().agentId(agentId);
        if (timeout != null && (timeout.isNegative() || timeout.isZero())) {
            throw new IllegalArgumentException("timeout: " + timeout);
        }
        upgrades = lowerCase(upgrades);
        origins = lowerCase(origins);
    }

    /** All requests, to {@code agentId}. */
    public static Route to(String agentId) {
        return of("", "/", agentId);
    }

    /** The requests for a host and a path prefix. */
    public static Route of(String host, String pathPrefix, String agentId) {
        return new Route(host, pathPrefix, agentId, null, Set.of(), Set.of());
    }

    /** The same with another timeout. */
    public Route withTimeout(Duration newTimeout) {
        return new Route(host, pathPrefix, agentId, newTimeout, upgrades, origins);
    }

    /** The same with one more protocol that may be upgraded to. */
    public Route withUpgrade(String protocol) {
        return new Route(host, pathPrefix, agentId, timeout, with(upgrades, protocol), origins);
    }

    /** The same with one more origin. */
    public Route withOrigin(String origin) {
        return new Route(host, pathPrefix, agentId, timeout, upgrades, with(origins, origin));
    }

    boolean matchesPath(String path) {
        return path.startsWith(pathPrefix)
                && (path.length() == pathPrefix.length()
                        || pathPrefix.endsWith("/")
                        || path.charAt(pathPrefix.length()) == '/');
    }

    private static Set<String> with(Set<String> set, String more) {
        Set<String> larger = new HashSet<>(set);
        larger.add(Objects.requireNonNull(more));
        return larger;
    }

    private static Set<String> lowerCase(Set<String> set) {
        Set<String> lower = new HashSet<>();
        set.forEach(entry -> lower.add(entry.toLowerCase(Locale.ROOT)));
        return Set.copyOf(lower);
    }
}
