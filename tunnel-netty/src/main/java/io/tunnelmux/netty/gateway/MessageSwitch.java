package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.util.AsciiString;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.relay.FlowMeter;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.MessageRelay;
import io.tunnelmux.netty.relay.MessageTap;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.relay.Relay;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.websocket.PerMessageDeflate;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A WebSocket whose messages the gateway reads and writes: what the agent is asked for, what its answer must say, and what the client gets. The handshake with
 * the client is the gateway's own; only the subprotocol is what the upstream has chosen.
 */
final class MessageSwitch {

    /** Belong to the client's connection alone. */
    private static final AsciiString[] OF_THE_HANDSHAKE = {
        HttpHeaderNames.UPGRADE,
        HttpHeaderNames.SEC_WEBSOCKET_KEY,
        HttpHeaderNames.SEC_WEBSOCKET_ACCEPT,
        HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS,
        HttpHeaderNames.SEC_WEBSOCKET_VERSION
    };

    private final WebSocketConfig config;
    private final String key;
    private final HttpHeaders asked;
    private final boolean isChannel;

    /** @param key the client's */
    MessageSwitch(WebSocketConfig config, RequestHead head, String key, boolean isChannel) {
        this.config = config;
        this.key = key;
        asked = head.request().headers();
        this.isChannel = isChannel;
    }

    RelayMode mode() {
        return isChannel ? RelayMode.CHANNEL : RelayMode.WEBSOCKET_AWARE;
    }

    /** What opens the stream. */
    Message request(ProxyRequestFactory requests) {
        return isChannel ? requests.createChannel() : requests.createAware();
    }

    /** Whether a field of the client's, or of an upstream's, goes no further. */
    static boolean isOfTheHandshake(String name) {
        for (AsciiString each : OF_THE_HANDSHAKE) {
            if (each.contentEqualsIgnoreCase(name)) {
                return true;
            }
        }
        return false;
    }

    /** Whether this message of the agent says that the upstream's WebSocket is open. */
    boolean isAnswer(Message message) {
        return isChannel
                ? message instanceof Message.ProxyWebSocketOpen
                : message instanceof Message.ProxyResponse response && response.status() == 101;
    }

    /**
     * The head of the 101 that the client gets.
     *
     * @param answer of the agent
     * @throws MalformedHttpException if it is no answer to what was asked
     */
    HttpHeaders answerTo(Message answer) throws MalformedHttpException {
        HttpHeaders headers;
        if (answer instanceof Message.ProxyWebSocketOpen open) {
            headers = withoutHandshake(open.headers());
            headers.remove(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL);
            if (open.protocol() != null) {
                headers.set(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL, open.protocol());
            }
        } else if (answer instanceof Message.ProxyResponse response) {
            headers = withoutHandshake(response.headers());
        } else {
            throw new MalformedHttpException(answer.type() + " in place of an answer");
        }
        requireOffered(headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL));
        headers.set(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET);
        headers.set(HttpHeaderNames.SEC_WEBSOCKET_ACCEPT, WebSocketKeys.acceptOf(key));
        String extension = extension();
        if (extension != null) {
            headers.set(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS, extension);
        }
        return headers;
    }

    private static HttpHeaders withoutHandshake(Headers carried) throws MalformedHttpException {
        HttpHeaders headers = HttpMapping.toHttp(carried, false);
        for (AsciiString name : OF_THE_HANDSHAKE) {
            headers.remove(name);
        }
        headers.remove(HttpHeaderNames.CONTENT_LENGTH);
        return headers;
    }

    private void requireOffered(List<String> chosen) throws MalformedHttpException {
        if (chosen.isEmpty()) {
            return;
        }
        List<String> offered = new ArrayList<>();
        for (String value : asked.getAll(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL)) {
            for (String each : value.split(",", -1)) {
                offered.add(each.trim());
            }
        }
        if (chosen.size() > 1 || !offered.contains(chosen.get(0).trim())) {
            throw new MalformedHttpException("a subprotocol that was not offered");
        }
    }

    private @Nullable String extension() {
        return config.isDeflating()
                ? PerMessageDeflate.answerTo(asked.getAll(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS))
                : null;
    }

    /** Joins the client's channel, where the 101 has been said, to the stream. */
    Relay join(
            TunnelStream stream,
            Channel channel,
            NettyLoop loop,
            ReadGate gate,
            @Nullable FlowMeter meter,
            @Nullable MessageTap tap) {
        MessageRelay.Settings settings =
                new MessageRelay.Settings(true, extension() != null, config.maxMessageBytes(), null, meter, tap);
        return MessageRelay.join(stream, channel, loop, gate, settings, ErrorCode.CANCELLED);
    }
}
