package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
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
    private StreamHandler told;
    /** What is under way, for people. Null as long as the exchange says it. */
    private @Nullable String text;

    private @Nullable ExchangeLog log;

    UpgradeStream(Exchange exchange, Visit visit) {
        told = exchange;
        this.visit = visit;
    }

    /**
     * The protocol is switched. Once.
     *
     * @param newLog told of the end; null for nobody
     */
    void switchTo(Relay relay, @Nullable ExchangeLog newLog) {
        text = told.toString();
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
        if (text != null) {
            visit.end();
        }
        if (log != null) {
            // What is cancelled here is so only because its client is lost.
            log.ended(Recorder.outcomeOf(outcome), outcome.toString());
        }
        told.onClosed(from, outcome);
    }

    @Override
    public String toString() {
        return text == null ? told.toString() : text;
    }
}
