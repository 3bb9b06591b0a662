package io.tunnelmux.core.simulation;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamEnd;
import io.tunnelmux.core.StreamReport.Wait;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelObserver;
import io.tunnelmux.core.TunnelStream;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the books of what one side is told as an observer: all that begins ends, once and in order. Fails now and then, which must cost nothing.
 */
final class SimBooks implements TunnelObserver {

    private static final int FAILS_EVERY = 40;

    private final Set<Tunnel> tunnels = new HashSet<>();
    private final Map<TunnelStream, Set<Wait>> streams = new HashMap<>();
    private int calls;

    private static void require(boolean isRight, String what, @Nullable Object about) {
        if (!isRight) {
            throw new AssertionError("an observer is told of " + what + " out of order: " + about);
        }
    }

    private void failNowAndThen() {
        if (++calls % FAILS_EVERY == 0) {
            throw new IllegalStateException("on purpose");
        }
    }

    @Override
    public void onTunnelOpened(Tunnel tunnel) {
        require(tunnels.add(tunnel), "a tunnel's beginning", tunnel);
        failNowAndThen();
    }

    @Override
    public void onTunnelClosed(Tunnel tunnel, Outcome outcome, Duration stood) {
        boolean isLast = streams.keySet().stream().noneMatch(stream -> stream.tunnel() == tunnel);
        require(tunnels.remove(tunnel) && isLast && !stood.isNegative(), "a tunnel's end", tunnel);
        failNowAndThen();
    }

    @Override
    public void onHandshakeFailed(Tunnel tunnel, Outcome outcome) {
        require(!tunnels.contains(tunnel), "a handshake", tunnel);
    }

    @Override
    public void onStreamOpened(TunnelStream stream, boolean isLocal) {
        boolean isNew = streams.put(stream, EnumSet.noneOf(Wait.class)) == null;
        require(isNew && tunnels.contains(stream.tunnel()) && stream.id() != 0, "a stream's beginning", stream);
        failNowAndThen();
    }

    @Override
    public void onStreamClosed(TunnelStream stream, StreamEnd end) {
        Set<Wait> stalled = streams.remove(stream);
        require(stalled != null && stalled.isEmpty() && !end.lived().isNegative(), "a stream's end", stream);
        failNowAndThen();
    }

    @Override
    public void onStallBegan(TunnelStream stream, Wait reason, Duration waited) {
        Set<Wait> stalled = streams.get(stream);
        require(stalled != null && reason != Wait.NOTHING && stalled.add(reason), "a stall's beginning", stream);
        require(stalled.size() == 1 || stalled.size() == 2 && stalled.contains(Wait.CONSUMER), "two stalls", stream);
        failNowAndThen();
    }

    @Override
    public void onStallEnded(TunnelStream stream, Wait reason, Duration lasted) {
        Set<Wait> stalled = streams.get(stream);
        boolean isLong = lasted.compareTo(Duration.ZERO) >= 0;
        require(stalled != null && stalled.remove(reason) && isLong, "a stall's end", stream);
        failNowAndThen();
    }

    void checkOver() {
        require(tunnels.isEmpty() && streams.isEmpty(), "too little: " + streams.size() + " streams are open", tunnels);
    }
}
