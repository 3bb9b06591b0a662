package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.NetUtil;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request's head that has passed every check which does not depend on its route, stripped of what a client may not say.
 *
 * @param request its target is in origin form
 * @param authority host and port, empty if an HTTP/1.0 client named none
 * @param path the target without its query
 * @param hasBody whether bytes or chunks follow
 * @param keepsAlive whether the client means to send another request on the connection
 * @param upgrade what {@code Upgrade} asks for where it may, else null
 * @param mustUpgrade whether there is no other way to understand the request
 * @param forwarded what the sender says of those before it, no longer among the fields
 */
record RequestHead(
        HttpRequest request,
        String authority,
        String path,
        boolean hasBody,
        boolean keepsAlive,
        boolean expectsContinue,
        @Nullable String upgrade,
        boolean mustUpgrade,
        ForwardedFields forwarded) {

    private static final int MAX_NAME_CHARS = 256;
    private static final int MAX_AUTHORITY_CHARS = 512;

    static RequestHead of(HttpRequest request, int maxHeaders) throws BadRequestException {
        return of(request, maxHeaders, false);
    }

    static RequestHead of(HttpRequest request, int maxHeaders, boolean mustUpgrade) throws BadRequestException {
        checkDecoded(request.decoderResult());
        HttpVersion version = request.protocolVersion();
        boolean isHttp11 = version.equals(HttpVersion.HTTP_1_1);
        if (!isHttp11 && !version.equals(HttpVersion.HTTP_1_0)) {
            throw new BadRequestException(
                    HttpResponseStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 and HTTP/1.0 are spoken here");
        }
        if (request.method().equals(HttpMethod.CONNECT) || request.method().equals(HttpMethod.TRACE)) {
            throw new BadRequestException(HttpResponseStatus.METHOD_NOT_ALLOWED, request.method() + " is not served");
        }
        HttpHeaders headers = request.headers();
        ForwardedFields forwarded = stripUntrusted(headers, maxHeaders);
        boolean hasBody = hasBody(headers);
        String authority = authority(headers, isHttp11);
        String path = path(request, authority);
        return new RequestHead(
                request,
                authority,
                path,
                hasBody,
                HttpUtil.isKeepAlive(request),
                isHttp11 && headers.contains(HttpHeaderNames.EXPECT, HttpHeaderValues.CONTINUE, true),
                upgrade(headers),
                mustUpgrade,
                forwarded);
    }

    boolean isHttp11() {
        return request.protocolVersion().equals(HttpVersion.HTTP_1_1);
    }

    boolean isHeadMethod() {
        return request.method().equals(HttpMethod.HEAD);
    }

    private static void checkDecoded(DecoderResult result) throws BadRequestException {
        if (result.isFailure()) {
            Throwable cause = result.cause();
            if (cause instanceof TooLongHttpLineException) {
                throw new BadRequestException(HttpResponseStatus.REQUEST_URI_TOO_LONG, "the request line is too long");
            }
            if (cause instanceof TooLongHttpHeaderException) {
                throw tooLarge();
            }
            throw new BadRequestException("malformed request: " + cause.getMessage());
        }
    }

    private static BadRequestException tooLarge() {
        return new BadRequestException(
                HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the header fields are too many or too long");
    }

    /** Takes away what only a proxy may say, and names that some servers cannot tell from others. */
    private static ForwardedFields stripUntrusted(HttpHeaders headers, int maxHeaders) throws BadRequestException {
        if (headers.size() > maxHeaders) {
            throw tooLarge();
        }
        List<String> untrusted = null;
        Iterator<Map.Entry<CharSequence, CharSequence>> fields = headers.iteratorCharSequence();
        while (fields.hasNext()) {
            CharSequence name = fields.next().getKey();
            if (name.length() > MAX_NAME_CHARS) {
                throw tooLarge();
            }
            if (ForwardedFields.isReserved(name)) {
                untrusted = untrusted == null ? new ArrayList<>() : untrusted;
                untrusted.add(name.toString());
            }
        }
        if (untrusted == null) {
            return ForwardedFields.NONE;
        }
        ForwardedFields forwarded = ForwardedFields.of(headers);
        untrusted.forEach(headers::remove);
        return forwarded;
    }

    private static boolean hasBody(HttpHeaders headers) throws BadRequestException {
        List<String> codings = headers.getAll(HttpHeaderNames.TRANSFER_ENCODING);
        long length;
        try {
            length = HttpMapping.contentLength(headers.getAll(HttpHeaderNames.CONTENT_LENGTH));
        } catch (MalformedHttpException e) {
            throw new BadRequestException(String.valueOf(e.getMessage()));
        }
        if (codings.isEmpty()) {
            return length > 0;
        }
        if (length >= 0) {
            throw new BadRequestException("both Content-Length and Transfer-Encoding");
        }
        if (codings.size() > 1 || !codings.get(0).equalsIgnoreCase("chunked")) {
            throw namesOnlyChunked(codings)
                    ? new BadRequestException("Transfer-Encoding is not exactly chunked")
                    : new BadRequestException(
                            HttpResponseStatus.NOT_IMPLEMENTED, "no transfer coding but chunked is understood here");
        }
        return true;
    }

    private static boolean namesOnlyChunked(List<String> codings) {
        return codings.stream()
                .flatMap(value -> Arrays.stream(value.split(",")))
                .map(String::trim)
                .allMatch(coding -> coding.isEmpty() || coding.equalsIgnoreCase("chunked"));
    }

    private static String authority(HttpHeaders headers, boolean isHttp11) throws BadRequestException {
        List<String> hosts = headers.getAll(HttpHeaderNames.HOST);
        if (hosts.size() > 1 || hosts.isEmpty() && isHttp11) {
            throw new BadRequestException(hosts.size() + " Host fields");
        }
        if (hosts.isEmpty()) {
            return "";
        }
        String authority = hosts.get(0);
        if (!isAuthority(authority)) {
            throw new BadRequestException("Host is no host");
        }
        return authority;
    }

    /** {@code host[:port]}, or {@code [address][:port]}. */
    static boolean isAuthority(String text) {
        if (text.isEmpty() || text.length() > MAX_AUTHORITY_CHARS) {
            return false;
        }
        int i = 0;
        if (text.charAt(0) == '[') {
            int close = text.indexOf(']');
            if (close < 0 || !NetUtil.isValidIpV6Address(text.substring(1, close))) {
                return false;
            }
            i = close + 1;
        } else {
            while (i < text.length() && isHostChar(text.charAt(i))) {
                i++;
            }
            if (i == 0) {
                return false;
            }
        }
        return i == text.length() || text.charAt(i) == ':' && isPort(text, i + 1);
    }

    private static boolean isHostChar(char c) {
        return c >= 'a' && c <= 'z'
                || c >= 'A' && c <= 'Z'
                || c >= '0' && c <= '9'
                || "-._~%!$&'()*+,;=".indexOf(c) >= 0;
    }

    private static boolean isPort(String text, int from) {
        int port = 0;
        for (int i = from; i < text.length(); i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return false;
            }
            port = 10 * port + text.charAt(i) - '0';
            if (port > 65_535) {
                return false;
            }
        }
        return true;
    }

    /** The path as it came; a target that names the host as well is brought to the form without. */
    private static String path(HttpRequest request, String authority) throws BadRequestException {
        String target = request.uri();
        if (!target.startsWith("/") && !target.equals("*")) {
            target = fromAbsolute(target, authority);
            request.setUri(target);
        }
        if (target.equals("*") && !request.method().equals(HttpMethod.OPTIONS)) {
            throw new BadRequestException("only OPTIONS is for *");
        }
        int question = target.indexOf('?');
        return question < 0 ? target : target.substring(0, question);
    }

    private static String fromAbsolute(String target, String authority) throws BadRequestException {
        int start = target.regionMatches(true, 0, "http://", 0, 7)
                ? 7
                : target.regionMatches(true, 0, "https://", 0, 8) ? 8 : 0;
        if (start == 0) {
            throw new BadRequestException("the target must begin with a slash");
        }
        int end = start;
        while (end < target.length() && target.charAt(end) != '/' && target.charAt(end) != '?') {
            end++;
        }
        if (!target.substring(start, end).equalsIgnoreCase(authority)) {
            throw new BadRequestException("the target names another host than Host");
        }
        String rest = target.substring(end);
        return rest.startsWith("/") ? rest : "/" + rest;
    }

    private static @Nullable String upgrade(HttpHeaders headers) {
        if (!headers.contains(HttpHeaderNames.UPGRADE)
                || !headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)) {
            return null;
        }
        List<String> protocols = headers.getAll(HttpHeaderNames.UPGRADE);
        String protocol = protocols.get(0).trim();
        return protocols.size() > 1 || protocol.isEmpty() || protocol.indexOf(',') >= 0 ? null : protocol;
    }
}
