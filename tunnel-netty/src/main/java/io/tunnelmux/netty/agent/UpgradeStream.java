package io.tunnelmux.netty.agent;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import org.jspecify.annotations.Nullable;

/**
 * What the stream of an upgrade tells: its exchange until the upstream has switched protocols, and the relay from then on. With that the exchange is let go of, and
 * with it all that the request said: a connection that rests must not keep it. On the loop.
 */
final class UpgradeStream implements StreamHandler {

    private StreamHandler told;
    /** What is under way, for people. Null as long as the exchange says it. */
    private @Nullable String text;

    private @Nullable RequestLog log;

    UpgradeStream(UpgradeExchange exchange) {
        told = exchange;
    }

    /**
     * The protocol is switched. Once.
     *
     * @param newLog told of the end; null for nobody
     */
    void switchTo(StreamHandler relay, @Nullable RequestLog newLog) {
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
        if (log != null) {
            log.ended(outcome);
        }
        told.onClosed(from, outcome);
    }

    @Override
    public String toString() {
        return text == null ? told.toString() : text;
    }
}
