package io.tunnelmux.netty.agent;

import io.tunnelmux.core.Backoff;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.netty.relay.MessageRelay;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.TlsConfig;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.Hello;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What an {@link Agent} is told. Immutable; any thread. */
public final class AgentConfig {

    /** Most connections that one agent may have to its gateway. */
    public static final int MAX_CONNECTIONS = 8;
    /** How long a connection to an upstream may take, with the look-up of its name and the TLS handshake. */
    public static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);
    /**
     * How long a connection to an upstream is kept idle where the upstream names no time: one second less than the five after which
     * common servers close, so that no request crosses a close.
     */
    public static final Duration DEFAULT_IDLE_TIMEOUT = Duration.ofSeconds(4);
    /** How many idle connections are kept to each upstream, by each event loop. */
    public static final int DEFAULT_MAX_IDLE_CONNECTIONS = 64;

    private final List<URI> gateways;
    private final String agentId;
    private final Supplier<@Nullable String> token;
    private final UpstreamResolver resolver;
    private final Targets tcpTargets;
    private final Targets udpTargets;
    private final int connections;
    private final Duration connectTimeout;
    private final Duration idleTimeout;
    private final int maxIdleConnections;
    private final Duration firstBackoff;
    private final Duration backoffCeiling;
    private final @Nullable InetSocketAddress metricsAddress;
    private final TunnelConfig tunnel;
    private final UnaryOperator<TunnelHandler> tunnelHandler;
    private final @Nullable TlsConfig gatewayTls;
    private final @Nullable TlsConfig upstreamTls;
    private final IoMode ioMode;
    private final Agent.Listener listener;
    private final int maxWebSocketMessageBytes;
    private final boolean isWebSocketDeflating;
    private final List<AgentObserver> observers;
    private final @Nullable Supplier<String> metrics;

    private AgentConfig(Builder builder, String agentId) {
        gateways = builder.gateways;
        this.agentId = agentId;
        token = builder.token;
        resolver = builder.resolver != null
                ? builder.resolver
                : new ConfiguredUpstreams(builder.targets, builder.routes, builder.upstream);
        tcpTargets = new Targets(builder.tcpTargets, builder.allowed);
        udpTargets = new Targets(builder.udpTargets, List.of());
        connections = builder.connections;
        connectTimeout = builder.connectTimeout;
        idleTimeout = builder.idleTimeout;
        maxIdleConnections = builder.maxIdleConnections;
        firstBackoff = builder.firstBackoff;
        backoffCeiling = builder.backoffCeiling;
        metricsAddress = builder.metricsAddress;
        tunnel = offering(builder.tunnel);
        tunnelHandler = builder.tunnelHandler != null ? builder.tunnelHandler : UnaryOperator.identity();
        gatewayTls = builder.gatewayTls;
        upstreamTls = builder.upstreamTls;
        maxWebSocketMessageBytes = builder.maxWebSocketMessageBytes;
        isWebSocketDeflating = builder.isWebSocketDeflating;
        ioMode = builder.ioMode;
        listener = builder.listener;
        observers = List.copyOf(builder.observers);
        metrics = builder.metrics;
    }

    private TunnelConfig offering(TunnelConfig given) {
        Set<String> offered = new HashSet<>(given.capabilities());
        offered.add(Capabilities.WEBSOCKET_AWARE);
        if (!tcpTargets.isEmpty()) {
            offered.add(Capabilities.TCP);
        }
        if (!udpTargets.isEmpty()) {
            offered.add(Capabilities.UDP);
        }
        return given.toBuilder().capabilities(offered).build();
    }

    /** A builder with every default. */
    public static Builder builder() {
        return new Builder();
    }

    /** Where to dial, in this order; at least one. */
    public List<URI> gateways() {
        return gateways;
    }

    /** Who the agent is. */
    public String agentId() {
        return agentId;
    }

    /** Asked for the bearer token before each attempt to connect. */
    public Supplier<@Nullable String> token() {
        return token;
    }

    /** Where requests go. */
    public UpstreamResolver resolver() {
        return resolver;
    }

    /** Where streams of TCP may go. */
    Targets tcpTargets() {
        return tcpTargets;
    }

    /** Where streams of datagrams may go. */
    Targets udpTargets() {
        return udpTargets;
    }

    /** How many tunnels to keep up. */
    public int connections() {
        return connections;
    }

    /** See {@link #DEFAULT_CONNECT_TIMEOUT}. */
    public Duration connectTimeout() {
        return connectTimeout;
    }

    /** See {@link #DEFAULT_IDLE_TIMEOUT}. */
    public Duration idleTimeout() {
        return idleTimeout;
    }

    /** See {@link #DEFAULT_MAX_IDLE_CONNECTIONS}. */
    public int maxIdleConnections() {
        return maxIdleConnections;
    }

    /** Upper end of the first wait between attempts to connect. */
    public Duration firstBackoff() {
        return firstBackoff;
    }

    /** Upper end of every wait between attempts to connect. */
    public Duration backoffCeiling() {
        return backoffCeiling;
    }

    /** Longest message of a WebSocket that the agent opens itself, either way. */
    public int maxWebSocketMessageBytes() {
        return maxWebSocketMessageBytes;
    }

    /** Whether permessage-deflate is offered to upstreams where the agent opens a WebSocket itself. */
    public boolean isWebSocketDeflating() {
        return isWebSocketDeflating;
    }

    /** How the tunnels are run; offers what agents can do, and what the targets make possible. */
    public TunnelConfig tunnel() {
        return tunnel;
    }

    /** How to speak to a {@code wss} or {@code tls} gateway; null trusts whom the platform trusts. */
    public @Nullable TlsConfig gatewayTls() {
        return gatewayTls;
    }

    /** How to speak to {@code https} upstreams; null trusts whom the platform trusts. */
    public @Nullable TlsConfig upstreamTls() {
        return upstreamTls;
    }

    /** What stands in front of the agent's own handler of its tunnels. */
    public UnaryOperator<TunnelHandler> tunnelHandler() {
        return tunnelHandler;
    }

    /** Where operators come in, for {@code /healthz}, {@code /readyz}, {@code /status} and {@code /metrics}; null for nowhere. */
    public @Nullable InetSocketAddress metricsAddress() {
        return metricsAddress;
    }

    /** How the event loops wait. */
    public IoMode ioMode() {
        return ioMode;
    }

    /** Told how the tunnels are. */
    public Agent.Listener listener() {
        return listener;
    }

    /** Told what the agent does, in this order. */
    public List<AgentObserver> observers() {
        return observers;
    }

    /** What {@code /metrics} of {@link #metricsAddress} shows; null for no such page. */
    public @Nullable Supplier<String> metrics() {
        return metrics;
    }

    /** Gathers an {@link AgentConfig}. For one thread. */
    public static final class Builder {

        private List<URI> gateways = List.of();
        private @Nullable String agentId;
        private Supplier<@Nullable String> token = () -> null;
        private final Map<String, Upstream> targets = new LinkedHashMap<>();
        private final Map<String, Upstream> routes = new LinkedHashMap<>();
        private final Map<String, InetSocketAddress> tcpTargets = new LinkedHashMap<>();
        private final List<InetSocketAddress> allowed = new ArrayList<>();
        private final Map<String, InetSocketAddress> udpTargets = new LinkedHashMap<>();
        private @Nullable Upstream upstream;
        private @Nullable UpstreamResolver resolver;
        private int connections = 1;
        private Duration connectTimeout = DEFAULT_CONNECT_TIMEOUT;
        private Duration idleTimeout = DEFAULT_IDLE_TIMEOUT;
        private int maxIdleConnections = DEFAULT_MAX_IDLE_CONNECTIONS;
        private Duration firstBackoff = Backoff.DEFAULT_FIRST;
        private Duration backoffCeiling = Backoff.DEFAULT_CEILING;
        private TunnelConfig tunnel = TunnelConfig.DEFAULTS;
        private @Nullable UnaryOperator<TunnelHandler> tunnelHandler;
        private @Nullable InetSocketAddress metricsAddress;
        private @Nullable TlsConfig gatewayTls;
        private @Nullable TlsConfig upstreamTls;
        private IoMode ioMode = IoMode.AUTO;
        private Agent.Listener listener = (connection, state, detail) -> {};
        private int maxWebSocketMessageBytes = MessageRelay.DEFAULT_MAX_MESSAGE_BYTES;
        private boolean isWebSocketDeflating;
        private final List<AgentObserver> observers = new ArrayList<>();
        private @Nullable Supplier<String> metrics;

        private Builder() {}

        /** Where to dial, one after the other while they fail: {@code wss://host/tunnel}, {@code tls://host:port} and the like. Needed. */
        public Builder gateways(List<URI> gateways) {
            this.gateways = List.copyOf(gateways);
            return this;
        }

        /**
         * Who the agent is. Needed.
         *
         * @throws IllegalArgumentException unless it is 1 to 128 of {@code A-Z a-z 0-9 . _ -}
         */
        public Builder agentId(String agentId) {
            Hello.builder().agentId(agentId);
            this.agentId = agentId;
            return this;
        }

        /** Asked for the bearer token before each attempt to connect, on an event loop: must not block. */
        public Builder token(Supplier<@Nullable String> token) {
            this.token = Objects.requireNonNull(token);
            return this;
        }

        /** Where requests go that no route and no target says anything about. */
        public Builder upstream(Upstream upstream) {
            this.upstream = Objects.requireNonNull(upstream);
            return this;
        }

        /**
         * Where requests go whose path is {@code prefix} or goes on behind it with a slash. The longest prefix wins; the path is passed on
         * untouched.
         *
         * @throws IllegalArgumentException if the prefix does not begin with a slash, or was given before
         */
        public Builder route(String prefix, Upstream routed) {
            if (!prefix.startsWith("/")) {
                throw new IllegalArgumentException("a route's prefix begins with a slash: " + prefix);
            }
            if (routes.putIfAbsent(prefix, routed) != null) {
                throw new IllegalArgumentException("two routes for " + prefix);
            }
            return this;
        }

        /**
         * Where requests go for which the gateway names a target.
         *
         * @throws IllegalArgumentException if the name is empty or was given before
         */
        public Builder target(String name, Upstream targeted) {
            if (name.isEmpty() || targets.putIfAbsent(name, targeted) != null) {
                throw new IllegalArgumentException("target is empty or there twice: " + name);
            }
            return this;
        }

        /** Says where requests go, in place of upstream, routes and targets. */
        public Builder resolver(UpstreamResolver resolver) {
            this.resolver = Objects.requireNonNull(resolver);
            return this;
        }

        /**
         * Where TCP connections go for which the gateway names this target, and those for which it names nothing if there is no other. Without any target,
         * and without {@link #allow}, TCP is refused.
         *
         * @param to looked up for each connection if it is unresolved; addresses that are link-local or multicast are barred
         * @throws IllegalArgumentException if the name is empty or was given before, the port is 0, or the address is barred
         */
        public Builder tcpTarget(String name, InetSocketAddress to) {
            requireTarget(to);
            if (name.isEmpty() || tcpTargets.putIfAbsent(name, to) != null) {
                throw new IllegalArgumentException("TCP target is empty or there twice: " + name);
            }
            return this;
        }

        /**
         * Lets the gateway ask for TCP connections to this host and port, as such and without a name.
         *
         * @param address as in {@link #tcpTarget}
         * @throws IllegalArgumentException if the port is 0, or the address is barred
         */
        public Builder allow(InetSocketAddress address) {
            requireTarget(address);
            allowed.add(address);
            return this;
        }

        /**
         * Where datagrams go for which the gateway names this target, and those for which it names nothing if there is no other. Without any, UDP is refused.
         *
         * @param to as in {@link #tcpTarget}
         * @throws IllegalArgumentException if the name is empty or was given before, the port is 0, or the address is barred
         */
        public Builder udpTarget(String name, InetSocketAddress to) {
            requireTarget(to);
            if (name.isEmpty() || udpTargets.putIfAbsent(name, to) != null) {
                throw new IllegalArgumentException("UDP target is empty or there twice: " + name);
            }
            return this;
        }

        private static void requireTarget(InetSocketAddress address) {
            if (address.getPort() == 0) {
                throw new IllegalArgumentException("port: 0");
            }
            if (address.isUnresolved()) {
                BarredAddresses.requireOther(address.getHostString());
            } else {
                BarredAddresses.requireOther(address.getAddress());
            }
        }

        /**
         * How many tunnels to keep up, spread over the event loops; each stream goes through one of them.
         *
         * @throws IllegalArgumentException unless 1 to {@value AgentConfig#MAX_CONNECTIONS}
         */
        public Builder connections(int connections) {
            if (connections < 1 || connections > MAX_CONNECTIONS) {
                throw new IllegalArgumentException("connections: " + connections + ", 1 to " + MAX_CONNECTIONS);
            }
            this.connections = connections;
            return this;
        }

        /** @throws IllegalArgumentException unless it is positive */
        public Builder connectTimeout(Duration connectTimeout) {
            this.connectTimeout = positive("connectTimeout", connectTimeout);
            return this;
        }

        /** @throws IllegalArgumentException unless it is positive */
        public Builder idleTimeout(Duration idleTimeout) {
            this.idleTimeout = positive("idleTimeout", idleTimeout);
            return this;
        }

        /**
         * 0 keeps none.
         *
         * @throws IllegalArgumentException if it is negative
         */
        public Builder maxIdleConnections(int maxIdleConnections) {
            if (maxIdleConnections < 0) {
                throw new IllegalArgumentException("maxIdleConnections: " + maxIdleConnections);
            }
            this.maxIdleConnections = maxIdleConnections;
            return this;
        }

        /**
         * How the waits between attempts to connect grow, see {@link Backoff}.
         *
         * @throws IllegalArgumentException unless {@code 1 ms <= first <= ceiling}
         */
        public Builder backoff(Duration first, Duration ceiling) {
            if (first.toMillis() < 1 || first.compareTo(ceiling) > 0) {
                throw new IllegalArgumentException("backoff: " + first + " to " + ceiling);
            }
            firstBackoff = first;
            backoffCeiling = ceiling;
            return this;
        }

        /** How the tunnels are run; {@link TunnelConfig#DEFAULTS} if not given. */
        public Builder tunnel(TunnelConfig tunnel) {
            this.tunnel = Objects.requireNonNull(tunnel);
            return this;
        }

        /** How to speak to a {@code wss} or {@code tls} gateway, where whom the platform trusts is not the right choice. */
        public Builder gatewayTls(TlsConfig gatewayTls) {
            this.gatewayTls = Objects.requireNonNull(gatewayTls);
            return this;
        }

        /** How to speak to {@code https} upstreams, where whom the platform trusts is not the right choice. */
        public Builder upstreamTls(TlsConfig upstreamTls) {
            this.upstreamTls = Objects.requireNonNull(upstreamTls);
            return this;
        }

        /**
         * See {@link AgentConfig#tunnelHandler()}: given the agent's own handler, returns one that hands all on to it which is not its own business, such as
         * {@link io.tunnelmux.core.MessageExchange#before} for messages and streams of your own. Called once; must not return null.
         */
        public Builder tunnelHandler(UnaryOperator<TunnelHandler> around) {
            tunnelHandler = Objects.requireNonNull(around);
            return this;
        }

        /**
         * See {@link AgentConfig#metricsAddress()}; nowhere if not given. Whoever reaches it may ask: it belongs on the loopback address or a network of
         * your own. Port 0 is any free one.
         */
        public Builder metricsAddress(InetSocketAddress metricsAddress) {
            this.metricsAddress = Objects.requireNonNull(metricsAddress);
            return this;
        }

        /**
         * See {@link AgentConfig#maxWebSocketMessageBytes()}; {@link MessageRelay#DEFAULT_MAX_MESSAGE_BYTES} if not given. The gateway has a limit of its own.
         *
         * @throws IllegalArgumentException unless it is positive
         */
        public Builder maxWebSocketMessageBytes(int bytes) {
            if (bytes < 1) {
                throw new IllegalArgumentException("maxWebSocketMessageBytes: " + bytes);
            }
            maxWebSocketMessageBytes = bytes;
            return this;
        }

        /** See {@link AgentConfig#isWebSocketDeflating()}; not if not given. */
        public Builder webSocketDeflate(boolean isDeflating) {
            isWebSocketDeflating = isDeflating;
            return this;
        }

        /** How the event loops wait; {@link IoMode#AUTO} if not given. */
        public Builder ioMode(IoMode ioMode) {
            this.ioMode = Objects.requireNonNull(ioMode);
            return this;
        }

        /** Told how the tunnels are. */
        public Builder listener(Agent.Listener listener) {
            this.listener = Objects.requireNonNull(listener);
            return this;
        }

        /** Adds one to {@link AgentConfig#observers()}; there is none by default. */
        public Builder observer(AgentObserver observer) {
            observers.add(Objects.requireNonNull(observer));
            return this;
        }

        /**
         * See {@link AgentConfig#metrics()}; no such page by default.
         *
         * @param prometheus what there is to say in Prometheus' text format, version 0.0.4; asked for each time, on the event loop of
         *     {@link AgentConfig#metricsAddress()}, which has nothing to do with traffic
         */
        public Builder metrics(Supplier<String> prometheus) {
            metrics = Objects.requireNonNull(prometheus);
            return this;
        }

        /**
         * The configuration.
         *
         * @throws IllegalStateException if the gateway, the agent's id, or any place for requests or connections to go is missing; with a {@code tunnelHandler}
         *     there may be no such place. Without one for requests, they are answered with 404
         */
        public AgentConfig build() {
            if (gateways.isEmpty()) {
                throw new IllegalStateException("no gateway is named");
            }
            if (agentId == null) {
                throw new IllegalStateException("the agent has no id");
            }
            if (resolver == null
                    && upstream == null
                    && routes.isEmpty()
                    && targets.isEmpty()
                    && tcpTargets.isEmpty()
                    && allowed.isEmpty()
                    && udpTargets.isEmpty()
                    && tunnelHandler == null) {
                throw new IllegalStateException("neither an upstream nor a target is named, and no tunnelHandler");
            }
            return new AgentConfig(this, agentId);
        }

        private static Duration positive(String what, Duration value) {
            if (value.isNegative() || value.isZero()) {
                throw new IllegalArgumentException(what + ": " + value);
            }
            return value;
        }
    }
}
