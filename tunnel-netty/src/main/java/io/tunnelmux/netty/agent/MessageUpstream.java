package io.tunnelmux.netty.agent;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.AsciiString;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.MessageRelay;
import io.tunnelmux.netty.websocket.PerMessageDeflate;
import io.tunnelmux.netty.websocket.WebSocketException;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A WebSocket of the agent's own, whose messages are the stream's units. The handshake belongs to this connection alone: its key, and whether messages are
 * compressed. The subprotocol is for both ends to agree on, and goes through.
 *
 * <pre>
 * gateway                              agent                          upstream
 *   proxy_request (is_websocket)  ──▶   GET … Upgrade: websocket ──▶
 *             proxy_response 101  ◀──   checks it                ◀──  101
 *                   units of DATA ◀────────────────────────────────▶  messages
 *
 *   proxy_websocket_start         ──▶   GET … Upgrade: websocket ──▶
 *   proxy_websocket_open or error ◀──   checks it                ◀──  101, or any other answer
 * </pre>
 */
final class MessageUpstream extends UpgradeExchange {

    /** How much is told of what an upstream says in place of a 101. */
    private static final int MAX_EXCERPT_BYTES = 4 * 1024;

    private static final AsciiString[] OF_THE_HANDSHAKE = {
        HttpHeaderNames.SEC_WEBSOCKET_KEY,
        HttpHeaderNames.SEC_WEBSOCKET_ACCEPT,
        HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS,
        HttpHeaderNames.SEC_WEBSOCKET_VERSION
    };

    private final boolean isStart;
    private final HttpRequest head;
    private final String expectedAccept;
    private final List<String> offeredProtocols;
    private boolean isDeflating;
    /** What the upstream says in place of a 101. */
    private final ByteArrayOutputStream excerpt = new ByteArrayOutputStream(0);

    private HttpResponseStatus refusal = HttpResponseStatus.BAD_GATEWAY;

    /**
     * @param isStart whether {@code proxy_websocket_start} asks for it, see {@link #requestOf}, and not a client's request
     * @throws MalformedHttpException if it cannot be asked for
     */
    MessageUpstream(
            LoopUpstreams shared, Upstream upstream, TunnelStream stream, Message.ProxyRequest request, boolean isStart)
            throws MalformedHttpException {
        super(shared, upstream, stream, request);
        this.isStart = isStart;
        Message.HttpHead asked = request.head();
        if (!asked.method().equals(HttpMethod.GET.name())) {
            throw new MalformedHttpException("a WebSocket begins with GET");
        }
        head = toRequest(asked, upstream, true, false);
        HttpHeaders headers = head.headers();
        for (AsciiString name : OF_THE_HANDSHAKE) {
            headers.remove(name);
        }
        String key = WebSocketKeys.newKey(shared.webSockets().random());
        expectedAccept = WebSocketKeys.acceptOf(key);
        headers.set(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET);
        headers.set(HttpHeaderNames.SEC_WEBSOCKET_KEY, key);
        headers.set(HttpHeaderNames.SEC_WEBSOCKET_VERSION, "13");
        if (shared.webSockets().isDeflating()) {
            headers.set(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS, PerMessageDeflate.OFFER);
        }
        offeredProtocols = list(headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL));
    }

    /** A {@code proxy_websocket_start} as the request that it stands for. */
    static Message.ProxyRequest requestOf(Message.ProxyWebSocketStart start) {
        Headers.Builder headers = Headers.builder();
        start.headers().forEach((name, value) -> {
            if (start.protocol() == null || !HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL.contentEqualsIgnoreCase(name)) {
                headers.add(name, value);
            }
        });
        if (start.protocol() != null) {
            headers.add("Sec-WebSocket-Protocol", start.protocol());
        }
        String method = start.method();
        return new Message.ProxyRequest(
                start.requestId(),
                new Message.HttpHead(
                        method == null ? HttpMethod.GET.name() : method,
                        start.path(),
                        start.query(),
                        null,
                        start.headers().first("host"),
                        headers.build()),
                new Message.Upgrade(true, false, Payload.EMPTY),
                start.target() == null
                        ? Message.Destination.ANY
                        : new Message.Destination(start.target(), null, null, 0),
                0,
                null,
                null);
    }

    private static List<String> list(List<String> values) {
        List<String> items = new ArrayList<>();
        for (String value : values) {
            for (String item : value.split(",", -1)) {
                items.add(item.trim());
            }
        }
        return items;
    }

    @Override
    HttpRequest toSend() {
        return head;
    }

    @Override
    String protocol() {
        return "websocket";
    }

    @Override
    RelayMode mode() {
        return isStart ? RelayMode.CHANNEL : RelayMode.WEBSOCKET_AWARE;
    }

    @Override
    @Nullable
    String faultOf(HttpHeaders headers) {
        String fault = acceptFaultOf(headers, expectedAccept);
        if (fault != null) {
            return fault;
        }
        List<String> chosen = headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL);
        if (chosen.size() > 1
                || chosen.size() == 1
                        && !offeredProtocols.contains(chosen.get(0).trim())) {
            return "the upstream chose a subprotocol that was not offered";
        }
        List<String> extensions = headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS);
        try {
            isDeflating = PerMessageDeflate.isAgreed(extensions);
        } catch (WebSocketException e) {
            return "the upstream agreed to what was not offered";
        }
        boolean isTooMuch = isDeflating && !shared.webSockets().isDeflating();
        return isTooMuch ? "the upstream agreed to what was not offered" : null;
    }

    @Override
    Message answer(HttpResponse switched) throws MalformedHttpException {
        HttpHeaders headers = switched.headers().copy();
        for (AsciiString name : OF_THE_HANDSHAKE) {
            headers.remove(name);
        }
        if (!isStart) {
            Headers carried = HttpMapping.toCarried(headers, false).build();
            return new Message.ProxyResponse(
                    request.requestId(), HttpResponseStatus.SWITCHING_PROTOCOLS.code(), carried);
        }
        String chosen = headers.get(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL);
        headers.remove(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL);
        return new Message.ProxyWebSocketOpen(
                request.requestId(),
                chosen,
                HttpMapping.toCarried(headers, false).build());
    }

    @Override
    StreamHandler join(UpstreamConnection connection, Channel channel) {
        MessageRelay.Settings settings = new MessageRelay.Settings(
                false,
                isDeflating,
                shared.webSockets().maxMessageBytes(),
                shared.webSockets().random(),
                heard(),
                log().tap());
        return MessageRelay.join(stream, channel, shared.loop(), connection.gate(), settings, ErrorCode.UPSTREAM_RESET);
    }

    /** Where the upstream refuses what {@code proxy_websocket_start} asked for, the gateway wants no response but an error. */
    @Override
    boolean takesAnswer(HttpResponse answer) {
        refusal = answer.status();
        return isStart;
    }

    @Override
    void onTakenContent(HttpContent content) {
        ByteBuf bytes = content.content();
        int length = Math.min(bytes.readableBytes(), MAX_EXCERPT_BYTES - excerpt.size());
        byte[] part = new byte[length];
        bytes.readBytes(part);
        excerpt.writeBytes(part);
        boolean isEnd =
                content instanceof LastHttpContent || content.decoderResult().isFailure();
        content.release();
        if (isEnd || excerpt.size() == MAX_EXCERPT_BYTES) {
            boolean isError = refusal.code() >= HttpResponseStatus.BAD_REQUEST.code();
            int status = isError ? refusal.code() : HttpResponseStatus.BAD_GATEWAY.code();
            String said = excerpt.toString(StandardCharsets.UTF_8);
            fail(codeOf(refusal), status, "the upstream answered " + refusal, said.isEmpty() ? null : said);
        }
    }

    private static ErrorCode codeOf(HttpResponseStatus status) {
        if (status.equals(HttpResponseStatus.UNAUTHORIZED)) {
            return ErrorCode.UNAUTHORIZED;
        }
        return status.equals(HttpResponseStatus.FORBIDDEN) ? ErrorCode.FORBIDDEN : ErrorCode.UPSTREAM_INVALID;
    }

    @Override
    void onOver() {
        // Nothing is held of the request.
    }
}
