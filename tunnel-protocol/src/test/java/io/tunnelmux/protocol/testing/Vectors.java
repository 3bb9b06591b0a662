package io.tunnelmux.protocol.testing;

import static io.tunnelmux.protocol.testing.VectorFiles.required;

import com.fasterxml.jackson.databind.JsonNode;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The test vectors of tunnel/1, read into values. {@code vectors/README.md} describes the files. Any thread. */
public final class Vectors {

    private static final int DEFAULT_MAX_FRAME_BYTES = 32_768;

    private Vectors() {}

    /** Bytes that are frames. */
    public static List<FrameVector> validFrames() {
        return VectorFiles.read("frames/valid").stream()
                .map(Vectors::frameVector)
                .toList();
    }

    /** Bytes that hold a breach that a reader of frames sees without knowing of any stream. */
    public static List<FrameVector> invalidFrames() {
        return VectorFiles.read("frames/invalid").stream()
                .map(Vectors::frameVector)
                .toList();
    }

    /** Conversations that only a whole tunnel can judge. */
    public static List<TunnelVector> tunnels() {
        return VectorFiles.read("tunnel").stream().map(TunnelJson::vector).toList();
    }

    private static FrameVector frameVector(JsonNode json) {
        return new FrameVector(
                required(json, "name").textValue(),
                json.path("max_frame").asInt(DEFAULT_MAX_FRAME_BYTES),
                json.path("receive_only").booleanValue(),
                Payload.of(VectorFiles.bytes(required(json, "hex"))),
                frames(json.path("frames")),
                breach(json.path("error")),
                frames(json.path("frames_after")));
    }

    private static List<Frame> frames(JsonNode json) {
        List<Frame> frames = new ArrayList<>();
        json.forEach(frame -> frames.add(FrameJson.frame(frame)));
        return frames;
    }

    private static @Nullable Breach breach(JsonNode json) {
        if (json.isMissingNode()) {
            return null;
        }
        int streamId = switch (required(json, "scope").textValue()) {
            case "tunnel" -> 0;
            case "stream" -> required(json, "stream_id").intValue();
            default -> throw new IllegalArgumentException("no such scope: " + json);
        };
        return new Breach(streamId, ErrorCode.valueOf(required(json, "code").textValue()));
    }
}
