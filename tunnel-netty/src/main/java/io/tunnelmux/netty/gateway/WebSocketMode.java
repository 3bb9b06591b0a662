package io.tunnelmux.netty.gateway;

/** How WebSockets go from clients to upstreams. */
public enum WebSocketMode {
    /** As bytes that nobody reads on the way: the client and the upstream speak with each other. The fastest, and the default. */
    ZERO_COPY,
    /** As messages, which the gateway reads from the client and the agent writes to the upstream: each can be seen, and each hop may be compressed or not. */
    AWARE,
    /**
     * As messages over a WebSocket that the agent opens by itself, to a target of its configuration: for what Kubernetes does with them (exec, attach and
     * port-forward). A refusal of the upstream becomes an error that says what the upstream said.
     */
    CHANNEL
}
