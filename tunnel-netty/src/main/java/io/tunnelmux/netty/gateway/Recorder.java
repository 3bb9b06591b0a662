package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.tunnelmux.netty.log.Observers;
import io.tunnelmux.netty.log.SparseLogs;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.TraceContext;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that a gateway tells of its requests: to its observers, to the access log, and of refusals a line a second and cause to the log. Never a query or a
 * token. Any thread.
 */
final class Recorder {

    static final Logger ACCESS = LoggerFactory.getLogger("io.tunnelmux.access");
    static final Logger PERFORMANCE = LoggerFactory.getLogger("io.tunnelmux.performance");

    private static final Logger LOG = LoggerFactory.getLogger(Gateway.class);
    private static final String TUNNEL_PREFIX = "tunnel_";
    static final String TOO_MANY_CONNECTIONS = "too_many_connections";
    /** A connection of a forward that came to nothing. */
    static final String TCP_RESET = "tcp_reset";

    private final List<GatewayObserver> observers;
    private final boolean isAccessLogged;
    private final boolean isPerformanceLogged;
    private final SparseLogs refusals = new SparseLogs();

    Recorder(GatewayConfig config) {
        observers = config.observers();
        isAccessLogged = config.accessLog();
        isPerformanceLogged = config.logPerformance();
    }

    /**
     * A request that has a route.
     *
     * @param isTraceBegun whether {@code trace} begins here
     */
    ExchangeLog begin(
            RequestHead head,
            String agentId,
            Client sender,
            @Nullable UpgradeCheck upgrade,
            TraceContext trace,
            boolean isTraceBegun,
            Channel client) {
        ExchangeInfo info = new ExchangeInfo(
                head.request().method().name(),
                head.authority(),
                head.path(),
                agentId,
                sender.text(),
                upgrade == null ? null : upgrade.protocol().toLowerCase(Locale.ROOT),
                trace,
                isTraceBegun);
        return new ExchangeLog(this, info, client, Observers.begin(observers, observer -> observer.onExchange(info)));
    }

    /**
     * A request that has none was answered.
     *
     * @param head null if it could not be understood
     */
    void onAnswered(@Nullable RequestHead head, ProxyError told, Channel client) {
        onRefused(told.code(), String.valueOf(client.remoteAddress()), told.message());
        if (isAccessLogged || ACCESS.isDebugEnabled()) {
            access(
                    "method={} host={} path={} status={} agent_id=- client={} connection={} bytes_in=0 bytes_out=0 ms=0 outcome={} trace_id=-",
                    head == null ? "-" : head.request().method(),
                    head == null ? "-" : head.authority(),
                    head == null ? "-" : head.path(),
                    told.status(),
                    client.remoteAddress(),
                    client.id().asShortText(),
                    told.code());
        }
    }

    /** Somebody was turned away. */
    void onRefused(String cause, String from, String why) {
        onRefused(cause);
        long withheld = refusals.admit(cause, System.nanoTime());
        if (withheld >= 0) {
            LOG.info("refused cause={} client={} why=\"{}\" not_logged={}", cause, from, why, withheld);
        }
    }

    /** An agent was turned away before it had a tunnel, which is logged already. */
    void onTunnelRefused(String cause) {
        onRefused(TUNNEL_PREFIX + cause);
    }

    /** Somebody was turned away, which is logged already. */
    void onRefused(String cause) {
        Observers.tell(observers, observer -> observer.onRefused(cause));
    }

    /** The breaker of a route has opened, or closed again. */
    void onCircuit(Route route, Breaker.State state) {
        boolean isOpen = state != Breaker.State.CLOSED;
        if (isOpen) {
            LOG.warn("circuit opened agent_id={} route=\"{}\"", route.agentId(), route);
        } else {
            LOG.info("circuit closed agent_id={} route=\"{}\"", route.agentId(), route);
        }
        Observers.tell(observers, observer -> observer.onCircuit(route, isOpen));
    }

    boolean isAccessLogged() {
        return isAccessLogged || ACCESS.isDebugEnabled();
    }

    boolean isPerformanceLogged() {
        return isPerformanceLogged;
    }

    void access(String format, @Nullable Object... values) {
        if (isAccessLogged) {
            ACCESS.info(format, values);
        } else {
            ACCESS.debug(format, values);
        }
    }
}
