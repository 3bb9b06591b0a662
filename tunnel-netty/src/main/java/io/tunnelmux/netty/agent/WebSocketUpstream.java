package io.tunnelmux.netty.agent;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.StreamRelay;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import org.jspecify.annotations.Nullable;

/**
 * An upgrade, mostly to WebSocket, whose bytes nobody here reads: from the 101 on the stream and the socket exchange them as they are.
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
final class WebSocketUpstream extends UpgradeExchange {

    private final HttpRequest head;
    private final String protocol;
    private final @Nullable String expectedAccept;
    private @Nullable Payload headData;

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

    @Override
    HttpRequest toSend() {
        return head;
    }

    @Override
    String protocol() {
        return protocol;
    }

    @Override
    RelayMode mode() {
        return RelayMode.ZERO_COPY;
    }

    @Override
    @Nullable
    String faultOf(HttpHeaders headers) {
        return expectedAccept == null ? null : acceptFaultOf(headers, expectedAccept);
    }

    @Override
    Message answer(HttpResponse switched) throws MalformedHttpException {
        return HttpMapping.toMessage(request.requestId(), switched, true);
    }

    @Override
    int earlyBytes() {
        return headData == null ? 0 : headData.length();
    }

    @Override
    StreamHandler join(UpstreamConnection connection, Channel channel) {
        Payload early = headData;
        headData = null;
        if (early != null) {
            channel.write(NettyPayload.toByteBuf(early), channel.voidPromise());
            shared.loop().flushLater(channel);
        }
        return StreamRelay.join(stream, channel, shared.loop(), connection.gate(), ErrorCode.UPSTREAM_RESET, heard());
    }

    @Override
    void onOver() {
        if (headData != null) {
            headData.release();
            headData = null;
        }
    }
}
