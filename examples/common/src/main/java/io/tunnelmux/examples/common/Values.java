package io.tunnelmux.examples.common;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** What the options' values look like. What reads one throws {@link IllegalArgumentException} with a message for people. */
public final class Values {

    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m|h)");
    private static final Pattern ADDRESS = Pattern.compile("(?:\\[([^\\[\\]]+)]|([^:]+)):([0-9]{1,5})");
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,9})(|KiB|MiB|GiB)");
    private static final Pattern SHARE = Pattern.compile("0(\\.[0-9]{1,9})?|1(\\.0)?");
    private static final int MAX_PORT = 65_535;

    private Values() {}

    /** {@code 500ms}, {@code 10s}, {@code 2m}, {@code 1h}. */
    public static Duration duration(String text) {
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

    /** {@code 0.25}: a part of all, from 0 to 1. */
    public static double share(String text) {
        if (!SHARE.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text + "' is no share like 0.25, from 0 to 1");
        }
        return Double.parseDouble(text);
    }

    /** {@code HOST:PORT}; an IPv6 address stands in brackets. */
    public static InetSocketAddress address(String text) {
        InetSocketAddress named = unresolved(text, 0);
        String host = named.getHostString();
        try {
            return new InetSocketAddress(InetAddress.getAllByName(host)[0], named.getPort());
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("'" + text + "': unknown host " + host, e);
        }
    }

    /** As {@link #address}, of somebody else: unresolved, for its name may mean something else each time that it is dialled, and with a port that is not 0. */
    public static InetSocketAddress target(String text) {
        return unresolved(text, 1);
    }

    private static InetSocketAddress unresolved(String text, int leastPort) {
        Matcher matcher = ADDRESS.matcher(text);
        int port = matcher.matches() ? Integer.parseInt(matcher.group(3)) : MAX_PORT + 1;
        if (port < leastPort || port > MAX_PORT) {
            throw new IllegalArgumentException("'" + text + "' is not HOST:PORT");
        }
        return InetSocketAddress.createUnresolved(matcher.group(1) == null ? matcher.group(2) : matcher.group(1), port);
    }

    /** As {@link #address} reads it, with the host as a number. */
    public static String text(InetSocketAddress address) {
        String host = address.getAddress().getHostAddress();
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    /** {@code 65536}, {@code 256KiB}, {@code 16MiB}, {@code 1GiB}: so many bytes. */
    public static long sizeBytes(String text) {
        Matcher matcher = SIZE.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no size like 65536, 256KiB or 16MiB");
        }
        long amount = Long.parseLong(matcher.group(1));
        if (amount == 0) {
            throw new IllegalArgumentException("'" + text + "' is nothing at all");
        }
        return switch (matcher.group(2)) {
            case "KiB" -> amount << 10;
            case "MiB" -> amount << 20;
            case "GiB" -> amount << 30;
            default -> amount;
        };
    }

    /** A size as {@link #sizeBytes} reads it, in the largest unit without a fraction. */
    static String text(long bytes) {
        if (bytes % (1 << 10) != 0 || bytes == 0) {
            return bytes == 1 ? "1 byte" : bytes + " bytes";
        }
        return bytes % (1 << 20) == 0 ? (bytes >> 20) + "MiB" : (bytes >> 10) + "KiB";
    }

    /** For options: what {@code reader} throws as an {@link IllegalArgumentException} is said behind the option's name. */
    public static <T> ITypeConverter<T> converter(Function<String, T> reader) {
        return text -> {
            try {
                return reader.apply(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        };
    }
}
