package io.tunnelmux.protocol.testing;

import static io.tunnelmux.protocol.testing.VectorFiles.required;

import com.fasterxml.jackson.databind.JsonNode;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The test vectors of messages, HELLO and envelopes, read into values. {@code vectors/messages/README.md} describes the files. Any thread. */
public final class MessageVectors {

    private MessageVectors() {}

    /**
     * All vectors of a set.
     *
     * @param set {@code messages/valid}, {@code hello/invalid} and so on
     */
    public static List<MessageVector> of(String set) {
        return VectorFiles.read(set).stream().map(MessageVectors::vector).toList();
    }

    private static MessageVector vector(JsonNode json) {
        Map<MessageFormat, Payload> written = new EnumMap<>(MessageFormat.class);
        if (json.has("hex")) {
            written.put(MessageFormat.CBOR, Payload.of(VectorFiles.bytes(required(json, "hex"))));
        }
        if (json.has("json")) {
            StringBuilder text = new StringBuilder();
            append(required(json, "json"), text);
            written.put(MessageFormat.JSON, Payload.of(text.toString().getBytes(StandardCharsets.UTF_8)));
        }
        if (json.has("json_hex")) {
            written.put(MessageFormat.JSON, Payload.of(VectorFiles.bytes(required(json, "json_hex"))));
        }
        return new MessageVector(required(json, "name").textValue(), written, value(json), breach(json.path("error")));
    }

    private static @Nullable Object value(JsonNode json) {
        if (json.has("hello")) {
            return HelloJson.hello(required(json, "hello"));
        }
        return json.has("message") ? MessageJson.message(required(json, "message")) : null;
    }

    private static @Nullable Breach breach(JsonNode json) {
        if (json.isMissingNode()) {
            return null;
        }
        ErrorCode code = ErrorCode.valueOf(required(json, "code").textValue());
        return switch (required(json, "scope").textValue()) {
            case "tunnel" -> new Breach(0, code);
            case "stream" -> new Breach(MessageVector.STREAM_ID, code);
            default -> throw new IllegalArgumentException("no such scope: " + json);
        };
    }

    /** As the bytes of other vectors: text, a repetition, or a list of these. */
    private static void append(JsonNode parts, StringBuilder text) {
        if (parts.isTextual()) {
            text.append(parts.textValue());
        } else if (parts.isArray()) {
            parts.forEach(part -> append(part, text));
        } else {
            text.append(required(parts, "repeat")
                    .textValue()
                    .repeat(required(parts, "times").intValue()));
        }
    }
}
