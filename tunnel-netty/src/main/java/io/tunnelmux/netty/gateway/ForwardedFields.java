package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.util.AsciiString;
import io.netty.util.NetUtil;
import io.tunnelmux.protocol.Headers;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a request says of the hops before the last: {@code X-Forwarded-For}, {@code -Proto} and {@code -Host}, or, where the first is not there,
 * {@code Forwarded} (RFC 7239). Anybody may write this, so it is for {@link TrustedProxies} to believe. Values; any thread.
 */
final class ForwardedFields {

    private static final String FOR = "X-Forwarded-For";
    private static final String HOST = "X-Forwarded-Host";
    private static final String PROTO = "X-Forwarded-Proto";
    private static final String PREFIX = "x-forwarded-";
    private static final AsciiString FORWARDED = AsciiString.cached("forwarded");
    private static final AsciiString REAL_IP = AsciiString.cached("x-real-ip");

    /** Nothing. */
    static final ForwardedFields NONE = new ForwardedFields(List.of(), List.of(), List.of(), List.of());

    private final List<String> addresses;
    private final List<String> schemes;
    private final List<String> hosts;
    private final List<String> forwarded;

    private ForwardedFields(List<String> addresses, List<String> schemes, List<String> hosts, List<String> forwarded) {
        this.addresses = addresses;
        this.schemes = schemes;
        this.hosts = hosts;
        this.forwarded = forwarded;
    }

    /**
     * What one hop said of the one before it.
     *
     * @param address null if it is none, or hidden
     * @param scheme {@code http} or {@code https}; null if it was not said
     * @param host null if it was not said
     */
    record Hop(
            @Nullable InetAddress address,
            @Nullable String scheme,
            @Nullable String host) {}

    /** Whether a field of a client is dropped: one of ours, or one with an underscore, which servers of the CGI kind take for a dash. */
    static boolean isReserved(CharSequence name) {
        return switch (name.length()) {
            case 9 ->
                FORWARDED.contentEqualsIgnoreCase(name) || REAL_IP.contentEqualsIgnoreCase(name) || hasUnderscore(name);
            default -> AsciiString.regionMatches(name, true, 0, PREFIX, 0, PREFIX.length()) || hasUnderscore(name);
        };
    }

    private static boolean hasUnderscore(CharSequence name) {
        return AsciiString.indexOfIgnoreCaseAscii(name, "_", 0) >= 0;
    }

    /** What these fields say. */
    static ForwardedFields of(HttpHeaders headers) {
        return new ForwardedFields(
                headers.getAll(FOR), headers.getAll(PROTO), headers.getAll(HOST), headers.getAll(FORWARDED));
    }

    /** Says who the client is to the upstream. */
    static void add(Headers.Builder headers, Client client) {
        headers.add(FOR, client.forwardedFor());
        headers.add(PROTO, client.scheme());
        if (!client.host().isEmpty()) {
            headers.add(HOST, client.host());
        }
    }

    /** What was said, by the nearest hop last. */
    List<Hop> hops() {
        List<String> chain = elements(addresses);
        if (chain.isEmpty()) {
            return forwardedHops();
        }
        List<String> saidSchemes = elements(schemes);
        List<String> saidHosts = elements(hosts);
        List<Hop> hops = new ArrayList<>(chain.size());
        for (int i = 0; i < chain.size(); i++) {
            hops.add(new Hop(
                    address(chain.get(i)),
                    scheme(ofHop(saidSchemes, i, chain.size())),
                    host(ofHop(saidHosts, i, chain.size()))));
        }
        return hops;
    }

    /** Some proxies add to these lists as they add to that of addresses, others say it once for all. */
    private static @Nullable String ofHop(List<String> said, int hop, int hops) {
        if (said.isEmpty()) {
            return null;
        }
        return said.get(said.size() == hops ? hop : said.size() - 1);
    }

    private static List<String> elements(List<String> values) {
        List<String> elements = new ArrayList<>();
        for (String value : values) {
            for (String element : value.split(",", -1)) {
                elements.add(element.trim());
            }
        }
        return elements;
    }

    private List<Hop> forwardedHops() {
        List<Hop> hops = new ArrayList<>();
        for (String value : forwarded) {
            for (String element : split(value, ',')) {
                InetAddress address = null;
                String scheme = null;
                String host = null;
                for (String pair : split(element, ';')) {
                    int equals = pair.indexOf('=');
                    String said = equals < 0 ? "" : unquoted(pair.substring(equals + 1));
                    switch (pair.substring(0, Math.max(0, equals)).trim().toLowerCase(Locale.ROOT)) {
                        case "for" -> address = address(said);
                        case "proto" -> scheme = scheme(said);
                        case "host" -> host = host(said);
                        default -> {} // "by", and what may be added to the standard
                    }
                }
                hops.add(new Hop(address, scheme, host));
            }
        }
        return hops;
    }

    /** Splits at what is not within quotes. */
    private static List<String> split(String text, char at) {
        List<String> parts = new ArrayList<>();
        boolean isQuoted = false;
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (isQuoted && c == '\\') {
                i++;
            } else if (c == '"') {
                isQuoted = !isQuoted;
            } else if (!isQuoted && c == at) {
                parts.add(text.substring(start, i));
                start = i + 1;
            }
        }
        parts.add(text.substring(start));
        return parts;
    }

    private static String unquoted(String text) {
        String value = text.trim();
        return value.length() >= 2 && value.startsWith("\"") && value.endsWith("\"")
                ? value.substring(1, value.length() - 1).replace("\\", "")
                : value;
    }

    /** An address as a number, with or without a port; an IPv6 address with one is in brackets. */
    private static @Nullable InetAddress address(String text) {
        String number = text;
        int colon = text.indexOf(':');
        if (text.startsWith("[")) {
            int close = text.indexOf(']');
            if (close < 0 || close + 1 < text.length() && text.charAt(close + 1) != ':') {
                return null;
            }
            number = text.substring(1, close);
        } else if (colon >= 0 && colon == text.lastIndexOf(':')) {
            number = text.substring(0, colon);
        }
        return number.indexOf('%') >= 0 ? null : NetUtil.createInetAddressFromIpAddressString(number);
    }

    private static @Nullable String scheme(@Nullable String text) {
        if (text == null) {
            return null;
        }
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "https", "wss" -> "https";
            case "http", "ws" -> "http";
            default -> null;
        };
    }

    private static @Nullable String host(@Nullable String text) {
        return text != null && RequestHead.isAuthority(text) ? text : null;
    }
}
