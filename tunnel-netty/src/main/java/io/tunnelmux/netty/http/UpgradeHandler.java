package io.tunnelmux.netty.http;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;

/**
 * What the stream of an upgrade tells: its exchange until the protocol is switched, and the relay from then on. With that the exchange is let go of, and with it
 * all that the request said: a connection that rests must not keep it. On one loop.
 */
public abstract class UpgradeHandler implements StreamHandler {

    private StreamHandler told;

    /** @param exchange told until the switch */
    protected UpgradeHandler(StreamHandler exchange) {
        told = exchange;
    }

    /** Who is told now. */
    protected final StreamHandler told() {
        return told;
    }

    /** The protocol is switched. Once. */
    protected final void hand(StreamHandler relay) {
        told = relay;
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        told.onMessage(from, message, isEnd);
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        told.onData(from, data);
    }

    @Override
    public void onWritable(TunnelStream from) {
        told.onWritable(from);
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        told.onClosed(from, outcome);
    }
}
