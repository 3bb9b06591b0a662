package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.HttpRequest;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A client's request as the agent gets it; made anew for each attempt. */
final class ProxyRequestFactory {

    /** What the agent's time is shorter by than the gateway's, so that its answer is the one that the client gets. */
    private static final Duration AGENT_EARLIER = Duration.ofSeconds(10);

    private static final String PREFIX =
            Long.toString(ThreadLocalRandom.current().nextLong() >>> 1, Character.MAX_RADIX) + '-';
    private static final AtomicLong COUNT = new AtomicLong();

    private final Message.Destination destination;
    private final @Nullable UpgradeCheck upgrade;
    private final Duration timeout;
    private final Client client;
    private Message.HttpHead head;
    private TraceContext trace;

    /** @param trace what the agent and the upstream are told of it, unless {@link #trace} changes that; the client's own fields of the name are gone */
    ProxyRequestFactory(
            RequestHead received,
            Client client,
            Message.Destination destination,
            @Nullable UpgradeCheck upgrade,
            Duration timeout,
            TraceContext trace)
            throws BadRequestException {
        HttpRequest request = received.request();
        try {
            Headers.Builder headers = HttpMapping.toCarried(request.headers(), upgrade != null);
            ForwardedFields.add(headers, client);
            headers.add(TraceContext.FIELD, trace.toString());
            head = HttpMapping.toHead(request, client.scheme(), received.authority(), headers.build());
        } catch (MalformedHttpException e) {
            throw new BadRequestException(String.valueOf(e.getMessage()));
        }
        this.destination = destination;
        this.upgrade = upgrade;
        this.timeout = timeout;
        this.client = client;
        this.trace = trace;
    }

    /** From here on the agent and the upstream are told this. */
    void trace(TraceContext other) {
        if (!other.equals(trace)) {
            Headers.Builder headers = Headers.builder();
            head.headers().forEach((name, value) -> {
                if (!name.equals(TraceContext.FIELD)) {
                    headers.add(name, value);
                }
            });
            headers.add(TraceContext.FIELD, other.toString());
            head = new Message.HttpHead(
                    head.method(), head.path(), head.query(), head.scheme(), head.authority(), headers.build());
            trace = other;
        }
    }

    /** A name that no other stream of this gateway has had, and hardly one of another. */
    static String nextId() {
        return PREFIX + Long.toString(COUNT.incrementAndGet(), Character.MAX_RADIX);
    }

    /** Until the response's head. */
    Duration timeout() {
        return timeout;
    }

    /** @param early what the client sent before it had its answer to an upgrade */
    Message.ProxyRequest create(Payload early) {
        Message.Upgrade wish =
                upgrade == null ? Message.Upgrade.NONE : new Message.Upgrade(upgrade.isWebSocket(), true, early);
        return new Message.ProxyRequest(
                nextId(),
                head,
                wish,
                destination,
                agentTimeoutMillis(),
                client.address() == null ? null : client.text(),
                trace.toString());
    }

    /** A short time is left whole: the gateway's own end to it comes soon enough. */
    private long agentTimeoutMillis() {
        Duration shorter = timeout.minus(AGENT_EARLIER);
        return (shorter.compareTo(AGENT_EARLIER) > 0 ? shorter : timeout).toMillis();
    }
}
