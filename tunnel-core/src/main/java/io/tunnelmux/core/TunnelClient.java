package io.tunnelmux.core;

import io.tunnelmux.core.log.Printable;
import io.tunnelmux.core.transport.Connector;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Hello;
import java.net.URI;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one tunnel up, from an agent to one of a list of gateways: dials, shakes hands, and when the tunnel is lost waits and dials again, for ever.
 *
 * <pre>
 * IDLE ──start──▶ CONNECTING ──handshake done──▶ CONNECTED
 *                   ▲     │                          │ lost, or told to go elsewhere
 *                   │     └──────failed──────┐       │
 *                   └──────── WAITING ◀──────┴───────┘          close() leads from anywhere to CLOSED
 * </pre>
 *
 * There is one state and one timer, so there is never more than one attempt. Waits grow by {@link Backoff} and start afresh only after a
 * tunnel has stood for a minute: a gateway that accepts and drops is not hammered. A gateway that names a time is obeyed; one that refuses the token is
 * asked again slowly, with whatever token the supplier then has. A tunnel that drains keeps its streams while the next one is dialled.
 *
 * <p>Gateways are tried in the order of their list, from one to the next with each failure; a tunnel that had stood for a minute and is lost makes it begin
 * with the first again, one that drains makes it go on to the next. Where a transport has no handshake of its own (all but {@code ws} and {@code wss}) the token
 * travels in HELLO.
 *
 * <p>Any thread may call; the listener and the handler are called on the connector's loop.
 */
public final class TunnelClient {

    private static final Logger LOG = LoggerFactory.getLogger(TunnelClient.class);

    private static final Duration HEALTHY_AFTER = Duration.ofSeconds(60);
    private static final Duration LEAST_WAIT_WHEN_SUPERSEDED = Duration.ofSeconds(10);
    /** Nobody stays away for longer, whatever is asked. */
    private static final Duration LONGEST_NAMED_WAIT = Duration.ofDays(1);
    /** Further kinds of failures are no news. */
    private static final int MAX_TOLD_FAILURES = 16;
    /** Transports whose own handshake bears the token. */
    private static final Set<String> SCHEMES_WITH_HANDSHAKE = Set.of("ws", "wss");

    /** What a client is doing. */
    public enum State {
        /** Not started. */
        IDLE,
        /** Dialling and shaking hands. */
        CONNECTING,
        /** The tunnel stands. */
        CONNECTED,
        /** Until the next attempt. */
        WAITING,
        /** For good. */
        CLOSED
    }

    /** Told of each change of state, on the loop. */
    @FunctionalInterface
    public interface Listener {
        /** @param detail for people: what led to it, never a token */
        void onState(State state, String detail);
    }

    private final Connector connector;
    private final TunnelLoop loop;
    private final List<URI> gateways;
    private final String agentId;
    private final @Nullable String instanceId;
    private final Supplier<@Nullable String> token;
    private final TunnelConfig config;
    private final TunnelHandler handler;
    private final Backoff backoff;
    private final Listener listener;
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private volatile State state = State.IDLE;
    private final AtomicInteger connects = new AtomicInteger();
    private int failures;
    private boolean isRefused;
    /** Why it did not get in since it last did; each was a warning once. */
    private final Set<String> toldFailures = new HashSet<>();

    private int nextGateway;
    private long openedNanos;
    private @Nullable Tunnel tunnel;
    private final Set<Tunnel> draining = new LinkedHashSet<>();
    private TunnelLoop.@Nullable Timer timer;

    private TunnelClient(Builder builder) {
        connector = builder.connector;
        loop = connector.loop();
        gateways = builder.gateways;
        token = builder.token;
        config = builder.config;
        handler = Objects.requireNonNull(builder.handler, "handler");
        backoff = builder.backoff;
        listener = builder.listener;
        if (gateways.isEmpty()) {
            throw new IllegalStateException("no gateway is named");
        }
        agentId = Objects.requireNonNull(builder.agentId, "agentId");
        instanceId = builder.instanceId;
        greeting(null);
    }

    /** @throws IllegalArgumentException if an id or the token is none */
    private Hello greeting(@Nullable String helloToken) {
        return Hello.builder()
                .role(Hello.Role.AGENT)
                .agentId(agentId)
                .instanceId(instanceId)
                .token(helloToken)
                .capabilities(config.capabilities())
                .settings(config.settings())
                .metadata(config.metadata())
                .build();
    }

    /** A builder for a client whose transports come from {@code connector}. */
    public static Builder builder(Connector connector) {
        return new Builder(connector);
    }

    /** Begins to dial. Further calls do nothing. */
    public void start() {
        loop.execute(() -> {
            if (state == State.IDLE) {
                connect();
            }
        });
    }

    /** What it is doing now. */
    public State state() {
        return state;
    }

    /** How often it has had a tunnel so far. */
    public int connects() {
        return connects.get();
    }

    /** Ends a wait now. Does nothing in other states. */
    public void reconnectNow() {
        loop.execute(() -> {
            if (state == State.WAITING) {
                connect();
            }
        });
    }

    /**
     * Stops for good: what stands is drained, for {@code patience} at most.
     *
     * @return completes on the loop when no tunnel is left
     */
    public CompletionStage<Void> close(Duration patience) {
        loop.execute(() -> closeInLoop(patience));
        return closed;
    }

    private void closeInLoop(Duration patience) {
        if (state == State.CLOSED) {
            return;
        }
        cancelTimer();
        enter(State.CLOSED, "closed by this side");
        if (tunnel != null) {
            draining.add(tunnel);
            tunnel = null;
        }
        draining.forEach(each -> each.drain("the agent is shutting down", patience));
        completeIfOver();
    }

    private void completeIfOver() {
        if (state == State.CLOSED && draining.isEmpty()) {
            closed.complete(null);
        }
    }

    private void connect() {
        cancelTimer();
        URI gateway = gateways.get(nextGateway % gateways.size());
        enter(State.CONNECTING, "to " + gateway);
        CompletionStage<Transport> attempt;
        Hello hello;
        try {
            String secret = token.get();
            hello = greeting(SCHEMES_WITH_HANDSHAKE.contains(gateway.getScheme()) ? null : secret);
            attempt = connector.connect(gateway, secret);
        } catch (RuntimeException e) {
            onAttemptFailed(e);
            return;
        }
        attempt.whenComplete((transport, failure) -> {
            if (loop.inLoop()) {
                onConnected(hello, transport, failure);
            } else {
                loop.execute(() -> onConnected(hello, transport, failure));
            }
        });
    }

    private void onConnected(Hello hello, @Nullable Transport transport, @Nullable Throwable failure) {
        if (transport == null) {
            if (state == State.CONNECTING) {
                onAttemptFailed(failure);
            }
        } else if (state == State.CONNECTING) {
            Tunnel next = new Tunnel(transport, config, new Handshake.Dialler(hello), handler, new Watch());
            tunnel = next;
            next.start();
        } else {
            transport.close(ErrorCode.NO_ERROR, "no longer wanted");
        }
    }

    private void onAttemptFailed(@Nullable Throwable failure) {
        nextGateway++;
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof TunnelException refused) {
            waitAfter(refused.code(), refused.retryAfter(), Printable.quoted(String.valueOf(refused.getMessage())));
        } else {
            waitAfter(ErrorCode.TRANSPORT_LOST, null, Printable.quoted(String.valueOf(cause)));
        }
    }

    /** Chooses the wait by what went wrong. */
    private void waitAfter(@Nullable ErrorCode code, @Nullable Duration named, String detail) {
        Duration delay = backoff.delay(failures);
        if (code == ErrorCode.UNAUTHORIZED || code == ErrorCode.FORBIDDEN) {
            delay = backoff.slowDelay();
            complainOfRefusal(detail);
        } else if (code == ErrorCode.SUPERSEDED) {
            delay = LEAST_WAIT_WHEN_SUPERSEDED.plus(delay);
            LOG.error("another agent has taken this one's place, do two run under one id? agent_id={}", agentId);
        } else if (state == State.CONNECTING) {
            warnOfFailure(detail);
        }
        waitFor(delay, named, detail);
    }

    /** Once, until it is let in: the state goes on to tell of each attempt. */
    private void complainOfRefusal(String why) {
        if (!isRefused) {
            isRefused = true;
            LOG.error(
                    "the gateway does not let this agent in, compare its token with what the gateway knows for this id; trying again slowly agent_id={} why=\"{}\"",
                    agentId,
                    why);
        }
    }

    /** Once for each reason, until it is let in: the state goes on to tell of each attempt. */
    private void warnOfFailure(String why) {
        if (toldFailures.size() < MAX_TOLD_FAILURES && toldFailures.add(why)) {
            LOG.warn("no tunnel to the gateway, trying again agent_id={} why=\"{}\"", agentId, why);
        }
    }

    /** @param named how long the gateway asked to be left alone, or null */
    private void waitFor(Duration chosen, @Nullable Duration named, String detail) {
        Duration delay = chosen;
        if (named != null && named.compareTo(chosen) > 0) {
            delay = backoff.spread(named.compareTo(LONGEST_NAMED_WAIT) > 0 ? LONGEST_NAMED_WAIT : named);
        }
        failures++;
        enter(State.WAITING, detail + "; next attempt in " + delay.toMillis() + " ms");
        cancelTimer();
        timer = loop.schedule(this::connect, delay.toNanos());
    }

    private void onTunnelEnded(Tunnel ended, Outcome outcome) {
        if (draining.remove(ended)) {
            completeIfOver();
        } else if (ended == tunnel) {
            tunnel = null;
            if (wasHealthy()) {
                failures = 0;
                nextGateway = 0;
            } else {
                nextGateway++;
            }
            ErrorCode code = outcome.isLocal() ? null : ErrorCode.of(outcome.code());
            waitAfter(code, reconnectAfter(ended), "the tunnel has ended, " + outcome);
        }
    }

    /** One side wants to be rid of this tunnel: it keeps its streams, and the next is dialled meanwhile, at once if all was well. */
    private void onTunnelDraining(Tunnel drained) {
        if (drained == tunnel && state == State.CONNECTED) {
            failures = wasHealthy() ? 0 : failures;
            nextGateway++;
            tunnel = null;
            draining.add(drained);
            Duration delay = failures == 0 ? Duration.ZERO : backoff.delay(failures);
            waitFor(delay, reconnectAfter(drained), "the tunnel is draining");
        }
    }

    private boolean wasHealthy() {
        return state == State.CONNECTED && loop.nanoTime() - openedNanos >= HEALTHY_AFTER.toNanos();
    }

    private static @Nullable Duration reconnectAfter(Tunnel tunnel) {
        long millis = tunnel.reconnectAfterMillis();
        return millis == 0 ? null : Duration.ofMillis(millis);
    }

    private void enter(State next, String detail) {
        State before = state;
        state = next;
        LOG.info("agent_id={} state={} detail=\"{}\"", agentId, next, detail);
        try {
            listener.onState(next, detail);
        } catch (RuntimeException e) {
            LOG.error("a listener failed on state {}", next, e);
        }
        ObserverCalls observing = config.observing();
        if (observing != null) {
            observing.call(loop.nanoTime(), observer -> observer.onClientState(this, before, next));
        }
    }

    private void cancelTimer() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }

    private final class Watch implements Tunnel.Owner {

        @Override
        public void onOpened(Tunnel opened) {
            openedNanos = loop.nanoTime();
            connects.incrementAndGet();
            isRefused = false;
            toldFailures.clear();
            enter(State.CONNECTED, "to " + opened.remoteAddress());
        }

        @Override
        public void onDraining(Tunnel draining) {
            onTunnelDraining(draining);
        }

        @Override
        public void onEnded(Tunnel ended, Outcome outcome) {
            onTunnelEnded(ended, outcome);
        }
    }

    /** Builds a {@link TunnelClient}. For one thread. */
    public static final class Builder {

        private final Connector connector;
        private List<URI> gateways = List.of();
        private @Nullable String agentId;
        private @Nullable String instanceId;
        private Supplier<@Nullable String> token = () -> null;
        private TunnelConfig config = TunnelConfig.DEFAULTS;
        private @Nullable TunnelHandler handler;
        private Backoff backoff =
                new Backoff(Backoff.DEFAULT_FIRST, Backoff.DEFAULT_CEILING, RandomGenerator.getDefault());
        private Listener listener = (state, detail) -> {};

        private Builder(Connector connector) {
            this.connector = Objects.requireNonNull(connector);
        }

        /** Where to dial, in this order, one after the other while they fail; at least one. */
        public Builder gateways(List<URI> gateways) {
            this.gateways = List.copyOf(gateways);
            return this;
        }

        /** Who this is: 1 to 128 of {@code A-Z a-z 0-9 . _ -}. Needed. */
        public Builder agentId(String agentId) {
            this.agentId = agentId;
            return this;
        }

        /** Names one run of the agent, 1 to 64 of the same: tunnels of one run form a pool; another run takes their place. */
        public Builder instanceId(String instanceId) {
            this.instanceId = instanceId;
            return this;
        }

        /** Asked for the bearer token before each attempt, on the loop: must not block. */
        public Builder token(Supplier<@Nullable String> token) {
            this.token = Objects.requireNonNull(token);
            return this;
        }

        /** How its tunnels are run; {@link TunnelConfig#DEFAULTS} if not given. */
        public Builder config(TunnelConfig config) {
            this.config = Objects.requireNonNull(config);
            return this;
        }

        /** Told of its tunnels, one after the other (several at once while older ones drain). Needed. */
        public Builder handler(TunnelHandler handler) {
            this.handler = Objects.requireNonNull(handler);
            return this;
        }

        /** How long to wait between attempts. */
        public Builder backoff(Backoff backoff) {
            this.backoff = Objects.requireNonNull(backoff);
            return this;
        }

        /** Told of each change of state. */
        public Builder listener(Listener listener) {
            this.listener = Objects.requireNonNull(listener);
            return this;
        }

        /**
         * The client, not started.
         *
         * @throws IllegalArgumentException if an id has a character or a length that it may not have
         * @throws IllegalStateException if no gateway is named
         * @throws NullPointerException if the handler or the agent's id is missing
         */
        public TunnelClient build() {
            Objects.requireNonNull(agentId, "agentId");
            return new TunnelClient(this);
        }
    }
}
