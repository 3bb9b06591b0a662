package io.tunnelmux.netty.agent;

import io.netty.channel.Channel;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.RequestEncoder;
import io.tunnelmux.netty.relay.StreamPressure;
import io.tunnelmux.netty.relay.StreamRelay;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request to change protocols, mostly to WebSocket, on a connection of its own. HTTP ends with the upstream's 101; from there on the
 * stream and the socket exchange bytes that nobody here reads. An upstream that refuses answers as to any other request.
 *
 * <pre>
 * gateway                        agent                          upstream
 *   proxy_request, head_data ──▶   GET … Upgrade: websocket ──▶
 *             proxy_response ◀──   checks it                ◀──  101, and perhaps bytes behind it
 *                       DATA ◀──   those bytes
 *                                  head_data                ──▶
 *                       DATA ◀──────────────────────────────▶  bytes
 * </pre>
 */
final class WebSocketUpstream extends UpstreamExchange {

    private final HttpRequest head;
    private final String protocol;
    private final @Nullable String expectedAccept;

    private @Nullable Payload headData;
    private @Nullable StreamRelay relay;
    private boolean isEndReceived;

    /** @throws MalformedHttpException if it is no upgrade that could be sent as it is */
    WebSocketUpstream(LoopUpstreams shared, Upstream upstream, TunnelStream stream, Message.ProxyRequest request)
            throws MalformedHttpException {
        super(shared, upstream, stream, request);
        Message.HttpHead asked = request.head();
        head = toRequest(asked, upstream, true, false);
        headData = request.upgrade().headData();
        protocol = only(asked.headers().all("upgrade"), "Upgrade");
        if (request.upgrade().isWebSocket()) {
            if (!protocol.equalsIgnoreCase("websocket") || !asked.method().equals(HttpMethod.GET.name())) {
                throw new MalformedHttpException("a WebSocket begins with GET and Upgrade: websocket");
            }
            expectedAccept =
                    WebSocketKeys.acceptOf(only(asked.headers().all("sec-websocket-key"), "Sec-WebSocket-Key"));
        } else {
            expectedAccept = null;
        }
    }

    private static String only(List<String> values, String name) throws MalformedHttpException {
        if (values.size() != 1) {
            throw new MalformedHttpException("an upgrade needs one " + name + " and has " + values.size());
        }
        return values.get(0).trim();
    }

    @Override
    HttpRequest toSend() {
        return head;
    }

    @Override
    void start() {
        startDeadline();
        connect(true);
    }

    @Override
    void onReady(UpstreamConnection connection, StreamPressure pressure) {
        Channel channel = connection.channel();
        channel.write(head, channel.voidPromise());
        channel.write(LastHttpContent.EMPTY_LAST_CONTENT, channel.voidPromise());
        shared.loop().flushLater(channel);
    }

    @Override
    void onSwitched(UpstreamConnection connection, HttpResponse switched) {
        String fault = faultOf(switched.headers());
        if (fault != null) {
            fail(ErrorCode.UPSTREAM_INVALID, fault, null);
            return;
        }
        Message.ProxyResponse message;
        try {
            message = HttpMapping.toMessage(request.requestId(), switched, true);
        } catch (MalformedHttpException e) {
            fail(ErrorCode.UPSTREAM_INVALID, "the upstream's answer is invalid", e);
            return;
        }
        Payload early = headData;
        headData = null;
        finishHttp();
        log().answered(message.status());
        log().upgraded(RelayMode.ZERO_COPY, early == null ? 0 : early.length());
        stream.send(message, false);
        Channel channel = connection.channel();
        ChannelPipeline pipeline = channel.pipeline();
        pipeline.remove(connection);
        pipeline.remove(RequestEncoder.class);
        if (early != null) {
            channel.write(NettyPayload.toByteBuf(early), channel.voidPromise());
            shared.loop().flushLater(channel);
        }
        StreamRelay joined =
                StreamRelay.join(stream, channel, shared.loop(), connection.gate(), ErrorCode.UPSTREAM_RESET, log());
        relay = joined;
        // The decoder hands on what it holds behind the 101; the relay, now last, gets it before anything else.
        pipeline.remove(ResponseDecoder.class);
        if (isEndReceived) {
            joined.onData(stream, new Frame.Data(stream.id(), Payload.EMPTY, Frame.FLAG_END));
        }
    }

    /** What is wrong with a 101, or null. */
    private @Nullable String faultOf(HttpHeaders headers) {
        if (!headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)) {
            return "the upstream's 101 has no Connection: upgrade";
        }
        List<String> chosen = headers.getAll(HttpHeaderNames.UPGRADE);
        if (chosen.size() != 1 || !chosen.get(0).trim().equalsIgnoreCase(protocol)) {
            return "the upstream's 101 is about another protocol than was asked for";
        }
        List<String> accepts = headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_ACCEPT);
        if (expectedAccept != null && !accepts.equals(List.of(expectedAccept))) {
            return "the upstream's 101 does not prove that it read the WebSocket's key";
        }
        return null;
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        if (relay != null) {
            relay.onData(from, data);
            return;
        }
        boolean isEarly = data.payload().length() > 0 && !isOver() && !isAnswerBegun();
        isEndReceived |= data.isEnd();
        data.payload().release();
        if (isEarly) {
            abort("DATA before the 101 of an upgrade");
        }
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (relay != null) {
            relay.onMessage(from, message, isEnd);
        } else if (!isOver() && Message.isKnown(message.type())) {
            abort(message.type() + " within an upgrade");
        } else {
            isEndReceived |= isEnd;
        }
    }

    @Override
    public void onWritable(TunnelStream from) {
        if (relay != null) {
            relay.onWritable(from);
        } else {
            super.onWritable(from);
        }
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        if (relay != null) {
            log().ended(outcome);
            relay.onClosed(from, outcome);
        } else {
            super.onClosed(from, outcome);
        }
    }

    @Override
    boolean isBodyBegun() {
        return false;
    }

    @Override
    boolean isRequestSent() {
        return isEndReceived;
    }

    @Override
    boolean isReusable() {
        return false;
    }

    @Override
    void onOver() {
        if (headData != null) {
            headData.release();
            headData = null;
        }
    }
}
