package io.tunnelmux.protocol.testing;

import static io.tunnelmux.protocol.testing.VectorFiles.required;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import java.math.BigInteger;
import java.util.HexFormat;

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

    /** The other way; {@link ExpectedFrame} compares with it. */
    static JsonNode json(Frame frame) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("stream_id", frame.streamId());
        frame.deliverTo(new FrameHandler() {
            @Override
            public void onData(Frame.Data data) {
                json.put("type", "DATA").put("payload", hex(data.payload()));
                flags(json, data.isEnd(), data.hasMore());
                json.put("text", data.isText());
            }

            @Override
            public void onOpen(Frame.Open open) {
                json.put("type", "OPEN").put("payload", hex(open.payload()));
                flags(json, open.isEnd(), open.hasMore());
            }

            @Override
            public void onMessage(Frame.Message message) {
                json.put("type", "MESSAGE").put("payload", hex(message.payload()));
                flags(json, message.isEnd(), message.hasMore());
            }

            @Override
            public void onWindow(Frame.Window window) {
                json.put("type", "WINDOW").put("increment", window.increment());
            }

            @Override
            public void onClose(Frame.Close close) {
                json.put("type", "CLOSE").put("code", Integer.toUnsignedLong(close.code()));
                json.put("reason", close.reason());
            }

            @Override
            public void onCancel(Frame.Cancel cancel) {
                json.put("type", "CANCEL").put("code", Integer.toUnsignedLong(cancel.code()));
                json.put("reason", cancel.reason());
            }

            @Override
            public void onPing(Frame.Ping ping) {
                json.put("type", "PING").put("opaque", HexFormat.of().toHexDigits(ping.opaque()));
                json.put("reply", ping.isReply());
            }

            @Override
            public void onGoAway(Frame.GoAway goAway) {
                json.put("type", "GOAWAY").put("last_stream_id", goAway.lastStreamId());
                json.put("code", Integer.toUnsignedLong(goAway.code()));
                json.put("reconnect_after_ms", goAway.reconnectAfterMillis());
                json.put("reason", goAway.reason());
            }

            @Override
            public void onHello(Frame.Hello hello) {
                json.put("type", "HELLO").put("payload", hex(hello.payload()));
                json.put("reply", hello.isReply());
            }

            @Override
            public void onAck(Frame.Ack ack) {
                json.put("type", "ACK").put("received", Long.toUnsignedString(ack.received()));
            }

            @Override
            public void onExtension(Frame.Extension extension) {
                json.put("type", "EXTENSION").put("frame_type", extension.type());
                json.put("length", extension.length());
            }

            @Override
            public void onStreamBreach(ProtocolException breach) {
                throw new AssertionError("no frame is a breach", breach);
            }
        });
        return json;
    }

    private static void flags(ObjectNode json, boolean isEnd, boolean hasMore) {
        json.put("end", isEnd).put("more", hasMore);
    }

    private static String hex(Payload payload) {
        return HexFormat.of().formatHex(payload.toByteArray());
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
