package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http2.Http2Headers;
import io.tunnelmux.netty.http.Http2Fields;
import io.tunnelmux.netty.relay.MalformedHttpException;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * A request's head of HTTP/2 as HTTP/1.1 would have it, so that whatever is checked and filtered there is here as well. The codec has seen to what
 * RFC 9113 asks of names, of the order and number of pseudo-header fields, and of the length of the body.
 */
final class Http2Request {

    private static final int KEY_BYTES = 16;
    private static final List<String> SCHEMES = List.of("http", "https");

    private Http2Request() {}

    /** Whether this is the CONNECT of RFC 8441. */
    static boolean isUpgrade(Http2Headers fields) {
        return fields.contains(Http2Headers.PseudoHeaderName.PROTOCOL.value());
    }

    /**
     * The same request for HTTP/1.1. A WebSocket's CONNECT (RFC 8441) becomes GET, with a key that is made up here.
     *
     * @param isEnd whether the request ends with its head
     * @param maxTargetBytes longer paths are refused
     */
    static HttpRequest toHttp1(Http2Headers fields, boolean isEnd, int maxTargetBytes) throws BadRequestException {
        boolean isConnect = HttpMethod.CONNECT.name().contentEquals(fields.method());
        CharSequence protocol = fields.get(Http2Headers.PseudoHeaderName.PROTOCOL.value());
        if (isConnect && protocol == null) {
            throw new BadRequestException(HttpResponseStatus.METHOD_NOT_ALLOWED, "CONNECT is not served");
        }
        if (protocol != null && (!isConnect || isEnd)) {
            throw new BadRequestException(":protocol is for CONNECT, and for streams that go on");
        }
        if (!SCHEMES.contains(fields.scheme().toString())) {
            throw new BadRequestException(":scheme is neither http nor https");
        }
        HttpHeaders headers;
        HttpMethod method;
        try {
            headers = Http2Fields.toHttp1(fields);
            method = isConnect
                    ? HttpMethod.GET
                    : HttpMethod.valueOf(fields.method().toString());
        } catch (MalformedHttpException | IllegalArgumentException e) {
            throw new BadRequestException(String.valueOf(e.getMessage()));
        }
        setHost(headers, fields.authority());
        if (protocol != null) {
            askForUpgrade(headers, protocol.toString());
        } else if (!isEnd && !headers.contains(HttpHeaderNames.CONTENT_LENGTH)) {
            headers.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        }
        return new DefaultHttpRequest(
                HttpVersion.HTTP_1_1, method, target(fields.path().toString(), maxTargetBytes), headers);
    }

    private static void setHost(HttpHeaders headers, @Nullable CharSequence authority) throws BadRequestException {
        if (authority == null) {
            return;
        }
        for (String host : headers.getAll(HttpHeaderNames.HOST)) {
            if (!host.equalsIgnoreCase(authority.toString())) {
                throw new BadRequestException("Host and :authority name two hosts");
            }
        }
        headers.set(HttpHeaderNames.HOST, authority);
    }

    private static void askForUpgrade(HttpHeaders headers, String protocol) throws BadRequestException {
        if (!protocol.equals(UpgradeCheck.WEBSOCKET)) {
            throw new BadRequestException(HttpResponseStatus.NOT_IMPLEMENTED, "this :protocol is not served");
        }
        if (headers.contains(HttpHeaderNames.CONTENT_LENGTH)) {
            throw new BadRequestException("a WebSocket has no Content-Length");
        }
        byte[] key = new byte[KEY_BYTES];
        ThreadLocalRandom.current().nextBytes(key);
        headers.set(HttpHeaderNames.UPGRADE, UpgradeCheck.WEBSOCKET);
        headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
        headers.set(HttpHeaderNames.SEC_WEBSOCKET_KEY, Base64.getEncoder().encodeToString(key));
    }

    private static String target(String path, int maxTargetBytes) throws BadRequestException {
        if (path.length() > maxTargetBytes) {
            throw new BadRequestException(HttpResponseStatus.REQUEST_URI_TOO_LONG, "the path is too long");
        }
        if (path.charAt(0) != '/' && !path.equals("*")) {
            throw new BadRequestException(":path must begin with a slash");
        }
        for (int i = 0; i < path.length(); i++) {
            if (path.charAt(i) <= ' ' || path.charAt(i) == 0x7f) {
                throw new BadRequestException(":path holds character " + (int) path.charAt(i));
            }
        }
        return path;
    }
}
