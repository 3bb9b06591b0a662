package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Message;

/** Keeps the tunnel that has opened; all streams that the peer opens get one handler. */
final class TunnelKeeper implements TunnelHandler {

    private final StreamHandler streams;
    private Tunnel tunnel;

    TunnelKeeper(StreamHandler streams) {
        this.streams = streams;
    }

    Tunnel tunnel() {
        if (tunnel == null) {
            throw new IllegalStateException("no tunnel has opened");
        }
        return tunnel;
    }

    @Override
    public void onOpened(Tunnel opened) {
        tunnel = opened;
    }

    @Override
    public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
        return streams;
    }

    @Override
    public void onClosed(Tunnel closed, Outcome outcome) {
        throw new IllegalStateException(closed + " ended: " + outcome);
    }
}
