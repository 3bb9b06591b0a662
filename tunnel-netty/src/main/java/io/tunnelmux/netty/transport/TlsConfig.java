package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How one side does TLS: versions 1.3 and 1.2, by BoringSSL if {@code netty-tcnative} is on the class path, else by the JDK. A client
 * always checks that the certificate is for the name it dialled.
 *
 * <p>Immutable; any thread.
 */
public final class TlsConfig {
    /** What a tunnel without HTTP is called where TLS asks (ALPN). */
    static final String TUNNEL = "tunnel/1";

    private static final String[] VERSIONS = {"TLSv1.3", "TLSv1.2"};
    private static final long HANDSHAKE_SECONDS = 10;
    private static final long CLOSE_NOTIFY_MILLIS = 1_000;

    /** What HTTP may be spoken, the better first. A side that knows nothing of such offers gets HTTP/1.1. */
    private static final ApplicationProtocolConfig HTTP =
            offering(ApplicationProtocolNames.HTTP_2, ApplicationProtocolNames.HTTP_1_1);

    /** What may come in where tunnels are accepted. A side that knows nothing of such offers wants a WebSocket. */
    private static final ApplicationProtocolConfig TUNNELS = offering(TUNNEL, ApplicationProtocolNames.HTTP_1_1);

    private static final ApplicationProtocolConfig TUNNEL_ONLY = offering(TUNNEL);

    private final SslContext context;
    private final SslContext httpContext;
    private final SslContext tunnelContext;

    private TlsConfig(SslContext context, SslContext httpContext, SslContext tunnelContext) {
        this.context = context;
        this.httpContext = httpContext;
        this.tunnelContext = tunnelContext;
    }

    /**
     * A server's, with the certificate that it shows.
     *
     * @param certificateChain PEM file, the server's own certificate first
     * @param privateKey PEM file, PKCS#8, without a password
     * @throws IOException if a file cannot be read or does not hold what it should, or the key is not the certificate's; with a message for people
     */
    public static TlsConfig server(Path certificateChain, Path privateKey) throws IOException {
        return server(certificateChain, privateKey, best());
    }

    static TlsConfig server(Path certificateChain, Path privateKey, SslProvider provider) throws IOException {
        X509Certificate[] chain = PemFiles.certificates(certificateChain);
        PrivateKey key = PemFiles.privateKey(privateKey);
        if (!PemFiles.belongs(key, chain[0])) {
            throw new IOException(
                    "the key in " + privateKey + " does not belong to the first certificate in " + certificateChain);
        }
        try {
            return build(SslContextBuilder.forServer(key, chain), TUNNELS, provider);
        } catch (IllegalArgumentException e) {
            throw new IOException("no usable certificate and key in " + certificateChain + " and " + privateKey, e);
        }
    }

    /**
     * A client's, which trusts whom the platform trusts.
     *
     * @throws IOException if the platform's trust store cannot be read
     */
    public static TlsConfig client() throws IOException {
        return client(null);
    }

    /**
     * A client's.
     *
     * @param authorities PEM file with the certificates of those whom it trusts, and of nobody else; null for whom the platform trusts
     * @throws IOException if the file cannot be read or does not hold certificates
     */
    public static TlsConfig client(@Nullable Path authorities) throws IOException {
        return client(authorities, best());
    }

    static TlsConfig client(@Nullable Path authorities, SslProvider provider) throws IOException {
        SslContextBuilder builder = SslContextBuilder.forClient().endpointIdentificationAlgorithm("HTTPS");
        if (authorities != null) {
            builder.trustManager(PemFiles.certificates(authorities));
        }
        try {
            return build(builder, TUNNEL_ONLY, provider);
        } catch (IllegalArgumentException e) {
            throw new IOException("no usable certificates in " + authorities, e);
        }
    }

    /**
     * For a connection that was dialled. Goes first in its pipeline.
     *
     * @param host the name that the certificate must be for, or the address
     */
    public SslHandler newClientHandler(ByteBufAllocator allocator, String host, int port) {
        return limited(context.newHandler(allocator, host, port));
    }

    /** For a connection that was accepted; agrees with the client on HTTP/2 or HTTP/1.1. Goes first in its pipeline. */
    public SslHandler newHttpServerHandler(ByteBufAllocator allocator) {
        return limited(httpContext.newHandler(allocator));
    }

    /** As {@link #newClientHandler}, and agrees with the server on HTTP/2 or HTTP/1.1. */
    public SslHandler newHttpClientHandler(ByteBufAllocator allocator, String host, int port) {
        return limited(httpContext.newHandler(allocator, host, port));
    }

    /** As {@link #newHttpServerHandler}, but agrees on {@value #TUNNEL} or HTTP/1.1, or on nothing if the client asks for nothing. */
    SslHandler newTunnelServerHandler(ByteBufAllocator allocator) {
        return limited(tunnelContext.newHandler(allocator));
    }

    /** As {@link #newClientHandler}, and asks for {@value #TUNNEL}. That the server agrees remains to be seen. */
    SslHandler newTunnelClientHandler(ByteBufAllocator allocator, String host, int port) {
        return limited(tunnelContext.newHandler(allocator, host, port));
    }

    private static ApplicationProtocolConfig offering(String... protocols) {
        return new ApplicationProtocolConfig(
                ApplicationProtocolConfig.Protocol.ALPN,
                ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                protocols);
    }

    private static SslProvider best() {
        return OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK;
    }

    private static TlsConfig build(SslContextBuilder builder, ApplicationProtocolConfig tunnels, SslProvider provider)
            throws IOException {
        SslContext context = builder.sslProvider(provider).protocols(VERSIONS).build();
        return new TlsConfig(
                context,
                builder.applicationProtocolConfig(HTTP).build(),
                builder.applicationProtocolConfig(tunnels).build());
    }

    private static SslHandler limited(SslHandler handler) {
        handler.setHandshakeTimeout(HANDSHAKE_SECONDS, TimeUnit.SECONDS);
        handler.setCloseNotifyFlushTimeoutMillis(CLOSE_NOTIFY_MILLIS);
        return handler;
    }
}
