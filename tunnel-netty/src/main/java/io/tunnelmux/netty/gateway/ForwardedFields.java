package io.tunnelmux.netty.gateway;

import io.netty.util.AsciiString;
import io.tunnelmux.protocol.Headers;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** What the gateway says to upstreams about the client, and no client may say. */
final class ForwardedFields {

    private static final String FOR = "X-Forwarded-For";
    private static final String HOST = "X-Forwarded-Host";
    private static final String PROTO = "X-Forwarded-Proto";
    private static final String PREFIX = "x-forwarded-";
    private static final AsciiString FORWARDED = AsciiString.cached("forwarded");
    private static final AsciiString REAL_IP = AsciiString.cached("x-real-ip");

    private ForwardedFields() {}

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

    static void add(Headers.Builder headers, SocketAddress client, String scheme, String authority) {
        headers.add(FOR, address(client));
        headers.add(PROTO, scheme);
        if (!authority.isEmpty()) {
            headers.add(HOST, authority);
        }
    }

    private static String address(SocketAddress client) {
        InetAddress address = client instanceof InetSocketAddress inet ? inet.getAddress() : null;
        return address == null ? "unknown" : address.getHostAddress();
    }
}
