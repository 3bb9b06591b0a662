package io.tunnelmux.netty.transport;

import static io.netty.handler.codec.http.HttpResponseStatus.BAD_REQUEST;
import static io.netty.handler.codec.http.HttpResponseStatus.FORBIDDEN;
import static io.netty.handler.codec.http.HttpResponseStatus.METHOD_NOT_ALLOWED;
import static io.netty.handler.codec.http.HttpResponseStatus.NOT_FOUND;
import static io.netty.handler.codec.http.HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE;
import static io.netty.handler.codec.http.HttpResponseStatus.REQUEST_URI_TOO_LONG;
import static io.netty.handler.codec.http.HttpResponseStatus.SWITCHING_PROTOCOLS;
import static io.netty.handler.codec.http.HttpResponseStatus.UNAUTHORIZED;
import static io.netty.handler.codec.http.HttpResponseStatus.UPGRADE_REQUIRED;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.tunnelmux.netty.websocket.WebSocketKeys;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The acceptor's side of a WebSocket handshake for a tunnel: what is asked, and what the answer is. Refuses rather than repairs. The
 * admission is asked last, so that what it counts are attempts by those who speak the protocol. Immutable; any thread.
 */
final class ServerHandshake {
    static final String SUBPROTOCOL = "tunnel.v1";

    private static final String VERSION = "13";
    private static final int KEY_BYTES = 16;
    private static final int MAX_TOKEN_CHARS = 4_096;
    /** The {@code token68} of RFC 9110 11.2, which a bearer token is. */
    private static final Pattern BEARER = Pattern.compile("bearer +([A-Za-z0-9\\-._~+/]+=*)", Pattern.CASE_INSENSITIVE);

    private static final Pattern QUERY_SEPARATOR = Pattern.compile("[&;]");

    private final @Nullable String path;
    private final Admission admission;

    /** @param path what must be asked for; null where somebody else has looked at that */
    ServerHandshake(@Nullable String path, Admission admission) {
        this.path = path;
        this.admission = admission;
    }

    /**
     * What to send back.
     *
     * @param isAccepted whether the connection is a WebSocket once {@code response} is sent
     * @param token the token that was let in, if there was one
     */
    record Answer(
            FullHttpResponse response,
            boolean isAccepted,
            @Nullable String token) {
        private static Answer refused(HttpResponseStatus status, String why) {
            ByteBuf text = Unpooled.copiedBuffer(why + "\n", StandardCharsets.US_ASCII);
            FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, text);
            response.headers()
                    .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.TEXT_PLAIN)
                    .set(HttpHeaderNames.CONTENT_LENGTH, text.readableBytes())
                    .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
            return new Answer(response, false, null);
        }

        private Answer with(CharSequence name, CharSequence value) {
            response.headers().add(name, value);
            return this;
        }
    }

    /** Judges a request, which is lent. */
    Answer answer(HttpRequest request, SocketAddress from) {
        Answer refusal = checkRequest(request);
        if (refusal == null) {
            refusal = checkUpgrade(request.headers());
        }
        return refusal == null ? admit(request.headers(), from) : refusal;
    }

    private @Nullable Answer checkRequest(HttpRequest request) {
        if (request.decoderResult().isFailure()) {
            return malformed(request.decoderResult().cause());
        }
        HttpHeaders headers = request.headers();
        String uri = request.uri();
        int queryAt = uri.indexOf('?');
        if (!request.protocolVersion().equals(HttpVersion.HTTP_1_1)) {
            return Answer.refused(BAD_REQUEST, "HTTP/1.1 only");
        }
        if (path != null && !path.equals(queryAt < 0 ? uri : uri.substring(0, queryAt))) {
            return Answer.refused(NOT_FOUND, "no such path");
        }
        if (queryAt >= 0 && mayNameToken(uri.substring(queryAt + 1))) {
            return Answer.refused(BAD_REQUEST, "a token belongs into the Authorization header, not into the query");
        }
        if (headers.contains(HttpHeaderNames.ORIGIN)) {
            return Answer.refused(FORBIDDEN, "not for browsers");
        }
        if (!request.method().equals(HttpMethod.GET)) {
            return Answer.refused(METHOD_NOT_ALLOWED, "GET only").with(HttpHeaderNames.ALLOW, HttpMethod.GET.name());
        }
        if (headers.getAll(HttpHeaderNames.HOST).size() != 1) {
            return Answer.refused(BAD_REQUEST, "exactly one Host");
        }
        if (headers.contains(HttpHeaderNames.TRANSFER_ENCODING) || hasLength(headers)) {
            return Answer.refused(BAD_REQUEST, "no body");
        }
        return null;
    }

    private static @Nullable Answer checkUpgrade(HttpHeaders headers) {
        if (!headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)
                || !headers.containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true)) {
            return upgradeRequired("a WebSocket, please");
        }
        if (!headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_VERSION).equals(List.of(VERSION))) {
            return upgradeRequired("WebSocket version 13 only");
        }
        List<String> keys = headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_KEY);
        if (keys.size() != 1 || !isKey(keys.get(0))) {
            return Answer.refused(BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64");
        }
        if (!headers.containsValue(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL, false)) {
            return upgradeRequired("the subprotocol here is " + SUBPROTOCOL);
        }
        return null;
    }

    private Answer admit(HttpHeaders headers, SocketAddress from) {
        List<String> credentials = headers.getAll(HttpHeaderNames.AUTHORIZATION);
        String token = null;
        if (!credentials.isEmpty()) {
            Matcher bearer = BEARER.matcher(credentials.get(0));
            if (credentials.size() > 1 || !bearer.matches() || bearer.group(1).length() > MAX_TOKEN_CHARS) {
                return refused(HandshakeRefusal.unauthorized());
            }
            token = bearer.group(1);
        }
        HandshakeRefusal refusal = admission.admit(token, from);
        return refusal == null ? accepted(headers, token) : refused(refusal);
    }

    private static Answer accepted(HttpHeaders headers, @Nullable String token) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, SWITCHING_PROTOCOLS, Unpooled.EMPTY_BUFFER);
        response.headers()
                .set(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET)
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE)
                .set(
                        HttpHeaderNames.SEC_WEBSOCKET_ACCEPT,
                        WebSocketKeys.acceptOf(headers.get(HttpHeaderNames.SEC_WEBSOCKET_KEY)))
                .set(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
        return new Answer(response, true, token);
    }

    private static Answer refused(HandshakeRefusal refusal) {
        HttpResponseStatus status = HttpResponseStatus.valueOf(refusal.status());
        Answer answer = Answer.refused(status, status.reasonPhrase());
        if (status.equals(UNAUTHORIZED)) {
            answer.with(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
        }
        Duration retryAfter = refusal.retryAfter();
        if (retryAfter != null) {
            long seconds = retryAfter.getSeconds() + (retryAfter.getNano() > 0 ? 1 : 0);
            answer.with(HttpHeaderNames.RETRY_AFTER, Long.toString(seconds));
        }
        return answer;
    }

    private static Answer malformed(Throwable cause) {
        if (cause instanceof TooLongHttpLineException) {
            return Answer.refused(REQUEST_URI_TOO_LONG, "the request line is too long");
        }
        if (cause instanceof TooLongHttpHeaderException) {
            return Answer.refused(REQUEST_HEADER_FIELDS_TOO_LARGE, "the header is too long");
        }
        return Answer.refused(BAD_REQUEST, "malformed");
    }

    private static Answer upgradeRequired(String why) {
        return Answer.refused(UPGRADE_REQUIRED, why)
                .with(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE)
                .with(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET)
                .with(HttpHeaderNames.SEC_WEBSOCKET_VERSION, VERSION);
    }

    private static boolean hasLength(HttpHeaders headers) {
        return headers.getAll(HttpHeaderNames.CONTENT_LENGTH).stream().anyMatch(length -> !length.equals("0"));
    }

    private static boolean isKey(String key) {
        try {
            return Base64.getDecoder().decode(key).length == KEY_BYTES;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** Whether a query has a token in it, or what nobody can read. */
    static boolean mayNameToken(String query) {
        for (String pair : QUERY_SEPARATOR.split(query, -1)) {
            int valueAt = pair.indexOf('=');
            String name = valueAt < 0 ? pair : pair.substring(0, valueAt);
            try {
                String decoded = QueryStringDecoder.decodeComponent(name);
                if (decoded.equalsIgnoreCase("token") || decoded.equalsIgnoreCase("access_token")) {
                    return true;
                }
            } catch (IllegalArgumentException e) {
                return true;
            }
        }
        return false;
    }
}
