package io.tunnelmux.netty.agent;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.http.UpgradeHandler;
import org.jspecify.annotations.Nullable;

/** The stream of an upgrade to an upstream. On the loop. */
final class UpgradeStream extends UpgradeHandler {

    /** What is under way, for people. Null as long as the exchange says it. */
    private @Nullable String text;

    private @Nullable RequestLog log;

    UpgradeStream(UpgradeExchange exchange) {
        super(exchange);
    }

    /**
     * The protocol is switched. Once.
     *
     * @param newLog told of the end; null for nobody
     */
    void switchTo(StreamHandler relay, @Nullable RequestLog newLog) {
        text = told().toString();
        hand(relay);
        log = newLog;
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        if (log != null) {
            log.ended(outcome);
        }
        super.onClosed(from, outcome);
    }

    @Override
    public String toString() {
        return text == null ? told().toString() : text;
    }
}
