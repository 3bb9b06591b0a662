package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.netty.transport.NettyAcceptor;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What happens between a request's head and its stream, the same for clients of every kind: who serves it, whether it may be served, and by which of the
 * agent's tunnels. On the client's loop.
 */
final class RequestDispatcher {

    private static final Logger LOG = LoggerFactory.getLogger(RequestDispatcher.class);

    private final HttpFront front;

    RequestDispatcher(HttpFront front) {
        this.front = front;
    }

    /**
     * Sends a request on its way. The client is told exactly one of: {@link ExchangeClient#handOver}, {@link ExchangeClient#answer}, or
     * {@link ExchangeClient#begin} and what the exchange has to say.
     *
     * @throws BadRequestException if it breaks the rules of its route; then the client was told nothing
     */
    void dispatch(RequestHead head, ExchangeClient client) throws BadRequestException {
        NettyAcceptor acceptor = front.acceptorOf(head.path());
        if (acceptor != null) {
            client.handOver(acceptor);
            return;
        }
        if (front.isDraining()) {
            refuse(head, ProxyError.shuttingDown(head.path()), client);
            return;
        }
        Route route;
        try {
            route = front.router().route(head.authority(), head.path());
        } catch (RuntimeException e) {
            LOG.error(
                    "the router failed host={} path={}",
                    Printable.bare(head.authority()),
                    Printable.bare(head.path()),
                    e);
            refuse(head, ProxyError.internal(head.path()), client);
            return;
        }
        if (route == null) {
            refuse(head, ProxyError.noRoute(head.path()), client);
        } else {
            Exchange exchange = exchange(head, route, client);
            client.begin(exchange);
            exchange.enter();
        }
    }

    /**
     * Answers a request that goes no further.
     *
     * @param head null if it could not be understood
     */
    void refuse(@Nullable RequestHead head, ProxyError told, ExchangeClient client) {
        front.recorder().onAnswered(head, told, client.channel());
        client.answer(told);
    }

    private Exchange exchange(RequestHead head, Route route, ExchangeClient client) throws BadRequestException {
        GatewayConfig config = front.config();
        Client sender = config.trustedProxies().clientOf(head, client.channel().remoteAddress(), client.scheme());
        UpgradeCheck upgrade = UpgradeCheck.of(head, sender, route, config);
        Duration timeout = upgrade != null
                ? config.upgradeTimeout()
                : route.timeout() != null ? route.timeout() : config.requestTimeout();
        TraceContext said = takeTrace(head.request().headers());
        TraceContext trace = said == null ? begin(config.traceSampling()) : said;
        ProxyRequestFactory requests =
                new ProxyRequestFactory(head, sender, route.destination(), upgrade, timeout, trace);
        ExchangeLog log =
                front.recorder().begin(head, route.agentId(), sender, upgrade, trace, said == null, client.channel());
        requests.trace(log.trace());
        return new Exchange(
                front.admission(),
                client,
                sender,
                head,
                route,
                requests,
                upgrade,
                messages(head, route, upgrade, requests),
                config.streamIdleTimeout(),
                log);
    }

    /** How a WebSocket is read as messages; null if it is not, or is none. */
    private @Nullable MessageSwitch messages(
            RequestHead head, Route route, @Nullable UpgradeCheck upgrade, ProxyRequestFactory requests)
            throws BadRequestException {
        String key = upgrade == null ? null : upgrade.key();
        if (key == null) {
            return null;
        }
        WebSocketConfig config = front.config().webSockets();
        WebSocketMode mode = choose(config, route, requests);
        if (mode == WebSocketMode.CHANNEL && route.namesServiceOnly()) {
            throw new BadRequestException(
                    HttpResponseStatus.INTERNAL_SERVER_ERROR,
                    "a WebSocket of channels goes to a target, not to a service");
        }
        return mode == WebSocketMode.ZERO_COPY
                ? null
                : new MessageSwitch(config, head, key, mode == WebSocketMode.CHANNEL);
    }

    private static WebSocketMode choose(WebSocketConfig config, Route route, ProxyRequestFactory requests)
            throws BadRequestException {
        WebSocketMode chosen;
        try {
            chosen = config.chooser().choose(requests.head(), route);
        } catch (RuntimeException e) {
            LOG.error(
                    "the chooser of WebSocket modes failed path={}",
                    Printable.bare(requests.head().path()),
                    e);
            throw new BadRequestException(HttpResponseStatus.INTERNAL_SERVER_ERROR, "the gateway failed");
        }
        if (chosen != null) {
            return chosen;
        }
        return route.webSocketMode() != null ? route.webSocketMode() : config.mode();
    }

    private static TraceContext begin(double sampling) {
        return TraceContext.begin(ThreadLocalRandom.current().nextDouble() < sampling);
    }

    /** Takes what the client says of its trace out of its fields. Null where that is not valid: then its other field is of no use either. */
    private static @Nullable TraceContext takeTrace(HttpHeaders headers) {
        TraceContext trace = TraceContext.of(headers.getAll(TraceContext.FIELD));
        headers.remove(TraceContext.FIELD);
        if (trace == null) {
            headers.remove(TraceContext.STATE_FIELD);
        }
        return trace;
    }
}
