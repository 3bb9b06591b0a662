package io.tunnelmux.netty.agent;

import java.net.URI;
import java.util.Locale;
import java.util.Objects;

/**
 * A server near the agent that it may send requests to: scheme, host and port, and nothing of a path, because paths pass untouched.
 *
 * @param host a name or an address literal, without brackets
 * @param port 1 to 65,535
 * @param isTls whether it is spoken to through TLS, its name checked against its certificate
 */
public record Upstream(String host, int port, boolean isTls) {

    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;
    private static final int MAX_PORT = 65_535;

    public Upstream {
        Objects.requireNonNull(host);
        if (host.isEmpty()) {
            throw new IllegalArgumentException("host is empty");
        }
        if (port < 1 || port > MAX_PORT) {
            throw new IllegalArgumentException("port: " + port);
        }
    }

    /**
     * Reads {@code http://host:port} or {@code https://host:port}.
     *
     * @throws IllegalArgumentException if it is anything else, also if it has a path (other than {@code /}), a query, a fragment or user
     *     information: there is nothing they could mean here
     */
    public static Upstream of(URI uri) {
        String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
        boolean isTls = scheme.equals("https");
        if (!isTls && !scheme.equals("http")) {
            throw new IllegalArgumentException("not an http:// or https:// URL: " + withoutUserInfo(uri));
        }
        if (uri.getRawUserInfo() != null) {
            throw new IllegalArgumentException("an upstream's URL must not carry credentials: " + withoutUserInfo(uri));
        }
        String host = uri.getHost();
        if (host == null || host.isEmpty()) {
            throw new IllegalArgumentException("no host in " + uri);
        }
        String path = uri.getRawPath();
        if (path != null && !path.isEmpty() && !path.equals("/")
                || uri.getRawQuery() != null
                || uri.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "an upstream is a scheme, a host and a port, the path passes untouched: " + uri);
        }
        int port = uri.getPort() != -1 ? uri.getPort() : isTls ? HTTPS_PORT : HTTP_PORT;
        boolean isBracketed = host.startsWith("[") && host.endsWith("]");
        return new Upstream(isBracketed ? host.substring(1, host.length() - 1) : host, port, isTls);
    }

    private static String withoutUserInfo(URI uri) {
        String userInfo = uri.getRawUserInfo();
        return userInfo == null ? uri.toString() : uri.toString().replace(userInfo + "@", "");
    }

    /** Host and port as a request's {@code Host} spells them. */
    String authority() {
        String name = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
        return port == (isTls ? HTTPS_PORT : HTTP_PORT) ? name : name + ":" + port;
    }

    /** As a URL, for people. */
    @Override
    public String toString() {
        return (isTls ? "https://" : "http://") + authority();
    }
}
