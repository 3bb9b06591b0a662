package io.tunnelmux.netty.http;

import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.tunnelmux.netty.relay.MalformedHttpException;
import java.util.Iterator;
import java.util.Map;

/**
 * Header fields as HTTP/1.1 has them and as HTTP/2 has them (RFC 9113, 8.2). Without state; any thread.
 */
public final class Http2Fields {

    private static final String COOKIE_SEPARATOR = "; ";

    private Http2Fields() {}

    /**
     * Fields that came by HTTP/2, without the pseudo-header fields. {@code Cookie} is put together again where it was split into crumbs (8.2.3).
     *
     * @throws MalformedHttpException if a value is none: control characters in it, or blanks around it
     */
    public static HttpHeaders toHttp1(Http2Headers received) throws MalformedHttpException {
        HttpHeaders headers =
                DefaultHttpHeadersFactory.headersFactory().withValidation(false).newHeaders();
        StringBuilder cookie = null;
        for (Map.Entry<CharSequence, CharSequence> field : received) {
            CharSequence name = field.getKey();
            CharSequence value = field.getValue();
            requireValue(name, value);
            if (Http2Headers.PseudoHeaderName.hasPseudoHeaderFormat(name)) {
                continue;
            }
            if (!HttpHeaderNames.COOKIE.contentEquals(name)) {
                headers.add(name, value);
            } else if (cookie == null) {
                cookie = new StringBuilder(value);
            } else {
                cookie.append(COOKIE_SEPARATOR).append(value);
            }
        }
        if (cookie != null) {
            headers.add(HttpHeaderNames.COOKIE, cookie.toString());
        }
        return headers;
    }

    /** Fields to be sent by HTTP/2: names in lower case, and none that belongs to a connection of HTTP/1.1, nor {@code Host}; of {@code TE}, {@code trailers}. */
    public static Http2Headers toHttp2(HttpHeaders headers) {
        Http2Headers fields = new DefaultHttp2Headers(false, headers.size() + 4);
        Iterator<Map.Entry<CharSequence, CharSequence>> all = headers.iteratorCharSequence();
        while (all.hasNext()) {
            Map.Entry<CharSequence, CharSequence> field = all.next();
            AsciiString name = AsciiString.of(field.getKey()).toLowerCase();
            if (!isOfConnection(name) || isTrailersWish(name, field.getValue())) {
                fields.add(name, field.getValue());
            }
        }
        return fields;
    }

    @SuppressWarnings("deprecation") // Keep-Alive and Proxy-Connection are, and come all the same.
    private static boolean isOfConnection(AsciiString name) {
        return name.contentEquals(HttpHeaderNames.CONNECTION)
                || name.contentEquals(HttpHeaderNames.HOST)
                || name.contentEquals(HttpHeaderNames.KEEP_ALIVE)
                || name.contentEquals(HttpHeaderNames.PROXY_CONNECTION)
                || name.contentEquals(HttpHeaderNames.TE)
                || name.contentEquals(HttpHeaderNames.TRANSFER_ENCODING)
                || name.contentEquals(HttpHeaderNames.UPGRADE);
    }

    /** The one field about a connection that HTTP/2 has (8.2.2). */
    private static boolean isTrailersWish(AsciiString name, CharSequence value) {
        return name.contentEquals(HttpHeaderNames.TE) && HttpHeaderValues.TRAILERS.contentEqualsIgnoreCase(value);
    }

    private static void requireValue(CharSequence name, CharSequence value) throws MalformedHttpException {
        int length = value.length();
        for (int i = 0; i < length; i++) {
            char c = value.charAt(i);
            boolean isBlank = c == ' ' || c == '\t';
            if (isBlank ? i == 0 || i == length - 1 : c < ' ' || c == 0x7f) {
                throw new MalformedHttpException("value of " + name + " holds character " + (int) c + " at " + i);
            }
        }
    }
}
