package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.relay.Relay;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import org.jspecify.annotations.Nullable;

/**
 * What the stream of an upgrade tells: its exchange until the protocol is switched, and the relay from then on. With that the exchange is let go of, and with it
 * all that the request said: a connection that rests must not keep it. On the client's loop.
 */
final class UpgradeStream implements StreamHandler {

    private final Visit visit;
    private final String method;
    private final String peer;
    private StreamHandler told;
    private @Nullable ExchangeLog log;

    UpgradeStream(Exchange exchange, Visit visit, ExchangeInfo info) {
        told = exchange;
        this.visit = visit;
        method = info.method();
        peer = info.peer();
    }

    /**
     * The protocol is switched. Once.
     *
     * @param newLog told of the end; null for nobody
     */
    void switchTo(Relay relay, @Nullable ExchangeLog newLog) {
        told = relay;
        log = newLog;
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
        if (told instanceof Relay) {
            visit.end();
        }
        if (log != null) {
            // What is cancelled here is so only because its client is lost.
            log.ended(Recorder.outcomeOf(outcome), outcome.toString());
        }
        told.onClosed(from, outcome);
    }

    /** As that of {@link ExchangeLog}. */
    @Override
    public String toString() {
        return ExchangeLog.describe(method, visit.path(), peer);
    }
}
