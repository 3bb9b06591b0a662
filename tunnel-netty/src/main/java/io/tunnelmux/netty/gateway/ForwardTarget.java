package io.tunnelmux.netty.gateway;

import io.tunnelmux.netty.http.Json;
import io.tunnelmux.protocol.Message;
import org.jspecify.annotations.Nullable;

/**
 * What an agent is asked to connect something to: a target of its own by name, an address, or what it thinks fit.
 *
 * @param port belongs to {@code host}; 0 without
 */
record ForwardTarget(@Nullable String name, @Nullable String host, int port) {

    static final ForwardTarget ONLY = new ForwardTarget(null, null, 0);

    private static final int MAX_PORT = 65_535;

    /** @throws IllegalArgumentException if it is empty */
    static ForwardTarget named(String name) {
        if (name.isEmpty()) {
            throw new IllegalArgumentException("target is empty");
        }
        return new ForwardTarget(name, null, 0);
    }

    /** @throws IllegalArgumentException if the host is empty, or the port not 1 to 65,535 */
    static ForwardTarget at(String host, int port) {
        if (host.isEmpty() || port < 1 || port > MAX_PORT) {
            throw new IllegalArgumentException("host and port: " + host + " " + port);
        }
        return new ForwardTarget(null, host, port);
    }

    Message.Destination destination() {
        return name == null ? Message.Destination.ANY : new Message.Destination(name, null, null, 0);
    }

    /** Writes members of an object that was begun. */
    void describe(Json json) {
        json.put("target", name).put("host", host).put("port", port);
    }

    /** For people. */
    @Override
    public String toString() {
        if (host != null) {
            return (host.indexOf(':') < 0 ? host : '[' + host + ']') + ':' + port;
        }
        return name == null ? "the agent's only target" : name;
    }
}
