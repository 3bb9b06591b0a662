package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.Values;
import io.tunnelmux.netty.gateway.Route;
import io.tunnelmux.netty.gateway.WebSocketMode;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What routes look like in options. All methods throw {@link IllegalArgumentException} with a message for people. */
final class Routes {

    private Routes() {}

    private static final Pattern SERVICE = Pattern.compile("([^.:]+)\\.([^.:]+):([0-9]{1,5})");
    private static final String NAMES = "mode, target, service, timeout, rate, max-concurrent, upgrade, origin";

    /**
     * A route as it was given.
     *
     * @param text for people who look for it
     */
    record Given(String text, Route route) {}

    /** As {@link #parse}. */
    static Given given(String text) {
        return new Given(text, parse(text));
    }

    /** {@code HOST[/PATH]=AGENT[;OPTION=VALUE]…}; the host {@code *} is any, {@code *.DOMAIN} all below it. */
    static Route parse(String text) {
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
        boolean isService = Arrays.stream(parts).anyMatch(part -> part.startsWith("service="));
        if (isService && route.target() == null && route.webSocketMode() == WebSocketMode.CHANNEL) {
            throw new IllegalArgumentException(
                    "'" + text + "': mode=channel needs target=, as a service has no channels");
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
            case "mode" -> route.withWebSocketMode(mode(value));
            case "target" -> route.withTarget(value);
            case "service" -> withService(route, value);
            case "timeout" -> route.withTimeout(Values.duration(value));
            case "rate" -> route.withRate(Rates.parse(value));
            case "max-concurrent" -> route.withMaxConcurrent(count(value));
            case "upgrade" -> route.withUpgrade(value);
            case "origin" -> route.withOrigin(value);
            default -> throw new IllegalArgumentException("'" + text + "': '" + name + "' is none of " + NAMES);
        };
    }

    private static Route withService(Route route, String service) {
        Matcher matcher = SERVICE.matcher(service);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + service + "' is not NAME.NAMESPACE:PORT");
        }
        return route.withService(matcher.group(1), matcher.group(2), Integer.parseInt(matcher.group(3)));
    }

    private static int count(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is no number", e);
        }
    }

    static WebSocketMode mode(String text) {
        return switch (text) {
            case "zero-copy" -> WebSocketMode.ZERO_COPY;
            case "aware" -> WebSocketMode.AWARE;
            case "channel" -> WebSocketMode.CHANNEL;
            default -> throw new IllegalArgumentException("'" + text + "' is none of zero-copy, aware, channel");
        };
    }
}
