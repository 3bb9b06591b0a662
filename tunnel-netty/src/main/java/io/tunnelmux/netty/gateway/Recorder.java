package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.netty.util.NetUtil;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.netty.log.Observers;
import io.tunnelmux.netty.log.SparseLogs;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.RelayedMessage;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.netty.relay.MessageWatch;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
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

    private static final Logger MESSAGES = LoggerFactory.getLogger("io.tunnelmux.websocket");

    private static final Logger LOG = LoggerFactory.getLogger(Gateway.class);
    private static final String TUNNEL_PREFIX = "tunnel_";
    static final String TOO_MANY_CONNECTIONS = "too_many_connections";
    /** A connection of a forward that came to nothing. */
    static final String TCP_RESET = "tcp_reset";
    /** A client whose datagrams are dropped; told once a second and forward at most. */
    static final String UDP_REFUSED = "udp_refused";

    private final List<GatewayObserver> observers;
    private final boolean isAccessLogged;
    private final boolean isPerformanceLogged;
    private final SparseLogs refusals = new SparseLogs();
    private final MessageWatch.Sampler sampler;

    Recorder(GatewayConfig config) {
        observers = config.observers();
        isAccessLogged = config.accessLog();
        isPerformanceLogged = config.logPerformance();
        sampler = sampler(config.webSockets());
    }

    private static MessageWatch.Sampler sampler(WebSocketConfig config) {
        int every = config.sampleEvery();
        if (every == 0 || config.sampleBytes() == 0) {
            return MessageWatch.Sampler.NONE;
        }
        AtomicLong count = new AtomicLong();
        return () -> count.getAndIncrement() % every == 0 ? config.sampleBytes() : 0;
    }

    /** Chooses the messages of WebSockets whose beginning is logged and shown to observers. */
    MessageWatch.Sampler sampler() {
        return sampler;
    }

    /** A message of a WebSocket that was chosen. */
    void onSample(RelayedMessage message, ExchangeInfo exchange, String traceId) {
        if (MESSAGES.isInfoEnabled()) {
            MESSAGES.info(
                    "direction={} kind={} bytes={} agent_id={} host={} path={} client={} trace_id={} begin=\"{}\"",
                    message.direction().label(),
                    message.kind().label(),
                    message.bytes(),
                    exchange.agentId(),
                    Printable.bare(exchange.host()),
                    Printable.bare(exchange.path()),
                    exchange.peer(),
                    traceId,
                    begin(message));
        }
    }

    /** Text with what is not printable escaped, anything else as hexadecimal digits. */
    private static String begin(RelayedMessage message) {
        byte[] begin = message.sample().toByteArray();
        if (message.kind() != RelayedMessage.Kind.TEXT) {
            return HexFormat.of().formatHex(begin);
        }
        return Printable.quoted(new String(begin, StandardCharsets.UTF_8));
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
        onRefused(told.code(), client.remoteAddress(), told.message());
        if (isAccessLogged || ACCESS.isDebugEnabled()) {
            access(
                    "method={} host={} path={} status={} agent_id=- client={} connection={} bytes_in=0 bytes_out=0 ms=0 outcome={} trace_id=- detail=\"{}\"",
                    head == null ? "-" : head.request().method(),
                    head == null ? "-" : Printable.bare(head.authority()),
                    head == null ? "-" : Printable.bare(head.path()),
                    told.status(),
                    text(client.remoteAddress()),
                    client.id().asShortText(),
                    told.code(),
                    told.message());
        }
    }

    /** Host and port of somebody, as all lines of the log have it. */
    static String text(@Nullable SocketAddress address) {
        return address instanceof InetSocketAddress inet
                ? NetUtil.toSocketAddressString(inet)
                : String.valueOf(address);
    }

    /** How a stream of a forward ended, as {@link ExchangeEnd#outcome} says it of requests. */
    static String outcomeOf(Outcome outcome) {
        ErrorCode code = ErrorCode.of(outcome.code());
        if (outcome.isClean()) {
            return ExchangeEnd.COMPLETE;
        }
        if (outcome.isLocal() && code == ErrorCode.CANCELLED) {
            return ExchangeEnd.CLIENT_GONE;
        }
        return code == null ? ExchangeEnd.APPLICATION_ERROR : code.wireName();
    }

    /** As {@link #outcomeOf(Outcome)}, of what the agent said. */
    static String outcomeOf(Message.ProxyError error) {
        return ProxyError.codeNamed(error.code()) == null ? ExchangeEnd.APPLICATION_ERROR : error.code();
    }

    /** Somebody was turned away. */
    void onRefused(String cause, SocketAddress from, String why) {
        onRefused(cause, text(from), why);
    }

    /** Somebody was turned away; {@code why} may be a text of a peer. */
    void onRefused(String cause, String from, String why) {
        onRefused(cause);
        long withheld = refusals.admit(cause, System.nanoTime());
        if (withheld >= 0) {
            LOG.info(
                    "refused cause={} client={} why=\"{}\" not_logged={}",
                    cause,
                    from,
                    Printable.quoted(why),
                    withheld);
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

    /** A line of the access log. Texts of peers among {@code values} are made printable here, as they stand within quotes. */
    void access(String format, @Nullable Object... values) {
        for (int i = 0; i < values.length; i++) {
            if (values[i] instanceof String text) {
                values[i] = Printable.quoted(text);
            }
        }
        if (isAccessLogged) {
            ACCESS.info(format, values);
        } else {
            ACCESS.debug(format, values);
        }
    }
}
