package io.tunnelmux.netty.transport;

import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.protocol.ErrorCode;
import java.net.URI;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What there is to know of a gateway's URI.
 *
 * @param isWebSocket whether it is {@code ws} or {@code wss}, else frames follow each other from the first byte on
 * @param isSecure whether it is {@code wss} or {@code tls}
 * @param host a name or an address, without brackets
 * @param authority for the header {@code Host}, and for people
 * @param requestTarget path and query as they stand in the URI; empty without a WebSocket
 */
record DialTarget(
        boolean isWebSocket, boolean isSecure, String host, int port, String authority, String requestTarget) {
    private static final int PORT = 80;
    private static final int SECURE_PORT = 443;

    /** @throws TunnelException with {@link ErrorCode#UNSUPPORTED} for a URI that cannot be dialled from here */
    static DialTarget of(URI gateway) throws TunnelException {
        String scheme = gateway.getScheme() == null ? "" : gateway.getScheme().toLowerCase(Locale.ROOT);
        boolean isWebSocket = scheme.equals("ws") || scheme.equals("wss");
        boolean isSecure = scheme.equals("wss") || scheme.equals("tls");
        if (!isWebSocket && !isSecure && !scheme.equals("tcp")) {
            throw unsupported("scheme '" + scheme + "', not ws, wss, tcp or tls");
        }
        String host = gateway.getHost();
        if (host == null) {
            throw unsupported("no host in the gateway's URI");
        }
        if (gateway.getRawUserInfo() != null) {
            throw unsupported("user in the gateway's URI");
        }
        if (gateway.getRawFragment() != null) {
            String shown = scheme + "://" + host + (gateway.getPort() < 0 ? "" : ":" + gateway.getPort());
            throw unsupported("fragment (#) in the gateway's URI: " + shown + gateway.getRawPath());
        }
        if (!isWebSocket) {
            requireNoMoreThanPort(gateway, scheme);
        }
        int defaultPort = isSecure ? SECURE_PORT : PORT;
        int port = gateway.getPort() < 0 ? defaultPort : gateway.getPort();
        return new DialTarget(
                isWebSocket,
                isSecure,
                host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
                port,
                isWebSocket && port == defaultPort ? host : host + ':' + port,
                isWebSocket ? requestTarget(gateway.getRawPath(), gateway.getRawQuery()) : "");
    }

    /** Without the query. */
    String path() {
        int query = requestTarget.indexOf('?');
        return query < 0 ? requestTarget : requestTarget.substring(0, query);
    }

    private static void requireNoMoreThanPort(URI gateway, String scheme) throws TunnelException {
        String path = gateway.getRawPath();
        if (gateway.getPort() < 0) {
            throw unsupported("no port in the gateway's URI, which " + scheme + ":// needs");
        }
        if (gateway.getRawQuery() != null || path != null && !path.isEmpty() && !path.equals("/")) {
            throw unsupported("a path or query in the gateway's URI; " + scheme + ":// has neither");
        }
    }

    private static String requestTarget(@Nullable String path, @Nullable String query) throws TunnelException {
        String target = path == null || path.isEmpty() ? NettyAcceptor.DEFAULT_PATH : path;
        if (query == null) {
            return target;
        }
        if (ServerHandshake.mayNameToken(query)) {
            throw unsupported("a token in the gateway's URI; it belongs into the configuration");
        }
        return target + '?' + query;
    }

    private static TunnelException unsupported(String why) {
        return new TunnelException(ErrorCode.UNSUPPORTED, why, null, null);
    }
}
