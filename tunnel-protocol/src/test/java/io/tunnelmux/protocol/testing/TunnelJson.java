package io.tunnelmux.protocol.testing;

import static io.tunnelmux.protocol.testing.VectorFiles.required;

import com.fasterxml.jackson.databind.JsonNode;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Vectors of {@code tunnel} as JSON tells them. */
final class TunnelJson {

    private static final int HEADER_BYTES = 8;
    private static final int HELLO_TYPE = 8;

    private TunnelJson() {}

    static TunnelVector vector(JsonNode json) {
        List<TunnelStep> steps = new ArrayList<>();
        required(json, "steps").forEach(step -> steps.add(step(step)));
        return new TunnelVector(
                required(json, "name").textValue(),
                constant(TunnelVector.Role.class, required(json, "role").textValue()),
                numbers(json.path("settings")),
                texts(json.path("capabilities")),
                hello(json.path("peer_hello")),
                numbers(json.path("peer_settings")),
                constant(
                        TunnelVector.Application.class, json.path("application").asText("takes")),
                json.has("ignore") ? texts(json.get("ignore")) : Set.of("WINDOW", "PING", "ACK"),
                steps);
    }

    private static TunnelStep step(JsonNode json) {
        if (json.size() != 1) {
            throw new IllegalArgumentException("one step has one member: " + json);
        }
        String verb = json.fieldNames().next();
        JsonNode it = json.get(verb);
        return switch (verb) {
            case "receive" -> new TunnelStep.Receive(bytes(it));
            case "advance_ms" -> new TunnelStep.Advance(it.longValue());
            case "open" -> new TunnelStep.Open(streamId(it), bytes(required(it, "message")), isEnd(it));
            case "send_message" -> new TunnelStep.SendMessage(streamId(it), bytes(required(it, "message")), isEnd(it));
            case "send_data" -> new TunnelStep.SendData(streamId(it), bytes(required(it, "data")), isEnd(it));
            case "close" -> new TunnelStep.Close(streamId(it), code(it));
            case "cancel" -> new TunnelStep.Cancel(streamId(it), code(it));
            case "consume" ->
                new TunnelStep.Consume(streamId(it), required(it, "bytes").intValue());
            case "drain" -> new TunnelStep.Drain();
            case "expect" -> {
                List<ExpectedFrame> frames = new ArrayList<>();
                it.forEach(frame -> frames.add(new ExpectedFrame(frame)));
                yield new TunnelStep.Expect(frames);
            }
            case "expect_sent" ->
                new TunnelStep.ExpectSent(streamId(it), required(it, "bytes").longValue(), isEnd(it));
            case "expect_closed" ->
                new TunnelStep.ExpectClosed(
                        it.has("websocket_code")
                                ? OptionalInt.of(it.get("websocket_code").intValue())
                                : OptionalInt.empty());
            case "expect_opened" -> new TunnelStep.ExpectOpened(streamId(it), messageType(it));
            case "expect_message" -> new TunnelStep.ExpectMessage(streamId(it), messageType(it), isEnd(it));
            case "expect_data" -> new TunnelStep.ExpectData(streamId(it), bytes(required(it, "data")), isEnd(it));
            case "expect_ended" -> new TunnelStep.ExpectEnded(streamId(it), code(it));
            default -> throw new IllegalArgumentException("no such step: " + json);
        };
    }

    private static Frame.@Nullable Hello hello(JsonNode json) {
        if (json.isMissingNode()) {
            return null;
        }
        Payload frame = bytes(json);
        long header = frame.longAt(0);
        if (header >>> 56 != HELLO_TYPE || (header >>> 32 & 0xffff) != frame.length() - HEADER_BYTES) {
            throw new IllegalArgumentException("no HELLO frame: " + frame);
        }
        return new Frame.Hello(frame.dropFirst(HEADER_BYTES), (header >>> 48 & Frame.FLAG_REPLY) != 0);
    }

    private static Map<String, Long> numbers(JsonNode json) {
        Map<String, Long> numbers = new LinkedHashMap<>();
        json.properties()
                .forEach(
                        member -> numbers.put(member.getKey(), member.getValue().longValue()));
        return numbers;
    }

    private static Set<String> texts(JsonNode json) {
        Set<String> texts = new LinkedHashSet<>();
        json.forEach(text -> texts.add(text.textValue()));
        return texts;
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String name) {
        return Enum.valueOf(type, name.toUpperCase(Locale.ROOT));
    }

    private static int streamId(JsonNode json) {
        return required(json, "stream_id").intValue();
    }

    private static boolean isEnd(JsonNode json) {
        return json.path("end").booleanValue();
    }

    private static String messageType(JsonNode json) {
        return required(json, "message_type").textValue();
    }

    private static ErrorCode code(JsonNode json) {
        return ErrorCode.valueOf(required(json, "code").textValue());
    }

    private static Payload bytes(JsonNode json) {
        return Payload.of(VectorFiles.bytes(json));
    }
}
