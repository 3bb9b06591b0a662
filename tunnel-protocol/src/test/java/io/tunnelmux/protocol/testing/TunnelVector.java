package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.Frame;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What one endpoint, agent or gateway, answers to a peer and does for its application, step by step. A value, for any thread; {@link Vectors} makes them.
 *
 * @param settings what the endpoint announces, where it is not the default, by the names of the wire
 * @param peerHello the peer's HELLO, or null if the steps make the handshake themselves
 * @param peerSettings what the peer announces in it, where it is not the default
 * @param ignored frames of the endpoint that are not compared, see {@link #ignores}
 */
public record TunnelVector(
        String name,
        Role role,
        Map<String, Long> settings,
        Set<String> capabilities,
        Frame.@Nullable Hello peerHello,
        Map<String, Long> peerSettings,
        Application application,
        Set<String> ignored,
        List<TunnelStep> steps) {

    /** Which endpoint is under test. */
    public enum Role {
        /** It dials. */
        AGENT,
        /** It accepts. */
        GATEWAY
    }

    /** What the endpoint's application does with streams that the peer opens. */
    public enum Application {
        /** Accepts each and takes at once all that comes. */
        TAKES,
        /** Accepts each and takes nothing of what comes. */
        HOLDS,
        /** Accepts none. */
        REFUSES
    }

    /** Whether a frame that the endpoint sends is its own business. */
    public boolean ignores(Frame frame) {
        if (frame instanceof Frame.Window window) {
            return ignored.contains("WINDOW") || window.streamId() == 0 && ignored.contains("WINDOW 0");
        }
        if (frame instanceof Frame.Ping ping) {
            return ignored.contains(ping.isReply() ? "PONG" : "PING");
        }
        return frame instanceof Frame.Ack && ignored.contains("ACK");
    }

    @Override
    public String toString() {
        return name;
    }
}
