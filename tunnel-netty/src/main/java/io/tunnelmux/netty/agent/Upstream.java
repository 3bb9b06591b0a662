package io.tunnelmux.netty.agent;

import io.tunnelmux.netty.transport.TlsConfig;
import java.net.URI;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A server near the agent that it may send requests to: scheme, host and port, and nothing of a path, because paths pass untouched. Perhaps with TLS of
 * its own, perhaps with a filter of what it gets.
 *
 * <p>Without TLS it is spoken to by HTTP/1.1, or by HTTP/2 alone if that is said ({@link #ofHttp2}, {@code h2c://}). With TLS it is asked what it prefers, or
 * must speak HTTP/2 ({@code h2://}). Upgrades need HTTP/1.1.
 *
 * <p>Two are equal if all of that is; connections are kept for equal ones. Immutable; any thread.
 */
public final class Upstream {

    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;
    private static final int MAX_PORT = 65_535;

    private final String host;
    private final int port;
    private final boolean isTls;
    private final boolean isHttp2;
    private final @Nullable TlsConfig tls;
    private final @Nullable RequestFilter filter;

    /**
     * A server that gets every request as it came.
     *
     * @param host a name or an address literal, without brackets
     * @param port 1 to 65,535
     * @param isTls whether it is spoken to through TLS, its name checked against its certificate
     * @throws IllegalArgumentException if the host is empty or the port none, or the host is an address that is link-local or multicast
     */
    public Upstream(String host, int port, boolean isTls) {
        this(host, port, isTls, false, null, null);
    }

    private Upstream(
            String host,
            int port,
            boolean isTls,
            boolean isHttp2,
            @Nullable TlsConfig tls,
            @Nullable RequestFilter filter) {
        if (host.isEmpty()) {
            throw new IllegalArgumentException("host is empty");
        }
        if (port < 1 || port > MAX_PORT) {
            throw new IllegalArgumentException("port: " + port);
        }
        BarredAddresses.requireOther(host);
        this.host = host;
        this.port = port;
        this.isTls = isTls;
        this.isHttp2 = isHttp2;
        this.tls = tls;
        this.filter = filter;
    }

    /**
     * A server that nothing but HTTP/2 is spoken with.
     *
     * @throws IllegalArgumentException as {@link #Upstream} does
     */
    public static Upstream ofHttp2(String host, int port, boolean isTls) {
        return new Upstream(host, port, isTls, true, null, null);
    }

    /**
     * Reads {@code http://host:port}, {@code https://host:port}, or for HTTP/2 alone {@code h2c://host:port} (without TLS) or {@code h2://host:port} (with it).
     *
     * @throws IllegalArgumentException if it is anything else, also if it has a path (other than {@code /}), a query, a fragment or user
     *     information: there is nothing they could mean here
     */
    public static Upstream of(URI uri) {
        String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
        boolean isTls = scheme.equals("https") || scheme.equals("h2");
        boolean isHttp2 = scheme.equals("h2c") || scheme.equals("h2");
        if (!isTls && !isHttp2 && !scheme.equals("http")) {
            throw new IllegalArgumentException(
                    "not an http://, https://, h2c:// or h2:// URL: " + withoutUserInfo(uri));
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
        return new Upstream(
                isBracketed ? host.substring(1, host.length() - 1) : host, port, isTls, isHttp2, null, null);
    }

    private static String withoutUserInfo(URI uri) {
        String userInfo = uri.getRawUserInfo();
        return userInfo == null ? uri.toString() : uri.toString().replace(userInfo + "@", "");
    }

    /**
     * The same, trusting whom {@code newTls} trusts, in place of {@link AgentConfig#upstreamTls()}.
     *
     * @throws IllegalStateException if this upstream is not spoken to through TLS
     */
    public Upstream withTls(TlsConfig newTls) {
        if (!isTls) {
            throw new IllegalStateException("no TLS with " + this);
        }
        return new Upstream(host, port, true, isHttp2, Objects.requireNonNull(newTls), filter);
    }

    /** The same, with each request judged by {@code newFilter} alone. */
    public Upstream withFilter(RequestFilter newFilter) {
        return new Upstream(host, port, isTls, isHttp2, tls, Objects.requireNonNull(newFilter));
    }

    /** A name or an address literal, without brackets. */
    public String host() {
        return host;
    }

    /** 1 to 65,535. */
    public int port() {
        return port;
    }

    /** Whether it is spoken to through TLS. */
    public boolean isTls() {
        return isTls;
    }

    /** Whether nothing but HTTP/2 is spoken with it. */
    public boolean isHttp2() {
        return isHttp2;
    }

    /** Whether a connection may turn out to be one of HTTP/2. */
    boolean mayBeHttp2() {
        return isHttp2 || isTls;
    }

    /** How, if not as {@link AgentConfig#upstreamTls()} says; else null. */
    public @Nullable TlsConfig tls() {
        return tls;
    }

    /** What judges each request to it; null lets all pass. */
    public @Nullable RequestFilter filter() {
        return filter;
    }

    /** Host and port as a request's {@code Host} spells them. */
    String authority() {
        String name = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
        return port == (isTls ? HTTPS_PORT : HTTP_PORT) ? name : name + ":" + port;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Upstream that
                && host.equals(that.host)
                && port == that.port
                && isTls == that.isTls
                && isHttp2 == that.isHttp2
                && Objects.equals(tls, that.tls)
                && Objects.equals(filter, that.filter);
    }

    @Override
    public int hashCode() {
        return 31 * host.hashCode() + port;
    }

    /** As a URL, for people. */
    @Override
    public String toString() {
        String scheme = isHttp2 ? isTls ? "h2" : "h2c" : isTls ? "https" : "http";
        return scheme + "://" + authority();
    }
}
