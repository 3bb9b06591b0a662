package io.tunnelmux.netty.observe;

import java.util.Locale;

/** How an upgraded connection is carried. */
public enum RelayMode {
    /** As bytes that nobody reads on the way. */
    ZERO_COPY,
    /** As WebSocket messages, which the gateway and the agent read and write. */
    WEBSOCKET_AWARE,
    /** As the channels of Kubernetes' exec, attach and port-forward. */
    CHANNEL;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** As metrics and logs name it: {@code zero_copy}, {@code websocket_aware}, {@code channel}. */
    public String label() {
        return label;
    }
}
