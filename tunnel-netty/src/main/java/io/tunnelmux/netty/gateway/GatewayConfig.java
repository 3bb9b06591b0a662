package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.netty.transport.TlsConfig;
import io.tunnelmux.protocol.Capabilities;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a {@link Gateway} is made of. Everything has a default but who may come in. Immutable; any thread. */
public final class GatewayConfig {

    /** Until the response's head, unless told otherwise. */
    public static final Duration DEFAULT_REQUEST_TIMEOUT = Duration.ofSeconds(130);
    /** Until the answer to an upgrade, unless told otherwise. */
    public static final Duration DEFAULT_UPGRADE_TIMEOUT = Duration.ofSeconds(10);
    /** Clients' connections at once, unless told otherwise. */
    public static final int DEFAULT_MAX_CONNECTIONS = 10_000;

    private final @Nullable InetSocketAddress httpAddress;
    private final InetSocketAddress tunnelAddress;
    private final String tunnelPath;
    private final @Nullable InetSocketAddress metricsAddress;
    private final Authenticator authenticator;
    private final RequestRouter router;
    private final List<TcpForward> tcpForwards;
    private final List<UdpForward> udpForwards;
    private final Set<String> upgrades;
    private final WebSocketConfig webSockets;
    private final AdmissionConfig admission;
    private final TrustedProxies trustedProxies;
    private final @Nullable TlsConfig tls;
    private final TunnelConfig tunnel;
    private final UnaryOperator<TunnelHandler> tunnelHandler;
    private final IoMode ioMode;
    private final int loops;
    private final Duration requestTimeout;
    private final Duration upgradeTimeout;
    private final Duration headTimeout;
    private final Duration keepAliveTimeout;
    private final Duration readTimeout;
    private final Duration writeTimeout;
    private final @Nullable Duration streamIdleTimeout;
    private final int maxConnections;
    private final int maxRequestsPerConnection;
    private final int readBufferBytes;
    private final int writeBufferBytes;
    private final int maxRequestLineBytes;
    private final int maxHeaderBytes;
    private final int maxHeaders;
    private final boolean h2c;
    private final int maxConcurrentStreams;
    private final List<GatewayObserver> observers;
    private final double traceSampling;
    private final boolean accessLog;
    private final boolean logPerformance;
    private final @Nullable Supplier<String> metrics;

    private GatewayConfig(Builder builder) {
        httpAddress = builder.httpAddress;
        tunnelAddress = builder.tunnelAddress;
        tunnelPath = builder.tunnelPath;
        metricsAddress = builder.metricsAddress;
        authenticator = builder.authenticator;
        router = builder.router;
        tcpForwards = List.copyOf(builder.tcpForwards);
        udpForwards = List.copyOf(builder.udpForwards);
        upgrades = builder.upgrades;
        webSockets = builder.webSockets;
        admission = builder.admission;
        trustedProxies = builder.trustedProxies;
        tls = builder.tls;
        tunnel = offering(builder.tunnel);
        tunnelHandler = builder.tunnelHandler;
        ioMode = builder.ioMode;
        loops = builder.loops;
        requestTimeout = builder.requestTimeout;
        upgradeTimeout = builder.upgradeTimeout;
        headTimeout = builder.headTimeout;
        keepAliveTimeout = builder.keepAliveTimeout;
        readTimeout = builder.readTimeout;
        writeTimeout = builder.writeTimeout;
        streamIdleTimeout = builder.streamIdleTimeout;
        maxConnections = builder.maxConnections;
        maxRequestsPerConnection = builder.maxRequestsPerConnection;
        readBufferBytes = builder.readBufferBytes;
        writeBufferBytes = builder.writeBufferBytes;
        maxRequestLineBytes = builder.maxRequestLineBytes;
        maxHeaderBytes = builder.maxHeaderBytes;
        maxHeaders = builder.maxHeaders;
        h2c = builder.h2c;
        maxConcurrentStreams = builder.maxConcurrentStreams;
        observers = List.copyOf(builder.observers);
        traceSampling = builder.traceSampling;
        accessLog = builder.accessLog;
        logPerformance = builder.logPerformance;
        metrics = builder.metrics;
    }

    private TunnelConfig offering(TunnelConfig given) {
        Set<String> offered = new HashSet<>(given.capabilities());
        offered.add(Capabilities.WEBSOCKET_AWARE);
        if (!tcpForwards.isEmpty()) {
            offered.add(Capabilities.TCP);
        }
        if (!udpForwards.isEmpty()) {
            offered.add(Capabilities.UDP);
        }
        return given.toBuilder().capabilities(offered).build();
    }

    /** A builder with the defaults: free ports on the loopback address, no routes, nobody let in. */
    public static Builder builder() {
        return new Builder();
    }

    /** Where clients come in; null for nowhere. */
    public @Nullable InetSocketAddress httpAddress() {
        return httpAddress;
    }

    /** Where agents come in. */
    public InetSocketAddress tunnelAddress() {
        return tunnelAddress;
    }

    /** Whether clients and agents share one port, where the path tells them apart. */
    public boolean isPortShared() {
        return tunnelAddress.getPort() != 0 && tunnelAddress.equals(httpAddress);
    }

    /** The path that agents ask for. */
    public String tunnelPath() {
        return tunnelPath;
    }

    /** What stands in front of the gateway's own handler of its tunnels. */
    public UnaryOperator<TunnelHandler> tunnelHandler() {
        return tunnelHandler;
    }

    /** Where operators come in, for {@code /healthz}, {@code /readyz}, {@code /status} and {@code /metrics}; null for nowhere. */
    public @Nullable InetSocketAddress metricsAddress() {
        return metricsAddress;
    }

    /** Who may come in as which agent. */
    public Authenticator authenticator() {
        return authenticator;
    }

    /** Which agent gets a request, until {@link Gateway#router(RequestRouter)} says otherwise. */
    public RequestRouter router() {
        return router;
    }

    /** Where TCP connections come in, in the order in which they were given. */
    public List<TcpForward> tcpForwards() {
        return tcpForwards;
    }

    /** Where datagrams come in, in the order in which they were given. */
    public List<UdpForward> udpForwards() {
        return udpForwards;
    }

    /** The protocols that {@code Upgrade} may name on every route, in lower case. */
    public Set<String> upgrades() {
        return upgrades;
    }

    /** How WebSockets are carried. */
    public WebSocketConfig webSockets() {
        return webSockets;
    }

    /** How many requests are let through, and which have to wait. */
    public AdmissionConfig admission() {
        return admission;
    }

    /** Whose word is taken for who the client is. */
    TrustedProxies trustedProxies() {
        return trustedProxies;
    }

    /** For both listeners, or null for none. */
    public @Nullable TlsConfig tls() {
        return tls;
    }

    /** What holds for each tunnel; offers what gateways can do, and what the forwards need. */
    public TunnelConfig tunnel() {
        return tunnel;
    }

    /** How the event loops wait. */
    public IoMode ioMode() {
        return ioMode;
    }

    /** How many event loops there are. */
    public int loops() {
        return loops;
    }

    /** Until the response's head. */
    public Duration requestTimeout() {
        return requestTimeout;
    }

    /** Until the answer to an upgrade. */
    public Duration upgradeTimeout() {
        return upgradeTimeout;
    }

    /** From a connection, or from the first byte of a further request, to the end of the request's head. */
    public Duration headTimeout() {
        return headTimeout;
    }

    /** How long a connection may rest between two requests. */
    public Duration keepAliveTimeout() {
        return keepAliveTimeout;
    }

    /** Longest time between two pieces of a request's body. */
    public Duration readTimeout() {
        return readTimeout;
    }

    /** Longest time in which a client, or an agent, takes nothing of what waits for it. */
    public Duration writeTimeout() {
        return writeTimeout;
    }

    /**
     * Longest time without a byte in either direction of a TCP connection, of an upgraded one, or behind the head of a response; then it is cut. Null is no
     * limit.
     */
    public @Nullable Duration streamIdleTimeout() {
        return streamIdleTimeout;
    }

    /** Clients' connections at once, those of HTTP and those of all TCP forwards each counted on their own; more are closed. */
    public int maxConnections() {
        return maxConnections;
    }

    /** Requests on one connection, after which it is closed. */
    public int maxRequestsPerConnection() {
        return maxRequestsPerConnection;
    }

    /** The longest buffer that a client's socket is read into. */
    public int readBufferBytes() {
        return readBufferBytes;
    }

    /** So many bytes may wait for a client's socket before whoever sends them is made to wait. */
    public int writeBufferBytes() {
        return writeBufferBytes;
    }

    /** Longest request line. */
    public int maxRequestLineBytes() {
        return maxRequestLineBytes;
    }

    /** Longest header, over all its fields. */
    public int maxHeaderBytes() {
        return maxHeaderBytes;
    }

    /** Most fields of a header. */
    public int maxHeaders() {
        return maxHeaders;
    }

    /** Whether HTTP/2 is spoken without TLS, to clients that begin with it. With TLS it always is, to those that ask for it. */
    public boolean h2c() {
        return h2c;
    }

    /** Requests at once on one connection of HTTP/2; more are refused. */
    public int maxConcurrentStreams() {
        return maxConcurrentStreams;
    }

    /** Told what the gateway does, in this order. */
    public List<GatewayObserver> observers() {
        return observers;
    }

    /** The share of the traces that begin at this gateway which are flagged to be recorded by those behind it, 0 to 1. */
    public double traceSampling() {
        return traceSampling;
    }

    /** Whether each request is a line of the logger {@code io.tunnelmux.access}, at level INFO; if not, at DEBUG. */
    public boolean accessLog() {
        return accessLog;
    }

    /** Whether the end of each upgraded connection is a line of the logger {@code io.tunnelmux.performance}, at level INFO. */
    public boolean logPerformance() {
        return logPerformance;
    }

    /** What {@code /metrics} of {@link #metricsAddress} shows; null for no such page. */
    public @Nullable Supplier<String> metrics() {
        return metrics;
    }

    /** Gathers a configuration. Methods throw {@link IllegalArgumentException} for what makes no sense. For one thread. */
    public static final class Builder {
        private static final int MAX_HEAD_BYTES = 1 << 20;
        private static final InetSocketAddress FREE_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

        private @Nullable InetSocketAddress httpAddress = FREE_PORT;
        private InetSocketAddress tunnelAddress = FREE_PORT;
        private String tunnelPath = NettyAcceptor.DEFAULT_PATH;
        private @Nullable InetSocketAddress metricsAddress;
        private Authenticator authenticator = TokenAuthenticator.builder().build();
        private RequestRouter router = AgentRouter.builder().build();
        private final List<TcpForward> tcpForwards = new ArrayList<>();
        private final List<UdpForward> udpForwards = new ArrayList<>();
        private Set<String> upgrades = Set.of(UpgradeCheck.WEBSOCKET);
        private WebSocketConfig webSockets = WebSocketConfig.DEFAULTS;
        private AdmissionConfig admission = AdmissionConfig.DEFAULTS;
        private TrustedProxies trustedProxies = TrustedProxies.NONE;
        private @Nullable TlsConfig tls;
        private TunnelConfig tunnel = TunnelConfig.DEFAULTS;
        private UnaryOperator<TunnelHandler> tunnelHandler = UnaryOperator.identity();
        private IoMode ioMode = IoMode.AUTO;
        private int loops = Runtime.getRuntime().availableProcessors();
        private Duration requestTimeout = DEFAULT_REQUEST_TIMEOUT;
        private Duration upgradeTimeout = DEFAULT_UPGRADE_TIMEOUT;
        private Duration headTimeout = Duration.ofSeconds(10);
        private Duration keepAliveTimeout = Duration.ofSeconds(75);
        private Duration readTimeout = Duration.ofSeconds(30);
        private Duration writeTimeout = Duration.ofSeconds(60);
        private @Nullable Duration streamIdleTimeout;
        private int maxConnections = DEFAULT_MAX_CONNECTIONS;
        private int maxRequestsPerConnection = 1_000;
        private int readBufferBytes = NettyLoops.READ_BUFFER_BYTES;
        private int writeBufferBytes = NettyLoops.WRITE_BUFFER_BYTES;
        private int maxRequestLineBytes = 8 * 1024;
        private int maxHeaderBytes = 32 * 1024;
        private int maxHeaders = 100;
        private boolean h2c;
        private int maxConcurrentStreams = 100;
        private final List<GatewayObserver> observers = new ArrayList<>();
        private double traceSampling = 1;
        private boolean accessLog;
        private boolean logPerformance;
        private @Nullable Supplier<String> metrics;

        private Builder() {}

        /** See {@link GatewayConfig#httpAddress()}; port 0 is any free one. */
        public Builder httpAddress(InetSocketAddress address) {
            httpAddress = Objects.requireNonNull(address);
            return this;
        }

        /** Listens for no clients: the application brings all requests by {@link Gateway#exchange}. */
        public Builder withoutHttp() {
            httpAddress = null;
            return this;
        }

        /** See {@link GatewayConfig#tunnelAddress()}; port 0 is any free one, the address of clients a shared port. */
        public Builder tunnelAddress(InetSocketAddress address) {
            tunnelAddress = Objects.requireNonNull(address);
            return this;
        }

        /** See {@link GatewayConfig#tunnelPath()}; {@value NettyAcceptor#DEFAULT_PATH} by default. */
        public Builder tunnelPath(String path) {
            if (!path.startsWith("/") || path.indexOf('?') >= 0) {
                throw new IllegalArgumentException("tunnelPath: " + path);
            }
            tunnelPath = path;
            return this;
        }

        /**
         * See {@link GatewayConfig#tunnelHandler()}: given the gateway's own handler, returns one that hands all on to it which is not its own business, such as
         * {@link io.tunnelmux.core.MessageExchange#before} for messages and streams of your own. Called once; must not return null.
         */
        public Builder tunnelHandler(UnaryOperator<TunnelHandler> around) {
            tunnelHandler = Objects.requireNonNull(around);
            return this;
        }

        /**
         * See {@link GatewayConfig#metricsAddress()}; nowhere by default. Whoever reaches it may ask: it belongs on the loopback address or a network of
         * your own, and is never the address of clients or agents. Port 0 is any free one.
         */
        public Builder metricsAddress(InetSocketAddress address) {
            metricsAddress = Objects.requireNonNull(address);
            return this;
        }

        /** See {@link GatewayConfig#authenticator()}; knows nobody by default. */
        public Builder authenticator(Authenticator newAuthenticator) {
            authenticator = Objects.requireNonNull(newAuthenticator);
            return this;
        }

        /** See {@link GatewayConfig#router()}; knows no agent by default. */
        public Builder router(RequestRouter newRouter) {
            router = Objects.requireNonNull(newRouter);
            return this;
        }

        /** One more of {@link GatewayConfig#tcpForwards()}; there is none by default. */
        public Builder tcpForward(TcpForward forward) {
            tcpForwards.add(Objects.requireNonNull(forward));
            return this;
        }

        /** One more of {@link GatewayConfig#udpForwards()}; there is none by default. */
        public Builder udpForward(UdpForward forward) {
            udpForwards.add(Objects.requireNonNull(forward));
            return this;
        }

        /** See {@link GatewayConfig#upgrades()}; {@code websocket} by default, {@code *} is any. */
        public Builder upgrades(Set<String> protocols) {
            upgrades = protocols.stream()
                    .map(protocol -> protocol.toLowerCase(Locale.ROOT))
                    .collect(Collectors.toUnmodifiableSet());
            return this;
        }

        /** See {@link GatewayConfig#webSockets()}; {@link WebSocketConfig#DEFAULTS} by default. */
        public Builder webSockets(WebSocketConfig config) {
            webSockets = Objects.requireNonNull(config);
            return this;
        }

        /** See {@link GatewayConfig#admission()}; {@link AdmissionConfig#DEFAULTS} by default. */
        public Builder admission(AdmissionConfig config) {
            admission = Objects.requireNonNull(config);
            return this;
        }

        /**
         * The networks of proxies that say truly who their clients are, by {@code X-Forwarded-For}, {@code -Proto} and {@code -Host}, or {@code Forwarded} where
         * the first is not there; nobody by default. Everybody else's such fields are dropped. The client is the last in the list that is none of these proxies;
         * its address counts for limits and logs, and goes to the agent. Such a proxy must replace or extend the fields and never just hand them on.
         *
         * @param networks {@code ADDRESS/BITS}, or an address alone
         */
        public Builder trustedProxies(Collection<String> networks) {
            trustedProxies = TrustedProxies.of(networks);
            return this;
        }

        /** See {@link GatewayConfig#tls()}; none by default. */
        public Builder tls(@Nullable TlsConfig newTls) {
            tls = newTls;
            return this;
        }

        /** See {@link GatewayConfig#tunnel()}. */
        public Builder tunnel(TunnelConfig config) {
            tunnel = Objects.requireNonNull(config);
            return this;
        }

        /** See {@link GatewayConfig#ioMode()}; the best that is there by default. */
        public Builder ioMode(IoMode mode) {
            ioMode = Objects.requireNonNull(mode);
            return this;
        }

        /** See {@link GatewayConfig#loops()}; one for each processor by default. */
        public Builder loops(int count) {
            loops = positive("loops", count);
            return this;
        }

        /** See {@link GatewayConfig#requestTimeout()}; 130 s by default. */
        public Builder requestTimeout(Duration timeout) {
            requestTimeout = positive("requestTimeout", timeout);
            return this;
        }

        /** See {@link GatewayConfig#upgradeTimeout()}; 10 s by default. */
        public Builder upgradeTimeout(Duration timeout) {
            upgradeTimeout = positive("upgradeTimeout", timeout);
            return this;
        }

        /** See {@link GatewayConfig#headTimeout()}; 10 s by default. */
        public Builder headTimeout(Duration timeout) {
            headTimeout = positive("headTimeout", timeout);
            return this;
        }

        /** See {@link GatewayConfig#keepAliveTimeout()}; 75 s by default. */
        public Builder keepAliveTimeout(Duration timeout) {
            keepAliveTimeout = positive("keepAliveTimeout", timeout);
            return this;
        }

        /** See {@link GatewayConfig#readTimeout()}; 30 s by default. */
        public Builder readTimeout(Duration timeout) {
            readTimeout = positive("readTimeout", timeout);
            return this;
        }

        /** See {@link GatewayConfig#writeTimeout()}; 60 s by default. */
        public Builder writeTimeout(Duration timeout) {
            writeTimeout = positive("writeTimeout", timeout);
            return this;
        }

        /** See {@link GatewayConfig#streamIdleTimeout()}; no limit by default. It may take an eighth longer until it is noticed. */
        public Builder streamIdleTimeout(Duration timeout) {
            streamIdleTimeout = positive("streamIdleTimeout", timeout);
            return this;
        }

        /** See {@link GatewayConfig#maxConnections()}; 10,000 by default. */
        public Builder maxConnections(int count) {
            maxConnections = positive("maxConnections", count);
            return this;
        }

        /** See {@link GatewayConfig#maxRequestsPerConnection()}; 1,000 by default. */
        public Builder maxRequestsPerConnection(int count) {
            maxRequestsPerConnection = positive("maxRequestsPerConnection", count);
            return this;
        }

        /** See {@link GatewayConfig#readBufferBytes()}; at least 2,048, by default 65,536. */
        public Builder readBufferBytes(int bytes) {
            if (bytes < NettyLoops.LEAST_READ_BUFFER_BYTES) {
                throw new IllegalArgumentException(
                        "readBufferBytes: " + bytes + ", at least " + NettyLoops.LEAST_READ_BUFFER_BYTES);
            }
            readBufferBytes = bytes;
            return this;
        }

        /** See {@link GatewayConfig#writeBufferBytes()}; 131,072 by default. */
        public Builder writeBufferBytes(int bytes) {
            writeBufferBytes = positive("writeBufferBytes", bytes);
            return this;
        }

        /** See {@link GatewayConfig#maxRequestLineBytes()}; 8 KiB by default, 1 MiB at most. */
        public Builder maxRequestLineBytes(int bytes) {
            maxRequestLineBytes = ofHead("maxRequestLineBytes", bytes);
            return this;
        }

        /** See {@link GatewayConfig#maxHeaderBytes()}; 32 KiB by default, 1 MiB at most. */
        public Builder maxHeaderBytes(int bytes) {
            maxHeaderBytes = ofHead("maxHeaderBytes", bytes);
            return this;
        }

        /** See {@link GatewayConfig#maxHeaders()}; 100 by default. */
        public Builder maxHeaders(int count) {
            maxHeaders = positive("maxHeaders", count);
            return this;
        }

        /** See {@link GatewayConfig#h2c()}; not by default. */
        public Builder h2c(boolean isSpoken) {
            h2c = isSpoken;
            return this;
        }

        /** See {@link GatewayConfig#maxConcurrentStreams()}; 100 by default. */
        public Builder maxConcurrentStreams(int count) {
            maxConcurrentStreams = positive("maxConcurrentStreams", count);
            return this;
        }

        /** Adds one to {@link GatewayConfig#observers()}; there is none by default. */
        public Builder observer(GatewayObserver observer) {
            observers.add(Objects.requireNonNull(observer));
            return this;
        }

        /**
         * See {@link GatewayConfig#traceSampling()}; 1 by default. What clients say of traces of theirs is handed on as it is.
         *
         * @throws IllegalArgumentException unless 0 to 1
         */
        public Builder traceSampling(double share) {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("traceSampling: " + share + ", 0 to 1");
            }
            traceSampling = share;
            return this;
        }

        /** See {@link GatewayConfig#accessLog()}; false by default. */
        public Builder accessLog(boolean isOn) {
            accessLog = isOn;
            return this;
        }

        /** See {@link GatewayConfig#logPerformance()}; false by default. */
        public Builder logPerformance(boolean isOn) {
            logPerformance = isOn;
            return this;
        }

        /**
         * See {@link GatewayConfig#metrics()}; no such page by default.
         *
         * @param prometheus what there is to say in Prometheus' text format, version 0.0.4; asked for each time, on the event loop of
         *     {@link GatewayConfig#metricsAddress()}, which has nothing to do with traffic
         */
        public Builder metrics(Supplier<String> prometheus) {
            metrics = Objects.requireNonNull(prometheus);
            return this;
        }

        /** The configuration. */
        public GatewayConfig build() {
            return new GatewayConfig(this);
        }

        /** What anybody can make the gateway hold before it knows what is asked for. */
        private static int ofHead(String what, int bytes) {
            if (bytes < 1 || bytes > MAX_HEAD_BYTES) {
                throw new IllegalArgumentException(what + ": " + bytes + ", 1 to " + MAX_HEAD_BYTES);
            }
            return bytes;
        }

        private static int positive(String what, int value) {
            if (value < 1) {
                throw new IllegalArgumentException(what + ": " + value + ", at least 1");
            }
            return value;
        }

        private static Duration positive(String what, Duration value) {
            if (value.isNegative() || value.isZero()) {
                throw new IllegalArgumentException(what + ": " + value);
            }
            return value;
        }
    }
}
