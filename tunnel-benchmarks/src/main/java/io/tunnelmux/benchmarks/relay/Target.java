package io.tunnelmux.benchmarks.relay;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A way to the {@link LoadServer}.
 *
 * @param name what the report calls it
 * @param stream where TCP connections begin that are carried as they are; null if it carries none
 * @param http where HTTP requests and WebSockets begin; null if it carries none
 * @param relays ids of the processes between, whose processor time is counted
 * @param allocations of those relays that are JVMs, if all of them are; else empty
 */
record Target(
        String name,
        @Nullable InetSocketAddress stream,
        @Nullable InetSocketAddress http,
        List<Long> relays,
        List<Allocation> allocations) {
    /** Whose streams must stand to be full for a minute. */
    private static final Set<String> FULL = Set.of("ws", "tcp");

    Target {
        relays = List.copyOf(relays);
        allocations = List.copyOf(allocations);
    }

    /** Carries everything at one address. */
    static Target of(String name, InetSocketAddress address, List<Long> relays) {
        return new Target(name, address, address, relays, List.of());
    }

    boolean carries(Scenario scenario) {
        if (scenario.kind() == Scenario.Kind.FULL) {
            return FULL.contains(name);
        }
        return (scenario.kind().isHttp() ? http : stream) != null;
    }

    /** Reads {@code HOST:PORT}. */
    static InetSocketAddress parseAddress(String text) {
        int colon = text.lastIndexOf(':');
        if (colon < 1) {
            throw new IllegalArgumentException("not HOST:PORT: " + text);
        }
        return new InetSocketAddress(text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
    }
}
