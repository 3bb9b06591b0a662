package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.HttpHeaderNames;
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

    /** Longest text of a message's short fields. */
    private static final int MAX_PROTOCOL_CHARS = 1_024;

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
            head = with(headers.build());
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

    /** The head as it is now. */
    Message.HttpHead head() {
        return head;
    }

    /** @param early what the client sent before it had its answer to an upgrade */
    Message create(Payload early) {
        return create(
                head, upgrade == null ? Message.Upgrade.NONE : new Message.Upgrade(upgrade.isWebSocket(), true, early));
    }

    /** The same for a WebSocket whose messages are read on the way. */
    Message createAware() {
        return create(with(filtered(false)), new Message.Upgrade(true, false, Payload.EMPTY));
    }

    /** The same for a WebSocket that the agent opens by itself. */
    Message createChannel() {
        String protocols = String.join(", ", head.headers().all("sec-websocket-protocol"));
        // Too long for its own field, as with a token among the subprotocols, it goes with the others.
        boolean isApart = protocols.length() <= MAX_PROTOCOL_CHARS;
        return new Message.ProxyWebSocketStart(
                nextId(),
                head.path(),
                head.method(),
                head.query(),
                isApart ? protocols : null,
                filtered(isApart),
                destination.target());
    }

    private Message create(Message.HttpHead sent, Message.Upgrade wish) {
        return new Message.ProxyRequest(
                nextId(), sent, wish, destination, agentTimeoutMillis(), client.text(), trace.toString());
    }

    /** The fields without those of the client's handshake. */
    private Headers filtered(boolean isWithoutProtocol) {
        Headers.Builder headers = Headers.builder();
        head.headers().forEach((name, value) -> {
            boolean isDropped = MessageSwitch.isOfTheHandshake(name)
                    || isWithoutProtocol && HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL.contentEqualsIgnoreCase(name);
            if (!isDropped) {
                headers.add(name, value);
            }
        });
        return headers.build();
    }

    private Message.HttpHead with(Headers headers) {
        return new Message.HttpHead(head.method(), head.path(), head.query(), head.scheme(), head.authority(), headers);
    }

    /** A short time is left whole: the gateway's own end to it comes soon enough. */
    private long agentTimeoutMillis() {
        Duration shorter = timeout.minus(AGENT_EARLIER);
        return (shorter.compareTo(AGENT_EARLIER) > 0 ? shorter : timeout).toMillis();
    }
}
