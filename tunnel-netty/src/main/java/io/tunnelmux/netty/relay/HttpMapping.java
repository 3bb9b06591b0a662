package io.tunnelmux.netty.relay;

import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.AsciiString;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * HTTP messages as Netty has them, and as a tunnel carries them. The one place where headers are filtered, at both ends and in both
 * directions:
 *
 * <ul>
 *   <li>What belongs to one connection only is left behind (RFC 9110 7.6.1): {@code Connection} and every field it names,
 *       {@code Keep-Alive}, {@code Proxy-Connection}, {@code TE}, {@code Transfer-Encoding}, {@code Upgrade}, and the two fields by which a proxy
 *       and its client know each other, {@code Proxy-Authenticate} and {@code Proxy-Authorization}.
 *   <li>{@code TE: trailers} is carried, for upstreams that speak HTTP/2, which ask for it; see {@link #wantsTrailers}. No other {@code TE} is, and none goes on
 *       by HTTP/1.1.
 *   <li>{@code Upgrade} passes if, and only if, the message is about an upgrade.
 *   <li>A message whose {@code Connection} names {@code Host}, {@code Content-Length}, {@code Authorization} or {@code Cookie} is malformed: somebody
 *       wants the next hop to see another request than this one.
 *   <li>All else passes, in the order in which names come first, repeated fields repeated and in their order, byte for byte: a char of a value is a
 *       byte of Latin-1.
 * </ul>
 *
 * How a body is framed is for each hop to say anew; {@code Content-Length} passes as a fact about the body.
 *
 * <p>Without state; any thread.
 */
public final class HttpMapping {

    /** More are refused. */
    public static final int MAX_TRAILERS = 100;

    private static final Set<String> NEVER_TRAILERS = Set.of(
            "age",
            "authorization",
            "cache-control",
            "connection",
            "cookie",
            "expect",
            "expires",
            "forwarded",
            "host",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "keep-alive",
            "location",
            "max-forwards",
            "origin",
            "pragma",
            "range",
            "retry-after",
            "set-cookie",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "vary",
            "via",
            "www-authenticate",
            "x-real-ip");

    private static final String TE = "te";
    private static final String TRAILERS = "trailers";
    private static final AsciiString KEEP_ALIVE = AsciiString.cached("keep-alive");
    private static final AsciiString PROXY_CONNECTION = AsciiString.cached("proxy-connection");
    private static final AsciiString[] PROTECTED = {
        HttpHeaderNames.HOST, HttpHeaderNames.CONTENT_LENGTH, HttpHeaderNames.AUTHORIZATION, HttpHeaderNames.COOKIE
    };
    /** 2^63 has 19 digits. */
    private static final int MAX_LENGTH_DIGITS = 18;

    private HttpMapping() {}

    /**
     * The fields of a message that a connection brought, as far as they go further.
     *
     * @param isUpgrade whether {@code Upgrade} does
     * @return a builder that the caller may add to
     */
    public static Headers.Builder toCarried(HttpHeaders received, boolean isUpgrade) throws MalformedHttpException {
        List<String> nominated = nominated(received.getAll(HttpHeaderNames.CONNECTION));
        Headers.Builder carried = Headers.builder();
        Iterator<Map.Entry<CharSequence, CharSequence>> fields = received.iteratorCharSequence();
        while (fields.hasNext()) {
            Map.Entry<CharSequence, CharSequence> field = fields.next();
            CharSequence name = field.getKey();
            if (isTrailersWish(name, field.getValue())) {
                carried.add(TE, TRAILERS);
            } else if (passes(name, nominated, isUpgrade)) {
                String value = field.getValue().toString();
                requireNoControls(name, value);
                try {
                    carried.add(name.toString(), value);
                } catch (IllegalArgumentException e) {
                    throw new MalformedHttpException("header field: " + e.getMessage(), e);
                }
            }
        }
        return carried;
    }

    /**
     * The fields of a message that came through a tunnel, as the next connection gets them; filtered again, since the peer may not have.
     *
     * @param isUpgrade whether {@code Upgrade} goes further; {@code Connection} is the caller's to add
     */
    public static HttpHeaders toHttp(Headers carried, boolean isUpgrade) throws MalformedHttpException {
        List<String> nominated = nominated(carried.all("connection"));
        HttpHeaders headers = DefaultHttpHeadersFactory.headersFactory().newHeaders();
        String malformed = copy(carried, headers, nominated, isUpgrade);
        if (malformed != null) {
            throw new MalformedHttpException(malformed);
        }
        return headers;
    }

    private static @Nullable String copy(Headers from, HttpHeaders to, List<String> nominated, boolean isUpgrade) {
        try {
            from.forEach((name, value) -> {
                if (passes(name, nominated, isUpgrade)) {
                    to.add(name, asLatin1(value));
                }
            });
            return null;
        } catch (IllegalArgumentException e) {
            return "header field: " + e.getMessage();
        }
    }

    /**
     * A request's head for the tunnel. The target is split at its first question mark and otherwise left as it came.
     *
     * @param headers see {@link #toCarried}
     */
    public static Message.HttpHead toHead(HttpRequest request, String scheme, String authority, Headers headers)
            throws MalformedHttpException {
        String target = request.uri();
        int question = target.indexOf('?');
        String path = question < 0 ? target : target.substring(0, question);
        String query = question < 0 ? null : target.substring(question + 1);
        try {
            return new Message.HttpHead(request.method().name(), path, query, scheme, authority, headers);
        } catch (IllegalArgumentException e) {
            throw new MalformedHttpException("request line: " + e.getMessage(), e);
        }
    }

    /**
     * A request for the upstream, HTTP/1.1, with its framing made: by {@code Content-Length} if that was carried, else chunked if a body follows.
     * Write it with a {@link RequestEncoder}, which leaves the target's bytes alone.
     *
     * @param isUpgrade whether to ask for the upgrade that {@code Upgrade} names
     * @param hasBody whether bytes or an end follow; of an upgrade none do
     */
    public static HttpRequest toRequest(Message.HttpHead head, boolean isUpgrade, boolean hasBody)
            throws MalformedHttpException {
        long contentLength = contentLength(head.headers());
        if (!hasBody && contentLength > 0) {
            throw new MalformedHttpException("a body of " + contentLength + " bytes was announced and does not come");
        }
        String target = head.query() == null ? head.path() : head.path() + '?' + head.query();
        requireTarget(target);
        HttpHeaders headers = toHttp(head.headers(), isUpgrade);
        String authority = head.authority();
        if (authority != null && !headers.contains(HttpHeaderNames.HOST)) {
            headers.set(HttpHeaderNames.HOST, authority);
        }
        if (isUpgrade) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
        } else if (hasBody && contentLength < 0) {
            headers.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        }
        try {
            return new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.valueOf(head.method()), target, headers);
        } catch (IllegalArgumentException e) {
            throw new MalformedHttpException("request line: " + e.getMessage(), e);
        }
    }

    /** A response's head for the tunnel. */
    public static Message.ProxyResponse toMessage(String requestId, HttpResponse response, boolean isUpgrade)
            throws MalformedHttpException {
        Headers headers = toCarried(response.headers(), isUpgrade).build();
        contentLength(headers);
        try {
            return new Message.ProxyResponse(requestId, response.status().code(), headers);
        } catch (IllegalArgumentException e) {
            throw new MalformedHttpException("response head: " + e.getMessage(), e);
        }
    }

    /** A response for the client, HTTP/1.1. Its framing, and whether the connection goes on, are the caller's to add. */
    public static HttpResponse toResponse(Message.ProxyResponse message, boolean isUpgrade)
            throws MalformedHttpException {
        HttpHeaders headers = toHttp(message.headers(), isUpgrade);
        return new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(message.status()), headers);
    }

    /**
     * What {@code Content-Length} says.
     *
     * @return -1 if there is none
     * @throws MalformedHttpException if there are several, or it is anything but digits
     */
    public static long contentLength(Headers headers) throws MalformedHttpException {
        return contentLength(headers.all("content-length"));
    }

    /** As {@link #contentLength(Headers)}. */
    public static long contentLength(List<String> values) throws MalformedHttpException {
        if (values.isEmpty()) {
            return -1;
        }
        String value = values.get(0);
        if (values.size() > 1 || value.isEmpty() || value.length() > MAX_LENGTH_DIGITS) {
            throw new MalformedHttpException(
                    "Content-Length must be there once, 1 to " + MAX_LENGTH_DIGITS + " digits");
        }
        for (int i = 0; i < value.length(); i++) {
            if (value.charAt(i) < '0' || value.charAt(i) > '9') {
                throw new MalformedHttpException("Content-Length must be digits only");
            }
        }
        return Long.parseLong(value);
    }

    /** A value that Netty writes byte for char; it would write a question mark for every char beyond ASCII of a String. */
    public static CharSequence asLatin1(String value) {
        for (int i = 0; i < value.length(); i++) {
            if (value.charAt(i) > 0x7f) {
                return new AsciiString(value, StandardCharsets.ISO_8859_1);
            }
        }
        return value;
    }

    /** The options of {@code Connection} that are names of fields, for these are left behind. */
    private static List<String> nominated(List<String> connection) throws MalformedHttpException {
        if (connection.isEmpty()) {
            return List.of();
        }
        List<String> names = new ArrayList<>(2);
        for (String value : connection) {
            int start = 0;
            while (start <= value.length()) {
                int comma = value.indexOf(',', start);
                int end = comma < 0 ? value.length() : comma;
                addNominated(names, value.substring(start, end).trim());
                start = end + 1;
            }
        }
        return names;
    }

    private static void addNominated(List<String> names, String option) throws MalformedHttpException {
        if (option.isEmpty() || isHopByHop(option) || HttpHeaderValues.CLOSE.contentEqualsIgnoreCase(option)) {
            return;
        }
        for (AsciiString name : PROTECTED) {
            if (name.contentEqualsIgnoreCase(option)) {
                throw new MalformedHttpException("Connection names " + name);
            }
        }
        names.add(option);
    }

    /**
     * Trailers, as far as they pass: none that a recipient might take for a field of the head and act upon (RFC 9110, 6.5.1), such as framing,
     * routing, authentication, cookies, or what a proxy says of its client. Both programs filter, in both directions.
     *
     * @throws MalformedHttpException if there are more than {@value #MAX_TRAILERS}, or one is malformed
     */
    public static HttpHeaders toTrailers(HttpHeaders received) throws MalformedHttpException {
        if (received.size() > MAX_TRAILERS) {
            throw new MalformedHttpException(received.size() + " trailers");
        }
        HttpHeaders passed = DefaultHttpHeadersFactory.trailersFactory().newHeaders();
        for (Map.Entry<String, String> field : received) {
            String name = field.getKey().toLowerCase(Locale.ROOT);
            boolean isOfHead = NEVER_TRAILERS.contains(name)
                    || name.startsWith("x-forwarded-")
                    || name.startsWith("content-")
                    || name.startsWith("proxy-")
                    || name.startsWith("impersonate-")
                    || name.startsWith("x-remote-")
                    || name.startsWith("sec-")
                    || name.indexOf('_') >= 0;
            if (!isOfHead) {
                passed.add(field.getKey(), field.getValue());
            }
        }
        return passed;
    }

    private static boolean isTrailersWish(CharSequence name, CharSequence value) {
        return HttpHeaderNames.TE.contentEqualsIgnoreCase(name)
                && HttpHeaderValues.TRAILERS.contentEqualsIgnoreCase(value);
    }

    /** Whether who sent the message says that it takes trailers, and nothing else, by {@code TE}. */
    public static boolean wantsTrailers(Headers carried) {
        List<String> wishes = carried.all(TE);
        return wishes.size() == 1 && wishes.get(0).equalsIgnoreCase(TRAILERS);
    }

    private static boolean passes(CharSequence name, List<String> nominated, boolean isUpgrade) {
        if (isHopByHop(name)) {
            return isUpgrade && HttpHeaderNames.UPGRADE.contentEqualsIgnoreCase(name);
        }
        for (int i = 0; i < nominated.size(); i++) {
            if (AsciiString.contentEqualsIgnoreCase(nominated.get(i), name)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isHopByHop(CharSequence name) {
        return switch (name.length()) {
            case 2 -> HttpHeaderNames.TE.contentEqualsIgnoreCase(name);
            case 7 -> HttpHeaderNames.UPGRADE.contentEqualsIgnoreCase(name);
            case 10 ->
                HttpHeaderNames.CONNECTION.contentEqualsIgnoreCase(name) || KEEP_ALIVE.contentEqualsIgnoreCase(name);
            case 16 -> PROXY_CONNECTION.contentEqualsIgnoreCase(name);
            case 17 -> HttpHeaderNames.TRANSFER_ENCODING.contentEqualsIgnoreCase(name);
            case 18 -> HttpHeaderNames.PROXY_AUTHENTICATE.contentEqualsIgnoreCase(name);
            case 19 -> HttpHeaderNames.PROXY_AUTHORIZATION.contentEqualsIgnoreCase(name);
            default -> false;
        };
    }

    private static void requireNoControls(CharSequence name, String value) throws MalformedHttpException {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c < ' ' && c != '\t' || c == 0x7f) {
                throw new MalformedHttpException("value of " + name + " holds control character " + (int) c);
            }
        }
    }

    /** What is written between two blanks of a request line must not bring blanks of its own. */
    private static void requireTarget(String target) throws MalformedHttpException {
        if (target.charAt(0) != '/' && !target.equals("*")) {
            throw new MalformedHttpException("a path must begin with a slash");
        }
        for (int i = 0; i < target.length(); i++) {
            char c = target.charAt(i);
            if (c <= ' ' || c == 0x7f || c > 0xff) {
                throw new MalformedHttpException("path or query holds character " + (int) c);
            }
        }
    }
}
