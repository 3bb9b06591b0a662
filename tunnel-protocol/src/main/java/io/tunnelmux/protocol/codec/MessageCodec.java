package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.Application;
import io.tunnelmux.protocol.Message.ProxyCancel;
import io.tunnelmux.protocol.Message.ProxyChunk;
import io.tunnelmux.protocol.Message.ProxyStreamClose;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Messages as the payload of OPEN and MESSAGE: one map whose {@code type} says what it is.
 *
 * <pre>
 *   {"type": "proxy_response", "request_id": "r-1", "status": 200, "headers": {"Content-Type": ["text/plain"]}}
 * </pre>
 *
 * Null is absent, of duplicate keys the last counts, unknown keys are ignored, and a type that is not known becomes an
 * {@link Application} message. The messages of a register ({@code register}, {@code heartbeat} and so on) have the fields of their
 * payload beside {@code type}, {@code request_id} and {@code timestamp}.
 *
 * <p>Stateless; any thread.
 */
public final class MessageCodec {

    /** Longest message, in bytes. */
    public static final int MAX_BYTES = Documents.MAX_BYTES;
    /** Deepest nesting of maps and lists, the message itself counted. */
    public static final int MAX_DEPTH = Documents.MAX_DEPTH;
    /** Most values in a message, maps and lists counted as one each. */
    public static final int MAX_VALUES = Documents.MAX_VALUES;
    /** Longest key of any map, in chars. */
    public static final int MAX_KEY_LENGTH = Documents.MAX_KEY_LENGTH;

    private static final int USUAL_BYTES = 1_024;
    private static final Set<String> RESERVED = Set.of("type", "request_id", "timestamp");

    private static final MessageCodec CBOR = new MessageCodec(MessageFormat.CBOR);
    private static final MessageCodec JSON = new MessageCodec(MessageFormat.JSON);

    private final MessageFormat format;

    private MessageCodec(MessageFormat format) {
        this.format = format;
    }

    /** The codec of a format. */
    public static MessageCodec of(MessageFormat format) {
        return format == MessageFormat.CBOR ? CBOR : JSON;
    }

    /** What it reads and writes. */
    public MessageFormat format() {
        return format;
    }

    /**
     * Writes a message, which stays the caller's. The payload is the caller's too and lies on the heap.
     *
     * @throws IllegalArgumentException for what only envelopes carry ({@link ProxyChunk}, {@link ProxyStreamClose} and
     *     {@link ProxyCancel} are frames of their own here), and for what breaks a limit of this class
     */
    public Payload encode(Message message) {
        FieldWriter out = FieldWriter.document(format, USUAL_BYTES);
        out.text("type", message.type());
        if (message instanceof Application application) {
            out.text("id", application.id())
                    .text("request_id", application.requestId())
                    .text("timestamp", application.timestamp())
                    .plain("payload", application.payload())
                    .text("error", application.error());
            return out.finish();
        }
        out.text("request_id", message.requestId());
        AppMessages.Parts parts = AppMessages.parts(message);
        if (parts != null) {
            out.text("timestamp", parts.timestamp());
            parts.payload().forEach((key, value) -> {
                if (RESERVED.contains(key)) {
                    throw new IllegalArgumentException(key + " stands beside the fields of a " + message.type());
                }
                out.plain(key, value);
            });
            return out.finish();
        }
        MessageShapes.Shape<?> shape = MessageShapes.of(message);
        if (shape == null) {
            throw new IllegalArgumentException(message.getClass().getSimpleName() + " is no message of a tunnel");
        }
        shape.write(message, out);
        return out.finish();
    }

    /**
     * Reads a message from {@code lent}, which is lent. Payloads inside the message are copies on the heap.
     *
     * @param streamId where it came: what is wrong with it costs that stream, or the tunnel if it is 0
     * @throws ProtocolException if it is malformed ({@link ErrorCode#PROTOCOL_ERROR}, of that scope)
     */
    public Message decode(int streamId, Payload lent) {
        try {
            return read(Documents.read(format, Scope.bytesOf(lent)));
        } catch (IllegalArgumentException e) {
            throw Scope.malformed(streamId, "message", e);
        }
    }

    private Message read(Map<String, @Nullable Object> map) {
        Fields fields = Fields.strict(format, map);
        String type = fields.needText("type");
        MessageShapes.Shape<?> shape = MessageShapes.of(type);
        if (shape != null) {
            return shape.reader().apply(fields);
        }
        AppMessages.Maker maker = AppMessages.maker(type);
        if (maker != null) {
            Map<String, Object> payload = new LinkedHashMap<>();
            map.forEach((key, value) -> {
                if (value != null && !RESERVED.contains(key)) {
                    payload.put(key, value);
                }
            });
            return maker.make(fields.text("request_id"), fields.text("timestamp"), payload);
        }
        return new Application(
                type,
                fields.text("id"),
                fields.text("request_id"),
                fields.text("timestamp"),
                fields.any("payload"),
                fields.text("error"));
    }
}
