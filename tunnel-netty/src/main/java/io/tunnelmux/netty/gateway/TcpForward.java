package io.tunnelmux.netty.gateway;

import io.tunnelmux.protocol.Hello;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An address where TCP connections come in, and the agent that they are passed on to. What the agent connects them to is its own business, within what
 * its configuration allows: the target of a name, a host and port, or, as long as neither is asked for here, the only target that it has.
 *
 * <pre>{@code
 * TcpForward.of(new InetSocketAddress("127.0.0.1", 5432), "shop").withTarget("orders-db")
 * }</pre>
 *
 * <p>Immutable; any thread.
 */
public final class TcpForward {

    /** Connections at once, unless told otherwise. */
    public static final int DEFAULT_MAX_CONNECTIONS = 1_000;
    /** Until the agent has a connection, unless told otherwise. */
    public static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);

    private final InetSocketAddress address;
    private final String agentId;
    private final ForwardTarget to;
    private final int maxConnections;
    private final Duration connectTimeout;

    private TcpForward(Draft draft) {
        address = draft.address;
        agentId = draft.agentId;
        to = draft.to;
        maxConnections = draft.maxConnections;
        connectTimeout = draft.connectTimeout;
    }

    /**
     * Connections to {@code address}, to {@code agentId}.
     *
     * @param address port 0 is any free one
     * @throws IllegalArgumentException if no agent can have this id
     */
    public static TcpForward of(InetSocketAddress address, String agentId) {
        if (agentId.isEmpty()) {
            throw new IllegalArgumentException("no agent");
        }
        Hello.builder().agentId(agentId);
        return new TcpForward(new Draft(Objects.requireNonNull(address), agentId));
    }

    /**
     * The same, to the target that the agent knows by this name.
     *
     * @throws IllegalArgumentException if it is empty
     */
    public TcpForward withTarget(String name) {
        ForwardTarget named = ForwardTarget.named(name);
        return with(draft -> draft.to = named);
    }

    /**
     * The same, to an address as the agent sees it.
     *
     * @param host a name or an address, without brackets
     * @throws IllegalArgumentException if the host is empty, or the port not 1 to 65,535
     */
    public TcpForward withHost(String host, int port) {
        ForwardTarget at = ForwardTarget.at(host, port);
        return with(draft -> draft.to = at);
    }

    /**
     * The same with so many connections at once; more are reset.
     *
     * @throws IllegalArgumentException below 1
     */
    public TcpForward withMaxConnections(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("maxConnections: " + count);
        }
        return with(draft -> draft.maxConnections = count);
    }

    /**
     * The same with so much time for the agent to connect, after which a connection is reset. The agent has a limit of its own; the shorter one counts.
     *
     * @throws IllegalArgumentException if it is less than a millisecond
     */
    public TcpForward withConnectTimeout(Duration timeout) {
        if (timeout.toMillis() < 1) {
            throw new IllegalArgumentException("connectTimeout: " + timeout);
        }
        return with(draft -> draft.connectTimeout = timeout);
    }

    private TcpForward with(Consumer<Draft> change) {
        Draft draft = new Draft(address, agentId);
        draft.to = to;
        draft.maxConnections = maxConnections;
        draft.connectTimeout = connectTimeout;
        change.accept(draft);
        return new TcpForward(draft);
    }

    /** Where connections come in. */
    public InetSocketAddress address() {
        return address;
    }

    /** Who gets them. */
    public String agentId() {
        return agentId;
    }

    /** The name of a target of the agent's; null if none is asked for by name. */
    public @Nullable String target() {
        return to.name();
    }

    /** Where the agent is to connect to; null unless that is asked for as an address. */
    public @Nullable String host() {
        return to.host();
    }

    /** Belongs to {@link #host}; 0 without. */
    public int port() {
        return to.port();
    }

    /** Connections at once. */
    public int maxConnections() {
        return maxConnections;
    }

    /** Until the agent has a connection. */
    public Duration connectTimeout() {
        return connectTimeout;
    }

    ForwardTarget to() {
        return to;
    }

    private static final class Draft {
        private final InetSocketAddress address;
        private final String agentId;
        private ForwardTarget to = ForwardTarget.ONLY;
        private int maxConnections = DEFAULT_MAX_CONNECTIONS;
        private Duration connectTimeout = DEFAULT_CONNECT_TIMEOUT;

        Draft(InetSocketAddress address, String agentId) {
            this.address = address;
            this.agentId = agentId;
        }
    }
}
