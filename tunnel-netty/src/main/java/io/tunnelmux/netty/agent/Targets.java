package io.tunnelmux.netty.agent;

import io.netty.util.NetUtil;
import io.tunnelmux.protocol.Message;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What streams of bytes, or of datagrams, may reach: addresses that have a name, and addresses that may be asked for as such. Whoever names neither gets the
 * one that has a name, if there is only one. Everything else is refused. Immutable; any thread.
 */
final class Targets {

    private final Map<String, InetSocketAddress> named;
    private final Set<InetSocketAddress> allowed;

    /** @param allowed may be asked for by host and port */
    Targets(Map<String, InetSocketAddress> named, Collection<InetSocketAddress> allowed) {
        this.named = named.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey,
                        entry -> unresolved(entry.getValue()),
                        (one, other) -> one,
                        LinkedHashMap::new));
        this.allowed = allowed.stream().map(Targets::unresolved).collect(Collectors.toUnmodifiableSet());
    }

    /** Whether there are any. */
    boolean isEmpty() {
        return named.isEmpty() && allowed.isEmpty();
    }

    /**
     * Where a stream goes; the host is yet to be looked up if it is a name.
     *
     * @param host together with {@code port}, or null
     * @return null if it may go nowhere: see {@link #refusal}
     */
    @Nullable
    InetSocketAddress find(Message.Destination destination, @Nullable String host, int port) {
        String name = destination.target();
        if (name != null) {
            return named.get(name);
        }
        if (host != null) {
            InetSocketAddress asked = unresolved(host, port);
            return allowed.contains(asked) ? asked : null;
        }
        boolean isOfService = destination.serviceName() != null || destination.servicePort() != 0;
        return !isOfService && named.size() == 1 ? named.values().iterator().next() : null;
    }

    /** Why a stream may go nowhere, for people. */
    String refusal(Message.Destination destination, @Nullable String host, int port) {
        if (destination.target() != null) {
            return "no such target: " + destination.target();
        }
        if (host != null) {
            return "not allowed: " + host + " port " + port;
        }
        if (destination.serviceName() != null || destination.servicePort() != 0) {
            return "no service has a target here";
        }
        return "no target was named, and there are " + named.size();
    }

    /** As it is written, for people. */
    static String text(InetSocketAddress target) {
        String host = target.getHostString();
        return (host.indexOf(':') < 0 ? host : '[' + host + ']') + ':' + target.getPort();
    }

    /** As a name or an address literal and a port: what a name means is asked when it is dialled. */
    private static InetSocketAddress unresolved(InetSocketAddress address) {
        InetAddress resolved = address.getAddress();
        return unresolved(resolved == null ? address.getHostString() : resolved.getHostAddress(), address.getPort());
    }

    private static InetSocketAddress unresolved(String host, int port) {
        InetAddress literal = NetUtil.createInetAddressFromIpAddressString(host);
        return InetSocketAddress.createUnresolved(
                literal == null ? host.toLowerCase(Locale.ROOT) : literal.getHostAddress(), port);
    }
}
