package io.tunnelmux.netty.agent;

import io.netty.channel.Channel;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.RequestEncoder;
import io.tunnelmux.netty.relay.StreamPressure;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request to change protocols, on a connection of its own. HTTP ends with the upstream's 101; from there on what comes on the stream is for a relay, which
 * a subclass chooses. An upstream that refuses answers as to any other request.
 */
abstract class UpgradeExchange extends UpstreamExchange {

    private final UpgradeStream handler = new UpgradeStream(this);
    private boolean isEndReceived;

    UpgradeExchange(LoopUpstreams shared, Upstream upstream, TunnelStream stream, Message.ProxyRequest request) {
        super(shared, upstream, stream, request);
    }

    /** What is wrong with a 101 that the upstream has sent, beyond what is wrong for every protocol; null if nothing. */
    abstract @Nullable String faultOf(HttpHeaders headers);

    /** As {@code Upgrade} names it. */
    abstract String protocol();

    /** What carries on. */
    abstract RelayMode mode();

    /**
     * What tells the gateway of a 101.
     *
     * @throws MalformedHttpException if it cannot be told
     */
    abstract Message answer(HttpResponse switched) throws MalformedHttpException;

    /** Joins the stream to the connection, whose last handler the relay becomes. The gateway has its answer. */
    abstract StreamHandler join(UpstreamConnection connection, Channel channel);

    /** How many bytes came with the request for the upstream. */
    int earlyBytes() {
        return 0;
    }

    /** The one value of a field that there must be once. */
    static String only(List<String> values, String name) throws MalformedHttpException {
        if (values.size() != 1) {
            throw new MalformedHttpException("an upgrade needs one " + name + " and has " + values.size());
        }
        return values.get(0).trim();
    }

    @Override
    final StreamHandler handler() {
        return handler;
    }

    @Override
    final void start() {
        startDeadline();
        connect(true);
    }

    @Override
    final void onReady(UpstreamConnection connection, StreamPressure pressure) {
        HttpRequest head = toSend();
        Channel channel = connection.channel();
        channel.write(head, channel.voidPromise());
        channel.write(LastHttpContent.EMPTY_LAST_CONTENT, channel.voidPromise());
        shared.loop().flushLater(channel);
    }

    @Override
    final void onSwitched(UpstreamConnection connection, HttpResponse switched) {
        String fault = generalFaultOf(switched.headers());
        fault = fault == null ? faultOf(switched.headers()) : fault;
        if (fault != null) {
            fail(ErrorCode.UPSTREAM_INVALID, fault, null);
            return;
        }
        Message message;
        try {
            message = answer(switched);
        } catch (MalformedHttpException e) {
            fail(ErrorCode.UPSTREAM_INVALID, "the upstream's answer is invalid", e);
            return;
        }
        log().answered(switched.status().code());
        log().upgraded(mode(), earlyBytes());
        stream.send(message, false);
        ChannelPipeline pipeline = connection.channel().pipeline();
        pipeline.remove(connection);
        pipeline.remove(RequestEncoder.class);
        StreamHandler joined = join(connection, connection.channel());
        handler.switchTo(joined, heard());
        finishHttp();
        // The decoder hands on what it holds behind the 101; the relay, now last, gets it before anything else.
        pipeline.remove(ResponseDecoder.class);
        if (isEndReceived) {
            joined.onData(stream, new Frame.Data(stream.id(), Payload.EMPTY, Frame.FLAG_END));
        }
    }

    /** Who is told what goes by and how it ends; null if nobody hears it. */
    final @Nullable RequestLog heard() {
        return log().isHeard() ? log() : null;
    }

    private @Nullable String generalFaultOf(HttpHeaders headers) {
        if (!headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)) {
            return "the upstream's 101 has no Connection: upgrade";
        }
        List<String> chosen = headers.getAll(HttpHeaderNames.UPGRADE);
        if (chosen.size() != 1 || !chosen.get(0).trim().equalsIgnoreCase(protocol())) {
            return "the upstream's 101 is about another protocol than was asked for";
        }
        return null;
    }

    /** What is wrong with the answer to a WebSocket's key; null if nothing. */
    static @Nullable String acceptFaultOf(HttpHeaders headers, String expectedAccept) {
        boolean isRight = headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_ACCEPT).equals(List.of(expectedAccept));
        return isRight ? null : "the upstream's 101 does not prove that it read the WebSocket's key";
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        boolean isEarly = data.payload().length() > 0 && !isOver() && !isAnswerBegun();
        isEndReceived |= data.isEnd();
        data.payload().release();
        if (isEarly) {
            abort("DATA before the 101 of an upgrade");
        }
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (!isOver() && Message.isKnown(message.type())) {
            abort(message.type() + " within an upgrade");
        } else {
            isEndReceived |= isEnd;
        }
    }

    @Override
    final boolean isBodyBegun() {
        return false;
    }

    @Override
    final boolean isRequestSent() {
        return isEndReceived;
    }

    @Override
    final boolean isReusable() {
        return false;
    }
}
