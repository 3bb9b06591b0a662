package io.tunnelmux.protocol.testing;

import com.fasterxml.jackson.databind.JsonNode;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import java.util.Arrays;
import java.util.List;

/**
 * What a vector tells of a frame: members that it does not tell may have any value, and flags that it does not tell are not set. Any thread.
 */
public final class ExpectedFrame {

    private static final List<String> FLAGS = List.of("end", "more", "text", "reply");

    private final JsonNode expected;

    ExpectedFrame(JsonNode expected) {
        this.expected = expected;
    }

    /** Compares; the frame's payload, if it is to be compared, must still be readable. */
    public boolean matches(Frame frame) {
        JsonNode actual = FrameJson.json(frame);
        for (String flag : FLAGS) {
            if (actual.path(flag).booleanValue() != expected.path(flag).booleanValue()) {
                return false;
            }
        }
        return expected.properties().stream()
                .allMatch(member -> matches(member.getKey(), member.getValue(), actual.path(member.getKey())));
    }

    private static boolean matches(String name, JsonNode expected, JsonNode actual) {
        return switch (name) {
            case "payload", "opaque" ->
                actual.isTextual() && Arrays.equals(VectorFiles.bytes(expected), VectorFiles.bytes(actual));
            case "code" ->
                actual.asLong(-1) == ErrorCode.valueOf(expected.textValue()).value();
            case "end", "more", "text", "reply" -> true;
            default -> expected.asText().equals(actual.asText());
        };
    }

    @Override
    public String toString() {
        return expected.toString();
    }
}
