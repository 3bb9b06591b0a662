package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.http.UpgradeHandler;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.relay.Relay;
import org.jspecify.annotations.Nullable;

/** The stream of a client's upgrade. On the client's loop. */
final class UpgradeStream extends UpgradeHandler {

    private final Visit visit;
    private final String method;
    private final String peer;
    private @Nullable ExchangeLog log;

    UpgradeStream(Exchange exchange, Visit visit, ExchangeInfo info) {
        super(exchange);
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
        hand(relay);
        log = newLog;
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        if (told() instanceof Relay) {
            visit.end();
        }
        if (log != null) {
            // What is cancelled here is so only because its client is lost.
            log.ended(Recorder.outcomeOf(outcome), outcome.toString());
        }
        super.onClosed(from, outcome);
    }

    /** As that of {@link ExchangeLog}. */
    @Override
    public String toString() {
        return ExchangeLog.describe(method, visit.path(), peer);
    }
}
