package io.tunnelmux.netty.gateway;

import io.tunnelmux.protocol.Hello;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An address where datagrams come in, and the agent that they are passed on to. Whoever sends them is told apart by address and port; the agent sends those of
 * each from a port of their own, and what comes back there goes back. Where to is the agent's own business: the target of a name or, as long as none is asked
 * for here, the only target for datagrams that it has.
 *
 * <p>Datagrams are lost where there is no room for them, as on any way; what is passed on keeps its boundaries.
 *
 * <pre>{@code
 * UdpForward.of(new InetSocketAddress("127.0.0.1", 53), "shop").withTarget("dns")
 * }</pre>
 *
 * <p>Immutable; any thread.
 */
public final class UdpForward {

    /** Clients at once, unless told otherwise. */
    public static final int DEFAULT_MAX_CLIENTS = 1_000;
    /** After so long without a datagram in either direction a client is forgotten, unless told otherwise. */
    public static final Duration DEFAULT_IDLE_TIMEOUT = Duration.ofSeconds(60);

    private final InetSocketAddress address;
    private final String agentId;
    private final ForwardTarget to;
    private final int maxClients;
    private final Duration idleTimeout;

    private UdpForward(Draft draft) {
        address = draft.address;
        agentId = draft.agentId;
        to = draft.to;
        maxClients = draft.maxClients;
        idleTimeout = draft.idleTimeout;
    }

    /**
     * Datagrams to {@code address}, to {@code agentId}.
     *
     * @param address port 0 is any free one
     * @throws IllegalArgumentException if no agent can have this id
     */
    public static UdpForward of(InetSocketAddress address, String agentId) {
        if (agentId.isEmpty()) {
            throw new IllegalArgumentException("no agent");
        }
        Hello.builder().agentId(agentId);
        return new UdpForward(new Draft(Objects.requireNonNull(address), agentId));
    }

    /**
     * The same, to the target that the agent knows by this name.
     *
     * @throws IllegalArgumentException if it is empty
     */
    public UdpForward withTarget(String name) {
        ForwardTarget named = ForwardTarget.named(name);
        return with(draft -> draft.to = named);
    }

    /**
     * The same with so many clients at once. Datagrams of more are dropped, until one of those is forgotten: who can forge addresses can keep others out, but
     * cannot make the agent open a port for each of them.
     *
     * @throws IllegalArgumentException below 1
     */
    public UdpForward withMaxClients(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("maxClients: " + count);
        }
        return with(draft -> draft.maxClients = count);
    }

    /**
     * The same, and clients are forgotten after so long without a datagram in either direction.
     *
     * @throws IllegalArgumentException if it is less than a millisecond
     */
    public UdpForward withIdleTimeout(Duration timeout) {
        if (timeout.toMillis() < 1) {
            throw new IllegalArgumentException("idleTimeout: " + timeout);
        }
        return with(draft -> draft.idleTimeout = timeout);
    }

    private UdpForward with(Consumer<Draft> change) {
        Draft draft = new Draft(address, agentId);
        draft.to = to;
        draft.maxClients = maxClients;
        draft.idleTimeout = idleTimeout;
        change.accept(draft);
        return new UdpForward(draft);
    }

    /** Where datagrams come in. */
    public InetSocketAddress address() {
        return address;
    }

    /** Who gets them. */
    public String agentId() {
        return agentId;
    }

    /** The name of a target of the agent's; null is the only one that it has. */
    public @Nullable String target() {
        return to.name();
    }

    /** Clients at once. */
    public int maxClients() {
        return maxClients;
    }

    /** After so long without a datagram in either direction a client is forgotten. */
    public Duration idleTimeout() {
        return idleTimeout;
    }

    ForwardTarget to() {
        return to;
    }

    private static final class Draft {
        private final InetSocketAddress address;
        private final String agentId;
        private ForwardTarget to = ForwardTarget.ONLY;
        private int maxClients = DEFAULT_MAX_CLIENTS;
        private Duration idleTimeout = DEFAULT_IDLE_TIMEOUT;

        Draft(InetSocketAddress address, String agentId) {
            this.address = address;
            this.agentId = agentId;
        }
    }
}
