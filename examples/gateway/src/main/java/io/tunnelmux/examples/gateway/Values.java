package io.tunnelmux.examples.gateway;

import io.tunnelmux.netty.gateway.Route;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the options' values look like. All methods throw {@link IllegalArgumentException} with a message for people. */
final class Values {

    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m|h)");
    private static final Pattern ADDRESS = Pattern.compile("(?:\\[([^\\[\\]]+)]|([^:]+)):([0-9]{1,5})");
    private static final int MAX_PORT = 65_535;

    private Values() {}

    /** {@code 500ms}, {@code 10s}, {@code 2m}, {@code 1h}. */
    static Duration duration(String text) {
        Matcher matcher = DURATION.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no duration like 500ms, 10s or 2m");
        }
        long amount = Long.parseLong(matcher.group(1));
        Duration duration = switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(amount);
            case "s" -> Duration.ofSeconds(amount);
            case "m" -> Duration.ofMinutes(amount);
            default -> Duration.ofHours(amount);
        };
        if (duration.isZero()) {
            throw new IllegalArgumentException("'" + text + "' is no time at all");
        }
        return duration;
    }

    /** {@code HOST:PORT}; an IPv6 address stands in brackets. */
    static InetSocketAddress address(String text) {
        Matcher matcher = ADDRESS.matcher(text);
        int port = matcher.matches() ? Integer.parseInt(matcher.group(3)) : MAX_PORT + 1;
        if (port > MAX_PORT) {
            throw new IllegalArgumentException("'" + text + "' is not HOST:PORT");
        }
        String host = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
        try {
            return new InetSocketAddress(InetAddress.getAllByName(host)[0], port);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("'" + text + "': unknown host " + host, e);
        }
    }

    /** As {@link #address} reads it, with the host as a number. */
    static String text(InetSocketAddress address) {
        String host = address.getAddress().getHostAddress();
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    /** {@code HOST[/PATH]=AGENT[;mode=…][;timeout=…][;upgrade=…][;origin=…]…}; the host {@code *} is any. */
    static Route route(String text) {
        int equals = text.indexOf('=');
        if (equals < 1) {
            throw new IllegalArgumentException("'" + text + "' is not HOST[/PATH]=AGENT");
        }
        String[] parts = text.substring(equals + 1).split(";", -1);
        String where = text.substring(0, equals);
        int slash = where.indexOf('/');
        String host = slash < 0 ? where : where.substring(0, slash);
        Route route;
        try {
            route = Route.of(host.equals("*") ? "" : host, slash < 0 ? "/" : where.substring(slash), parts[0]);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("'" + text + "': " + e.getMessage(), e);
        }
        for (int i = 1; i < parts.length; i++) {
            route = with(route, parts[i], text);
        }
        return route;
    }

    private static Route with(Route route, String option, String text) {
        int equals = option.indexOf('=');
        String name = equals < 0 ? option : option.substring(0, equals);
        String value = equals < 0 ? "" : option.substring(equals + 1);
        if (value.isEmpty()) {
            throw new IllegalArgumentException("'" + text + "': '" + option + "' is not NAME=VALUE");
        }
        return switch (name) {
            case "mode" -> {
                requireMode(value);
                yield route;
            }
            case "timeout" -> route.withTimeout(duration(value));
            case "upgrade" -> route.withUpgrade(value);
            case "origin" -> route.withOrigin(value);
            default ->
                throw new IllegalArgumentException(
                        "'" + text + "': '" + name + "' is none of mode, timeout, upgrade, origin");
        };
    }

    /** There is one mode today. */
    static void requireMode(String mode) {
        if (mode.equals("aware")) {
            throw new IllegalArgumentException("WebSocket mode 'aware' is not yet available, only 'zero-copy'");
        }
        if (!mode.equals("zero-copy")) {
            throw new IllegalArgumentException("'" + mode + "' is neither zero-copy nor aware");
        }
    }
}
