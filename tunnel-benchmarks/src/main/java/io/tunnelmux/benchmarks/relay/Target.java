package io.tunnelmux.benchmarks.relay;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * A way to the echo server.
 *
 * @param name what the report calls it
 * @param address where its clients connect
 * @param relays ids of the processes between, whose processor time is counted
 */
record Target(String name, InetSocketAddress address, List<Long> relays) {
    Target {
        relays = List.copyOf(relays);
    }

    /** Reads {@code NAME=HOST:PORT[,pid=N]...}. */
    static Target parse(String text) {
        int equals = text.indexOf('=');
        if (equals < 1) {
            throw new IllegalArgumentException("not NAME=HOST:PORT[,pid=N]...: " + text);
        }
        String[] parts = text.substring(equals + 1).split(",");
        List<Long> relays = new ArrayList<>();
        for (int i = 1; i < parts.length; i++) {
            if (!parts[i].startsWith("pid=")) {
                throw new IllegalArgumentException("not pid=N: " + parts[i]);
            }
            relays.add(Long.parseLong(parts[i].substring("pid=".length())));
        }
        return new Target(text.substring(0, equals), parseAddress(parts[0]), relays);
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
