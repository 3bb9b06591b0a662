package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.Application;
import io.tunnelmux.protocol.Message.Destination;
import io.tunnelmux.protocol.Message.EnvelopeResponse;
import io.tunnelmux.protocol.Message.ProxyCancel;
import io.tunnelmux.protocol.Message.ProxyChunk;
import io.tunnelmux.protocol.Message.ProxyChunk.Kind;
import io.tunnelmux.protocol.Message.ProxyError;
import io.tunnelmux.protocol.Message.ProxyRequest;
import io.tunnelmux.protocol.Message.ProxyResponse;
import io.tunnelmux.protocol.Message.ProxyStreamClose;
import io.tunnelmux.protocol.Message.ProxyWebSocketClose;
import io.tunnelmux.protocol.Message.ProxyWebSocketPing;
import io.tunnelmux.protocol.Message.ProxyWebSocketPong;
import io.tunnelmux.protocol.Message.ProxyWebSocketStart;
import io.tunnelmux.protocol.Message.TcpTunnelStart;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads one envelope, see {@link EnvelopeCodec}. What is wrong with it is an {@link IllegalArgumentException}. */
final class EnvelopeReader {

    private static final Set<String> NAMES = Set.of("type", "request_id", "payload", "timestamp", "id", "error");

    private final MessageFormat format;

    EnvelopeReader(MessageFormat format) {
        this.format = format;
    }

    Message read(Map<String, @Nullable Object> map) {
        Fields envelope = Fields.strict(format, withNamesInLowerCase(map));
        String type = envelope.needText("type");
        if (envelope.has("timestamp")) {
            EnvelopeTimes.parse(envelope.needText("timestamp"));
        }
        String requestId = MessageShapes.orNull(envelope.text("request_id"));
        Map<String, @Nullable Object> payload = envelope.map("payload");
        Fields fields = Fields.lenient(format, payload == null ? new LinkedHashMap<>() : payload);
        return switch (type) {
            case ProxyRequest.TYPE -> new EnvelopeRequests(envelope, fields).read(needId(requestId));
            case EnvelopeTypes.RESPONSE_HEADER -> response(needId(requestId), fields);
            case ProxyResponse.TYPE ->
                new EnvelopeResponse(response(needId(requestId), fields), EnvelopeBodies.ofResponse(fields));
            case ProxyError.TYPE -> error(idOf(requestId, fields, "request_id"), fields);
            case ProxyChunk.TYPE, EnvelopeTypes.STREAM_CHUNK, EnvelopeTypes.STREAM_DATA ->
                streamChunk(needId(requestId), payload == null ? Fields.lenient(format, map) : fields);
            case EnvelopeTypes.REQUEST_CHUNK ->
                new ProxyChunk(
                        needId(requestId),
                        fields.needBytes(fields.has("data") ? "data" : "chunk"),
                        false,
                        Kind.REQUEST);
            case EnvelopeTypes.REQUEST_END -> new ProxyChunk(needId(requestId), Payload.EMPTY, true, Kind.REQUEST);
            case EnvelopeTypes.RESPONSE_CHUNK -> responseChunk(needId(requestId), fields);
            case EnvelopeTypes.RESPONSE_END -> new ProxyChunk(needId(requestId), Payload.EMPTY, true, Kind.RESPONSE);
            case EnvelopeTypes.RESPONSE_ABORT ->
                new ProxyStreamClose(needId(requestId), code(fields, ErrorCode.UPSTREAM_RESET), reason(fields));
            case EnvelopeTypes.TCP_DATA -> new ProxyChunk(needId(requestId), fields.needBytes("data"), false, Kind.TCP);
            case EnvelopeTypes.TCP_CLOSE -> tcpClose(needId(requestId), fields);
            case TcpTunnelStart.TYPE -> tcpStart(needId(requestId), fields);
            case ProxyStreamClose.TYPE ->
                streamClose(needId(requestId), payload == null ? Fields.lenient(format, map) : fields);
            case ProxyCancel.TYPE ->
                new ProxyCancel(needId(requestId), code(fields, ErrorCode.CANCELLED), reason(fields));
            case ProxyWebSocketStart.TYPE, EnvelopeTypes.WS_START ->
                webSocketStart(idOf(requestId, fields, "stream_id"), fields);
            case EnvelopeTypes.WEBSOCKET_DATA, EnvelopeTypes.WS_DATA ->
                webSocketData(idOf(requestId, fields, "request_id", "stream_id"), fields);
            case ProxyWebSocketClose.TYPE, EnvelopeTypes.WS_CLOSE ->
                new ProxyWebSocketClose(
                        idOf(requestId, fields, "request_id", "stream_id"),
                        fields.uint("code", 0, 65_535),
                        MessageShapes.textOrEmpty(fields, "reason"));
            default -> other(type, requestId, envelope, payload);
        };
    }

    /** The envelope's own names are the same in any case; of several spellings the last counts. */
    private static Map<String, @Nullable Object> withNamesInLowerCase(Map<String, @Nullable Object> map) {
        Map<String, @Nullable Object> names = new LinkedHashMap<>();
        map.forEach((key, value) -> {
            String name = key.toLowerCase(Locale.ROOT);
            if (NAMES.contains(name)) {
                names.put(name, value);
            }
        });
        return names;
    }

    private Message other(
            String type, @Nullable String requestId, Fields envelope, @Nullable Map<String, @Nullable Object> payload) {
        MessageShapes.Shape<?> shape = MessageShapes.of(type);
        if (shape != null) {
            Map<String, @Nullable Object> fields = payload == null ? new LinkedHashMap<>() : payload;
            if (requestId != null) {
                fields.put("request_id", requestId);
            }
            return shape.reader().apply(Fields.lenient(format, fields));
        }
        String timestamp = envelope.text("timestamp");
        AppMessages.Maker maker = AppMessages.maker(type);
        if (maker != null) {
            return maker.make(requestId, timestamp, withoutNulls(payload));
        }
        String id = envelope.any("id") instanceof String text ? text : null;
        String error = envelope.any("error") instanceof String text ? text : null;
        return new Application(type, id, requestId, timestamp, payload, error);
    }

    private static Map<String, Object> withoutNulls(@Nullable Map<String, @Nullable Object> payload) {
        Map<String, Object> fields = new LinkedHashMap<>();
        if (payload != null) {
            payload.forEach((key, value) -> {
                if (value != null) {
                    fields.put(key, value);
                }
            });
        }
        return fields;
    }

    private static ProxyResponse response(String requestId, Fields fields) {
        return new ProxyResponse(requestId, fields.needUint("status", 999), fields.headers("headers"));
    }

    /** Agents in the field give a text and nothing else. */
    private static ProxyError error(@Nullable String requestId, Fields fields) {
        String message = fields.text("error");
        String code = MessageShapes.orNull(fields.text("code"));
        int status = fields.uint("status", 0, 999);
        return new ProxyError(
                needId(requestId),
                code == null ? ErrorCode.INTERNAL_ERROR.wireName() : code,
                message == null ? MessageShapes.textOrEmpty(fields, "message") : message,
                status < 100 ? 0 : status,
                fields.text("agent_id"),
                fields.text("path"),
                fields.text("cause"),
                fields.flag("retryable"));
    }

    private static ProxyChunk streamChunk(String requestId, Fields fields) {
        boolean isEnd = fields.flag("end");
        return new ProxyChunk(requestId, isEnd ? fields.bytes("data") : fields.needBytes("data"), isEnd);
    }

    private static ProxyChunk responseChunk(String requestId, Fields fields) {
        String encoding = fields.text("encoding");
        if (encoding != null && !encoding.equals("base64")) {
            throw new IllegalArgumentException("a chunk with an encoding that is not base64");
        }
        return new ProxyChunk(requestId, fields.needBytes("data"), false, Kind.RESPONSE);
    }

    private static ProxyStreamClose streamClose(String requestId, Fields fields) {
        return new ProxyStreamClose(requestId, code(fields, ErrorCode.NO_ERROR), reason(fields));
    }

    private static ProxyStreamClose tcpClose(String requestId, Fields fields) {
        ErrorCode code = switch (MessageShapes.textOrEmpty(fields, "reason")) {
            case "connection_failed" -> ErrorCode.UPSTREAM_UNREACHABLE;
            case "registration_failed" -> ErrorCode.REFUSED;
            case "write_error" -> ErrorCode.UPSTREAM_RESET;
            default -> ErrorCode.NO_ERROR;
        };
        return new ProxyStreamClose(requestId, code.value(), reason(fields));
    }

    private static TcpTunnelStart tcpStart(String requestId, Fields fields) {
        Destination destination = MessageShapes.readDestination(fields);
        if (destination.namespace() == null) {
            destination = new Destination(
                    destination.target(),
                    destination.serviceName(),
                    fields.text("service_namespace"),
                    destination.servicePort());
        }
        String host = MessageShapes.orNull(fields.text("host"));
        int port = fields.uint("port", 0, 65_535);
        int gatewayPort = fields.uint("gateway_port", 0, 65_535);
        if (host == null && destination.serviceName() == null && gatewayPort > 0) {
            host = EnvelopeTypes.LOCALHOST;
            port = gatewayPort;
        }
        return new TcpTunnelStart(
                requestId,
                destination,
                host,
                port,
                fields.text("client_addr"),
                fields.uint("timeout_ms", 0, Long.MAX_VALUE));
    }

    private static ProxyWebSocketStart webSocketStart(@Nullable String streamId, Fields fields) {
        return new ProxyWebSocketStart(
                needId(streamId),
                fields.needText("path"),
                MessageShapes.orNull(fields.text("method")),
                EnvelopeRequests.query(fields),
                fields.text("protocol"),
                fields.headers("headers"),
                fields.text("target"));
    }

    /** The first byte tells what it is; where it does not, {@code message_type} does. */
    private static Message webSocketData(@Nullable String streamId, Fields fields) {
        Payload data = fields.needBytes("data");
        Opcode opcode = data.length() == 0 ? null : Opcode.of(data.byteAt(0));
        if (opcode != null) {
            data = data.dropFirst(1);
        } else {
            opcode = Opcode.of(fields.uint("message_type", 0, 15));
        }
        if (opcode == null) {
            throw new IllegalArgumentException("WebSocket data of no known type");
        }
        return switch (opcode) {
            case TEXT -> new ProxyChunk(needId(streamId), data, false, Kind.WEBSOCKET_TEXT);
            case BINARY -> new ProxyChunk(needId(streamId), data, false, Kind.WEBSOCKET_BINARY);
            case CLOSE -> new ProxyChunk(needId(streamId), data, false, Kind.WEBSOCKET_CLOSE);
            case PING -> new ProxyWebSocketPing(streamId, data);
            case PONG -> new ProxyWebSocketPong(streamId, data);
        };
    }

    private static int code(Fields fields, ErrorCode absent) {
        return (int) fields.uint("code", absent.value(), 0xffff_ffffL);
    }

    private static String reason(Fields fields) {
        String error = fields.text("error");
        return error == null ? MessageShapes.textOrEmpty(fields, "reason") : error;
    }

    /** The first of these fields that is there, else the envelope's own id. */
    private static @Nullable String idOf(@Nullable String requestId, Fields fields, String... keys) {
        for (String key : keys) {
            String id = MessageShapes.orNull(fields.text(key));
            if (id != null) {
                return id;
            }
        }
        return requestId;
    }

    private static String needId(@Nullable String requestId) {
        if (requestId == null) {
            throw new IllegalArgumentException("request_id is missing");
        }
        return requestId;
    }
}
