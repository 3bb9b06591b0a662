package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import io.tunnelmux.protocol.Headers;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * An upgrade that a client asks for and the route allows.
 *
 * @param protocol as the client spelt it
 * @param key of a WebSocket, else null
 */
record UpgradeCheck(String protocol, @Nullable String key) {

    static final String WEBSOCKET = "websocket";
    static final String VERSION = "13";

    private static final int KEY_BYTES = 16;

    boolean isWebSocket() {
        return key != null;
    }

    /** @return null if the request is to be treated as one without {@code Upgrade} */
    static @Nullable UpgradeCheck of(RequestHead head, Client client, Route route, GatewayConfig config)
            throws BadRequestException {
        String protocol = head.upgrade();
        if (protocol == null || !isAllowed(protocol.toLowerCase(Locale.ROOT), route, config)) {
            if (head.mustUpgrade()) {
                throw new BadRequestException(HttpResponseStatus.NOT_IMPLEMENTED, "this protocol is not served here");
            }
            return null;
        }
        if (!protocol.equalsIgnoreCase(WEBSOCKET)) {
            return head.isHttp11() && !head.hasBody() ? new UpgradeCheck(protocol, null) : null;
        }
        HttpHeaders headers = head.request().headers();
        if (!head.isHttp11() || !head.request().method().equals(HttpMethod.GET)) {
            throw new BadRequestException("a WebSocket is opened by GET and HTTP/1.1");
        }
        if (head.hasBody()) {
            throw new BadRequestException("a WebSocket is opened without a body");
        }
        checkKey(headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_KEY));
        List<String> versions = headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_VERSION);
        if (versions.size() != 1 || !versions.get(0).equals(VERSION)) {
            throw new BadRequestException(
                    HttpResponseStatus.UPGRADE_REQUIRED, "Sec-WebSocket-Version is not " + VERSION);
        }
        List<String> hosts = List.of(head.authority(), client.host());
        if (!OriginCheck.allows(headers.getAll(HttpHeaderNames.ORIGIN), hosts, route.origins())) {
            throw new BadRequestException(
                    HttpResponseStatus.FORBIDDEN, "pages of this Origin may not open WebSockets here");
        }
        return new UpgradeCheck(protocol, headers.get(HttpHeaderNames.SEC_WEBSOCKET_KEY));
    }

    private static boolean isAllowed(String protocol, Route route, GatewayConfig config) {
        return config.upgrades().contains(protocol)
                || config.upgrades().contains(Route.ANY)
                || route.upgrades().contains(protocol)
                || route.upgrades().contains(Route.ANY);
    }

    private static void checkKey(List<String> keys) throws BadRequestException {
        try {
            if (keys.size() == 1 && Base64.getDecoder().decode(keys.get(0)).length == KEY_BYTES) {
                return;
            }
        } catch (IllegalArgumentException e) {
            throw new BadRequestException("Sec-WebSocket-Key is no base64: " + e.getMessage());
        }
        throw new BadRequestException("Sec-WebSocket-Key must be there once and be " + KEY_BYTES + " bytes");
    }

    /** What is wrong with a 101 of the upstream, or null. */
    @Nullable
    String faultOf(Headers response) {
        List<String> protocols = response.all("upgrade");
        if (protocols.size() != 1 || !protocols.get(0).equalsIgnoreCase(protocol)) {
            return "101 to another protocol than " + protocol;
        }
        if (key != null && !response.all("sec-websocket-accept").equals(List.of(WebSocketKeys.acceptOf(key)))) {
            return "101 with a wrong Sec-WebSocket-Accept";
        }
        return null;
    }
}
