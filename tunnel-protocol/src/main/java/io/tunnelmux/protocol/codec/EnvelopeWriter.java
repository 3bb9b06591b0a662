package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.Application;
import io.tunnelmux.protocol.Message.EnvelopeRequest;
import io.tunnelmux.protocol.Message.EnvelopeResponse;
import io.tunnelmux.protocol.Message.ProxyCancel;
import io.tunnelmux.protocol.Message.ProxyChunk;
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
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes one envelope, see {@link EnvelopeCodec}. */
final class EnvelopeWriter {

    private static final int USUAL_BYTES = 512;

    private final MessageFormat format;

    EnvelopeWriter(MessageFormat format) {
        this.format = format;
    }

    Payload write(Message message) {
        if (message instanceof ProxyChunk chunk) {
            return writeChunk(chunk);
        } else if (message instanceof ProxyWebSocketPing ping) {
            return writeWebSocketData(ping.requestId(), Opcode.PING, ping.data());
        } else if (message instanceof ProxyWebSocketPong pong) {
            return writeWebSocketData(pong.requestId(), Opcode.PONG, pong.data());
        } else if (message instanceof Application application) {
            return writeApplication(application);
        }
        AppMessages.Parts parts = AppMessages.parts(message);
        if (parts != null) {
            FieldWriter out = begin(message.type(), message.requestId(), USUAL_BYTES);
            return end(out.plain("payload", parts.payload()), parts.timestamp());
        }
        FieldWriter out =
                begin(typeOf(message), message.requestId(), sizeHint(message)).begin("payload");
        writePayload(message, out);
        return out.end().finish();
    }

    private static String typeOf(Message message) {
        if (message instanceof ProxyResponse) {
            return EnvelopeTypes.RESPONSE_HEADER;
        } else if (message instanceof ProxyStreamClose close && close.code() != 0) {
            return EnvelopeTypes.RESPONSE_ABORT;
        }
        return message.type();
    }

    private int sizeHint(Message message) {
        if (message instanceof EnvelopeRequest request) {
            return sizeOf(request.body());
        } else if (message instanceof EnvelopeResponse response) {
            return sizeOf(response.body());
        }
        return USUAL_BYTES;
    }

    private int sizeOf(Payload data) {
        long bytes = format == MessageFormat.CBOR ? data.length() : data.length() * 4L / 3 + 4;
        return (int) Math.min(bytes + USUAL_BYTES, Integer.MAX_VALUE - 8L);
    }

    private void writePayload(Message message, FieldWriter out) {
        if (message instanceof ProxyRequest request) {
            writeRequest(request, out);
            out.flag("supports_response_streaming", true);
        } else if (message instanceof EnvelopeRequest request) {
            writeEnvelopeRequest(request, out);
        } else if (message instanceof EnvelopeResponse response) {
            writeEnvelopeResponse(response, out);
        } else if (message instanceof ProxyError error) {
            writeError(error, out);
        } else if (message instanceof ProxyStreamClose close) {
            out.text(close.code() == 0 ? "reason" : "error", close.reason())
                    .number("code", Integer.toUnsignedLong(close.code()));
        } else if (message instanceof ProxyCancel cancel) {
            out.text("reason", cancel.reason()).number("code", Integer.toUnsignedLong(cancel.code()));
        } else if (message instanceof ProxyWebSocketClose close) {
            writeIds(close.requestId(), out);
            out.numberUnlessZero("code", close.code()).text("reason", MessageShapes.orNull(close.reason()));
        } else {
            if (message instanceof ProxyWebSocketStart start) {
                out.text("stream_id", start.requestId()).flagIfTrue("bare_query", isBare(start.query()));
            } else if (message instanceof TcpTunnelStart start) {
                writeTcpNames(start, out);
            }
            MessageShapes.Shape<?> shape = MessageShapes.of(message);
            if (shape == null) {
                throw new IllegalStateException("no envelope for " + message.type());
            }
            shape.write(message, out);
        }
    }

    private static void writeRequest(ProxyRequest request, FieldWriter out) {
        MessageShapes.writeProxyRequest(request, out);
        if (!request.upgrade().isWebSocket()) {
            out.flag("is_websocket", false); // said in so many words, or its headers would be asked
        }
        out.numberUnlessZero("timeout", request.timeoutMillis())
                .flagIfTrue("bare_query", isBare(request.head().query()));
    }

    private void writeEnvelopeRequest(EnvelopeRequest message, FieldWriter out) {
        writeRequest(message.request(), out);
        out.flag("supports_response_streaming", !message.wantsWholeResponse());
        switch (message.bodyForm()) {
            case INSIDE -> {
                if (message.body().length() > 0 || !message.wantsWholeResponse()) {
                    out.bytes("body", message.body().toByteArray()).text("body_encoding", ifJson("base64"));
                }
            }
            case CHUNKS -> out.flag("streaming", true).flag("use_streaming", true);
            case NEXT_MESSAGE -> out.flag("body_binary", true);
        }
    }

    private void writeEnvelopeResponse(EnvelopeResponse message, FieldWriter out) {
        out.number("status", message.response().status())
                .headers("headers", message.response().headers());
        if (message.body().length() > 0) {
            out.bytes("body", message.body().toByteArray()).text("encoding", ifJson("base64"));
        }
    }

    private static void writeError(ProxyError error, FieldWriter out) {
        out.text("error", error.message())
                .text("request_id", error.requestId())
                .text("code", error.code())
                .numberUnlessZero("status", error.status())
                .text("agent_id", error.agentId())
                .text("path", error.path())
                .text("cause", error.cause())
                .flagIfTrue("retryable", error.retryable());
    }

    /** Beside the tunnel's names those that agents in the field look for; they dial {@code gateway_port} of their own host. */
    private static void writeTcpNames(TcpTunnelStart start, FieldWriter out) {
        boolean isService = start.host() == null && start.destination().serviceName() != null;
        out.text("tunnel_id", start.requestId())
                .text("service_namespace", start.destination().namespace())
                .numberUnlessZero(
                        "gateway_port",
                        EnvelopeTypes.LOCALHOST.equals(start.host())
                                ? start.port()
                                : isService ? start.destination().servicePort() : 0);
    }

    private Payload writeChunk(ProxyChunk chunk) {
        Payload data = chunk.data();
        return switch (chunk.kind()) {
            case STREAM -> {
                FieldWriter out = beginPayload(ProxyChunk.TYPE, chunk);
                yield out.bytes("data", data.toByteArray())
                        .flagIfTrue("end", chunk.end())
                        .end()
                        .finish();
            }
            case REQUEST ->
                chunk.end()
                        ? beginPayload(EnvelopeTypes.REQUEST_END, chunk).end().finish()
                        : writeData(EnvelopeTypes.REQUEST_CHUNK, chunk);
            case RESPONSE ->
                chunk.end()
                        ? beginPayload(EnvelopeTypes.RESPONSE_END, chunk).end().finish()
                        : beginPayload(EnvelopeTypes.RESPONSE_CHUNK, chunk)
                                .bytes("data", data.toByteArray())
                                .text("encoding", ifJson("base64"))
                                .number("size", data.length())
                                .end()
                                .finish();
            case WEBSOCKET_TEXT -> writeWebSocketData(chunk.requestId(), Opcode.TEXT, data);
            case WEBSOCKET_BINARY -> writeWebSocketData(chunk.requestId(), Opcode.BINARY, data);
            case WEBSOCKET_CLOSE -> writeWebSocketData(chunk.requestId(), Opcode.CLOSE, data);
            case TCP -> writeData(EnvelopeTypes.TCP_DATA, chunk);
        };
    }

    private FieldWriter beginPayload(String type, ProxyChunk chunk) {
        return begin(type, chunk.requestId(), sizeOf(chunk.data())).begin("payload");
    }

    private Payload writeData(String type, ProxyChunk chunk) {
        return beginPayload(type, chunk)
                .bytes("data", chunk.data().toByteArray())
                .end()
                .finish();
    }

    private Payload writeWebSocketData(@Nullable String requestId, Opcode opcode, Payload data) {
        byte[] framed = new byte[1 + data.length()];
        framed[0] = (byte) opcode.value();
        data.copyTo(0, framed, 1, data.length());
        FieldWriter out =
                begin(EnvelopeTypes.WEBSOCKET_DATA, requestId, sizeOf(data)).begin("payload");
        writeIds(requestId, out);
        return out.bytes("data", framed)
                .number("message_type", opcode.value())
                .end()
                .finish();
    }

    private static void writeIds(@Nullable String requestId, FieldWriter out) {
        out.text("request_id", requestId).text("stream_id", requestId);
    }

    private Payload writeApplication(Application message) {
        Object payload = message.payload();
        if (payload != null && !(payload instanceof Map)) {
            throw new IllegalArgumentException(
                    "payload in an envelope is a map, not " + payload.getClass().getSimpleName());
        }
        FieldWriter out =
                begin(message.type(), message.requestId(), USUAL_BYTES).text("id", message.id());
        return end(out.plain("payload", payload).text("error", message.error()), message.timestamp());
    }

    private FieldWriter begin(String type, @Nullable String requestId, int sizeHint) {
        return FieldWriter.document(format, sizeHint).text("type", type).text("request_id", requestId);
    }

    private static Payload end(FieldWriter out, @Nullable String timestamp) {
        if (timestamp != null) {
            EnvelopeTimes.parse(timestamp);
        }
        return out.text("timestamp", timestamp).finish();
    }

    private @Nullable String ifJson(String encoding) {
        return format == MessageFormat.JSON ? encoding : null;
    }

    private static boolean isBare(@Nullable String query) {
        return query != null && query.isEmpty();
    }
}
