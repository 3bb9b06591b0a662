package io.tunnelmux.protocol;

/** Names of what a side can do, as HELLO lists them. In force is what both sides name. Immutable; any thread. */
public final class Capabilities {

    /** Messages as JSON. */
    public static final String JSON = "json";
    /** Sessions that outlive their transport. */
    public static final String RESUME = "resume";
    /** WebSockets as messages instead of raw bytes. */
    public static final String WEBSOCKET_AWARE = "websocket_aware";
    /** TCP tunnels. */
    public static final String TCP = "tcp";
    /** UDP tunnels. */
    public static final String UDP = "udp";

    private Capabilities() {}
}
