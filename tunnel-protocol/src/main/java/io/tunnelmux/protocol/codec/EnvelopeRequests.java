package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.EnvelopeRequest;
import io.tunnelmux.protocol.Message.EnvelopeRequest.BodyForm;
import io.tunnelmux.protocol.Message.HttpHead;
import io.tunnelmux.protocol.Message.ProxyRequest;
import io.tunnelmux.protocol.Message.Upgrade;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads a request from an envelope, whose fields have several spellings and forms. */
final class EnvelopeRequests {

    private static final String PROTOCOL_HEADER = "Sec-WebSocket-Protocol";

    private final Fields envelope;
    private final Fields fields;

    EnvelopeRequests(Fields envelope, Fields fields) {
        this.envelope = envelope;
        this.fields = fields;
    }

    Message read(String requestId) {
        Headers headers = headers();
        ProxyRequest request = new ProxyRequest(
                requestId,
                head(headers),
                upgrade(headers),
                MessageShapes.readDestination(fields),
                timeoutMillis(),
                fields.text("client_addr"),
                fields.text("traceparent"));
        boolean wantsWholeResponse = !fields.flag("supports_response_streaming");
        BodyForm form = bodyForm();
        if (form == BodyForm.INSIDE && !fields.has("body") && !wantsWholeResponse) {
            return request;
        }
        Payload body = form == BodyForm.INSIDE ? EnvelopeBodies.ofRequest(fields) : Payload.EMPTY;
        return new EnvelopeRequest(request, body, form, wantsWholeResponse);
    }

    private BodyForm bodyForm() {
        if (fields.flag("use_streaming") || fields.flag("streaming")) {
            return BodyForm.CHUNKS;
        }
        return fields.flag("body_binary") ? BodyForm.NEXT_MESSAGE : BodyForm.INSIDE;
    }

    private HttpHead head(Headers headers) {
        String method = MessageShapes.textOrEmpty(fields, "method");
        String path = MessageShapes.textOrEmpty(fields, "path");
        return new HttpHead(
                method.isEmpty() ? "GET" : method.toUpperCase(Locale.ROOT),
                path.isEmpty() ? "/" : path,
                query(fields),
                fields.text("scheme"),
                fields.text("authority"),
                headers);
    }

    /** An empty query is none here: many write one always. A bare question mark is said in so many words. */
    static @Nullable String query(Fields fields) {
        return fields.flag("bare_query") ? "" : MessageShapes.orNull(fields.text("query"));
    }

    private Headers headers() {
        Headers headers = fields.headers("headers");
        String protocol = MessageShapes.textOrEmpty(fields, "protocol").strip();
        if (protocol.isEmpty() || headers.contains(PROTOCOL_HEADER)) {
            return headers;
        }
        Headers.Builder more = Headers.builder();
        headers.forEach(more::add);
        return more.add(PROTOCOL_HEADER, protocol).build();
    }

    private Upgrade upgrade(Headers headers) {
        boolean isWebSocket = fields.has("is_websocket") || fields.has("isWebSocket")
                ? fields.flag("is_websocket") || fields.flag("isWebSocket")
                : looksLikeWebSocket(headers);
        boolean useZeroCopy = fields.flag("use_zero_copy") || fields.flag("useZeroCopy");
        return new Upgrade(isWebSocket, useZeroCopy, headData(fields.has("head_data") ? "head_data" : "headData"));
    }

    private static boolean looksLikeWebSocket(Headers headers) {
        return headers.all("Upgrade").stream().anyMatch("websocket"::equalsIgnoreCase)
                || headers.contains("Sec-WebSocket-Key")
                || headers.contains("Sec-WebSocket-Version")
                || headers.contains(PROTOCOL_HEADER);
    }

    /** Bytes, base64, other text as it is, or an array of numbers. */
    private Payload headData(String key) {
        Object value = fields.any(key);
        if (value instanceof List<?> numbers) {
            return bytesOf(key, numbers);
        } else if (value instanceof String text && fields.format() == MessageFormat.JSON) {
            try {
                return Payload.of(Base64.getDecoder().decode(text));
            } catch (IllegalArgumentException e) {
                return Payload.of(text.getBytes(StandardCharsets.UTF_8));
            }
        }
        return fields.bytes(key);
    }

    private static Payload bytesOf(String key, List<?> numbers) {
        byte[] bytes = new byte[numbers.size()];
        for (int i = 0; i < bytes.length; i++) {
            if (!(numbers.get(i) instanceof Long number) || number < 0 || number > 255) {
                throw new IllegalArgumentException(key + " holds something that is no byte");
            }
            bytes[i] = number.byteValue();
        }
        return Payload.of(bytes);
    }

    /** {@code deadline} goes before {@code timeout}, a number of milliseconds or a text as {@code 1m30s}. */
    private long timeoutMillis() {
        OffsetDateTime sent = EnvelopeTimes.parseOrNull(envelope.text("timestamp"));
        OffsetDateTime deadline = EnvelopeTimes.parseOrNull(fields.text("deadline"));
        if (sent != null && deadline != null) {
            return Math.max(1, Duration.between(sent, deadline).toMillis());
        }
        String text = fields.text("timeout");
        if (text != null) {
            return EnvelopeTimes.durationMillis(text);
        }
        return fields.uint("timeout", fields.uint("timeout_ms", 0, Long.MAX_VALUE), Long.MAX_VALUE);
    }
}
