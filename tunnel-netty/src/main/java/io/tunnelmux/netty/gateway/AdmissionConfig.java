package io.tunnelmux.netty.gateway;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How many requests a {@link Gateway} lets through at once and in a time, how long one may wait for its turn, and when it gives an agent a rest. Everything
 * has a default. Immutable; any thread.
 */
public final class AdmissionConfig {

    /** What holds where nothing else is said. */
    public static final AdmissionConfig DEFAULTS = builder().build();

    private final int maxRequests;
    private final int maxStreamsPerTunnel;
    private final int maxStreamsPerAgent;
    private final int maxWaiting;
    private final int maxWaitingPerAgent;
    private final Duration queueWait;
    private final Duration reconnectWait;
    private final @Nullable RateLimit agentRate;
    private final @Nullable RateLimit clientRate;
    private final @Nullable RateLimit abortRate;
    private final int maxConnectionsPerClient;
    private final int circuitFailures;
    private final Duration circuitOpen;

    private AdmissionConfig(Builder builder) {
        maxRequests = builder.maxRequests;
        maxStreamsPerTunnel = builder.maxStreamsPerTunnel;
        maxStreamsPerAgent = builder.maxStreamsPerAgent;
        maxWaiting = builder.maxWaiting;
        maxWaitingPerAgent = builder.maxWaitingPerAgent;
        queueWait = builder.queueWait;
        reconnectWait = builder.reconnectWait;
        agentRate = builder.agentRate;
        clientRate = builder.clientRate;
        abortRate = builder.abortRate;
        maxConnectionsPerClient = builder.maxConnectionsPerClient;
        circuitFailures = builder.circuitFailures;
        circuitOpen = builder.circuitOpen;
    }

    /** A builder with the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Requests at once over all agents, those that wait as well, and upgraded connections as long as they last. */
    public int maxRequests() {
        return maxRequests;
    }

    /** Streams at once on a tunnel, if the agent does not allow fewer. */
    public int maxStreamsPerTunnel() {
        return maxStreamsPerTunnel;
    }

    /** Streams at once of an agent, over all of its tunnels. */
    public int maxStreamsPerAgent() {
        return maxStreamsPerAgent;
    }

    /** Requests that wait at once, over all agents. */
    public int maxWaiting() {
        return maxWaiting;
    }

    /** Requests that wait at once for one agent. */
    public int maxWaitingPerAgent() {
        return maxWaitingPerAgent;
    }

    /** How long a request may wait for one of an agent's streams to end; zero is not at all. */
    public Duration queueWait() {
        return queueWait;
    }

    /** How long after an agent was lost requests wait for it to come back; zero is not at all. */
    public Duration reconnectWait() {
        return reconnectWait;
    }

    /** How often each agent gets a request; null is as often as one comes. */
    public @Nullable RateLimit agentRate() {
        return agentRate;
    }

    /** How often each client address may send a request, of IPv6 each network (/64); null is as often as it likes. */
    public @Nullable RateLimit clientRate() {
        return clientRate;
    }

    /** How often each client address may give up a request under way before further ones of it are refused; null is as often as it likes. */
    public @Nullable RateLimit abortRate() {
        return abortRate;
    }

    /** Connections at once of a client address, of IPv6 of a network (/64). */
    public int maxConnectionsPerClient() {
        return maxConnectionsPerClient;
    }

    /** After so many failures in a row a route to an agent rests; 0 is never. */
    public int circuitFailures() {
        return circuitFailures;
    }

    /** How long it rests at first. */
    public Duration circuitOpen() {
        return circuitOpen;
    }

    /** Gathers a configuration. Methods throw {@link IllegalArgumentException} for what makes no sense. For one thread. */
    public static final class Builder {
        private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

        private int maxRequests = 10_000;
        private int maxStreamsPerTunnel = 1_024;
        private int maxStreamsPerAgent = 1_024 * AgentRegistry.MAX_TUNNELS;
        private int maxWaiting = 4_096;
        private int maxWaitingPerAgent = 1_024;
        private Duration queueWait = Duration.ofMillis(100);
        private Duration reconnectWait = Duration.ofSeconds(10);
        private @Nullable RateLimit agentRate;
        private @Nullable RateLimit clientRate;
        private @Nullable RateLimit abortRate = RateLimit.perSecond(50).withBurst(1_000);
        private int maxConnectionsPerClient = GatewayConfig.DEFAULT_MAX_CONNECTIONS;
        private int circuitFailures = 5;
        private Duration circuitOpen = Duration.ofSeconds(5);

        private Builder() {}

        /** See {@link AdmissionConfig#maxRequests()}; 10,000 by default. */
        public Builder maxRequests(int count) {
            maxRequests = atLeast(1, "maxRequests", count);
            return this;
        }

        /** See {@link AdmissionConfig#maxStreamsPerTunnel()}; 1,024 by default. */
        public Builder maxStreamsPerTunnel(int count) {
            maxStreamsPerTunnel = atLeast(1, "maxStreamsPerTunnel", count);
            return this;
        }

        /** See {@link AdmissionConfig#maxStreamsPerAgent()}; 8,192 by default, which is what its tunnels take. */
        public Builder maxStreamsPerAgent(int count) {
            maxStreamsPerAgent = atLeast(1, "maxStreamsPerAgent", count);
            return this;
        }

        /** See {@link AdmissionConfig#maxWaiting()}; 4,096 by default, 0 is none. */
        public Builder maxWaiting(int count) {
            maxWaiting = atLeast(0, "maxWaiting", count);
            return this;
        }

        /** See {@link AdmissionConfig#maxWaitingPerAgent()}; 1,024 by default, 0 is none. */
        public Builder maxWaitingPerAgent(int count) {
            maxWaitingPerAgent = atLeast(0, "maxWaitingPerAgent", count);
            return this;
        }

        /** See {@link AdmissionConfig#queueWait()}; 100 ms by default, 10 min at most. */
        public Builder queueWait(Duration wait) {
            queueWait = wait("queueWait", wait);
            return this;
        }

        /** See {@link AdmissionConfig#reconnectWait()}; 10 s by default, 10 min at most. */
        public Builder reconnectWait(Duration wait) {
            reconnectWait = wait("reconnectWait", wait);
            return this;
        }

        /** See {@link AdmissionConfig#agentRate()}; null by default. */
        public Builder agentRate(@Nullable RateLimit limit) {
            agentRate = limit;
            return this;
        }

        /** See {@link AdmissionConfig#clientRate()}; null by default. */
        public Builder clientRate(@Nullable RateLimit limit) {
            clientRate = limit;
            return this;
        }

        /**
         * See {@link AdmissionConfig#abortRate()}; 50 a second and 1,000 at once by default. Loopback addresses are spared: behind a proxy on the same machine
         * everybody has one.
         */
        public Builder abortRate(@Nullable RateLimit limit) {
            abortRate = limit;
            return this;
        }

        /** See {@link AdmissionConfig#maxConnectionsPerClient()}; 10,000 by default, as many as all together may have, for many clients may have one address. */
        public Builder maxConnectionsPerClient(int count) {
            maxConnectionsPerClient = atLeast(1, "maxConnectionsPerClient", count);
            return this;
        }

        /** See {@link AdmissionConfig#circuitFailures()}; 5 by default, 0 is never. */
        public Builder circuitFailures(int count) {
            circuitFailures = atLeast(0, "circuitFailures", count);
            return this;
        }

        /** See {@link AdmissionConfig#circuitOpen()}; 5 s by default, and twice as long each further time, up to a minute. */
        public Builder circuitOpen(Duration time) {
            if (time.isZero()) {
                throw new IllegalArgumentException("circuitOpen: 0 s, more than that");
            }
            circuitOpen = wait("circuitOpen", time);
            return this;
        }

        /** The configuration. */
        public AdmissionConfig build() {
            return new AdmissionConfig(this);
        }

        private static int atLeast(int least, String what, int value) {
            if (value < least) {
                throw new IllegalArgumentException(what + ": " + value + ", at least " + least);
            }
            return value;
        }

        private static Duration wait(String what, Duration value) {
            if (value.isNegative() || value.compareTo(LONGEST_WAIT) > 0) {
                throw new IllegalArgumentException(
                        what + ": " + value.toSeconds() + " s, 0 to " + LONGEST_WAIT.toSeconds() + " s");
            }
            return value;
        }
    }
}
