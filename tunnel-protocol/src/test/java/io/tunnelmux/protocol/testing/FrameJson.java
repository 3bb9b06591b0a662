package io.tunnelmux.protocol.testing;

import static io.tunnelmux.protocol.testing.VectorFiles.required;

import com.fasterxml.jackson.databind.JsonNode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.math.BigInteger;

/** Frames as the vectors' JSON tells them. */
final class FrameJson {

    private FrameJson() {}

    static Frame frame(JsonNode json) {
        return switch (required(json, "type").textValue()) {
            case "DATA" -> new Frame.Data(streamId(json), payload(json), flags(json));
            case "OPEN" -> new Frame.Open(streamId(json), payload(json), flags(json));
            case "MESSAGE" -> new Frame.Message(streamId(json), payload(json), flags(json));
            case "WINDOW" -> new Frame.Window(streamId(json), integer(json, "increment"));
            case "CLOSE" -> new Frame.Close(streamId(json), unsigned(json, "code"), text(json, "reason"));
            case "CANCEL" -> new Frame.Cancel(streamId(json), unsigned(json, "code"), text(json, "reason"));
            case "PING" -> new Frame.Ping(opaque(json), json.path("reply").booleanValue());
            case "GOAWAY" ->
                new Frame.GoAway(
                        integer(json, "last_stream_id"),
                        unsigned(json, "code"),
                        required(json, "reconnect_after_ms").longValue(),
                        text(json, "reason"));
            case "HELLO" -> new Frame.Hello(payload(json), json.path("reply").booleanValue());
            case "ACK" -> new Frame.Ack(new BigInteger(text(json, "received")).longValue());
            case "EXTENSION" ->
                new Frame.Extension(integer(json, "frame_type"), streamId(json), integer(json, "length"));
            default -> throw new IllegalArgumentException("no such frame: " + json);
        };
    }

    private static int flags(JsonNode json) {
        return (json.path("end").booleanValue() ? Frame.FLAG_END : 0)
                | (json.path("more").booleanValue() ? Frame.FLAG_MORE : 0)
                | (json.path("text").booleanValue() ? Frame.FLAG_TEXT : 0);
    }

    private static int streamId(JsonNode json) {
        return integer(json, "stream_id");
    }

    private static Payload payload(JsonNode json) {
        return Payload.of(VectorFiles.bytes(required(json, "payload")));
    }

    private static long opaque(JsonNode json) {
        return Payload.of(VectorFiles.bytes(required(json, "opaque"))).longAt(0);
    }

    private static int integer(JsonNode json, String name) {
        return Math.toIntExact(required(json, name).longValue());
    }

    private static int unsigned(JsonNode json, String name) {
        return (int) required(json, name).longValue();
    }

    private static String text(JsonNode json, String name) {
        return required(json, name).textValue();
    }
}
