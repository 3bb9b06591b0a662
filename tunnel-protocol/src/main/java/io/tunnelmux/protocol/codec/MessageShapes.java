package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.Check;
import io.tunnelmux.protocol.Message.Destination;
import io.tunnelmux.protocol.Message.HealthProbe;
import io.tunnelmux.protocol.Message.HttpHead;
import io.tunnelmux.protocol.Message.ProxyError;
import io.tunnelmux.protocol.Message.ProxyRequest;
import io.tunnelmux.protocol.Message.ProxyResponse;
import io.tunnelmux.protocol.Message.ProxyTrailers;
import io.tunnelmux.protocol.Message.ProxyWebSocketClose;
import io.tunnelmux.protocol.Message.ProxyWebSocketOpen;
import io.tunnelmux.protocol.Message.ProxyWebSocketPing;
import io.tunnelmux.protocol.Message.ProxyWebSocketPong;
import io.tunnelmux.protocol.Message.ProxyWebSocketStart;
import io.tunnelmux.protocol.Message.TcpTunnelConnected;
import io.tunnelmux.protocol.Message.TcpTunnelStart;
import io.tunnelmux.protocol.Message.UdpTunnelStart;
import io.tunnelmux.protocol.Message.Upgrade;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which fields each type of message has, {@code type} and {@code request_id} aside: those stand where the codec puts them. A reader
 * finds {@code request_id} among the fields all the same.
 */
final class MessageShapes {

    /** One type of message. */
    record Shape<T extends Message>(
            String type, Class<T> javaType, Function<Fields, T> reader, BiConsumer<T, FieldWriter> writer) {

        void write(Message message, FieldWriter out) {
            writer.accept(javaType.cast(message), out);
        }
    }

    private static final List<Shape<?>> ALL = List.of(
            new Shape<>(
                    ProxyRequest.TYPE,
                    ProxyRequest.class,
                    MessageShapes::readProxyRequest,
                    MessageShapes::writeProxyRequest),
            new Shape<>(
                    ProxyResponse.TYPE,
                    ProxyResponse.class,
                    MessageShapes::readProxyResponse,
                    (message, out) ->
                            out.number("status", message.status()).headersUnlessEmpty("headers", message.headers())),
            new Shape<>(
                    ProxyTrailers.TYPE,
                    ProxyTrailers.class,
                    fields -> new ProxyTrailers(fields.text("request_id"), needHeaders(fields)),
                    (message, out) -> out.headers("headers", message.headers())),
            new Shape<>(
                    ProxyError.TYPE, ProxyError.class, MessageShapes::readProxyError, MessageShapes::writeProxyError),
            new Shape<>(
                    ProxyWebSocketStart.TYPE,
                    ProxyWebSocketStart.class,
                    MessageShapes::readWebSocketStart,
                    MessageShapes::writeWebSocketStart),
            new Shape<>(
                    ProxyWebSocketOpen.TYPE,
                    ProxyWebSocketOpen.class,
                    fields -> new ProxyWebSocketOpen(
                            fields.needText("request_id"), fields.text("protocol"), fields.headers("headers")),
                    (message, out) ->
                            out.text("protocol", message.protocol()).headersUnlessEmpty("headers", message.headers())),
            new Shape<>(
                    ProxyWebSocketClose.TYPE,
                    ProxyWebSocketClose.class,
                    fields -> new ProxyWebSocketClose(
                            fields.text("request_id"), fields.uint("code", 0, 65_535), textOrEmpty(fields, "reason")),
                    (message, out) ->
                            out.numberUnlessZero("code", message.code()).text("reason", orNull(message.reason()))),
            new Shape<>(
                    ProxyWebSocketPing.TYPE,
                    ProxyWebSocketPing.class,
                    fields -> new ProxyWebSocketPing(fields.text("request_id"), fields.bytes("data")),
                    (message, out) -> out.bytesUnlessEmpty("data", message.data())),
            new Shape<>(
                    ProxyWebSocketPong.TYPE,
                    ProxyWebSocketPong.class,
                    fields -> new ProxyWebSocketPong(fields.text("request_id"), fields.bytes("data")),
                    (message, out) -> out.bytesUnlessEmpty("data", message.data())),
            new Shape<>(
                    TcpTunnelStart.TYPE,
                    TcpTunnelStart.class,
                    MessageShapes::readTcpStart,
                    MessageShapes::writeTcpStart),
            new Shape<>(
                    TcpTunnelConnected.TYPE,
                    TcpTunnelConnected.class,
                    fields -> new TcpTunnelConnected(fields.needText("request_id")),
                    (message, out) -> {}),
            new Shape<>(
                    UdpTunnelStart.TYPE,
                    UdpTunnelStart.class,
                    MessageShapes::readUdpStart,
                    MessageShapes::writeUdpStart),
            new Shape<>(
                    HealthProbe.TYPE,
                    HealthProbe.class,
                    MessageShapes::readHealthProbe,
                    MessageShapes::writeHealthProbe));

    private static final Map<String, Shape<?>> BY_TYPE =
            ALL.stream().collect(Collectors.toUnmodifiableMap(Shape::type, shape -> shape));
    private static final Map<Class<?>, Shape<?>> BY_CLASS =
            ALL.stream().collect(Collectors.toUnmodifiableMap(Shape::javaType, shape -> shape));

    private MessageShapes() {}

    /** The shape of a type on the wire, or null: it has none of a fixed shape. */
    static @Nullable Shape<?> of(String type) {
        return BY_TYPE.get(type);
    }

    /** The shape of a message, or null: it has none of a fixed shape. */
    static @Nullable Shape<?> of(Message message) {
        return BY_CLASS.get(message.getClass());
    }

    static ProxyRequest readProxyRequest(Fields fields) {
        HttpHead head = new HttpHead(
                fields.needText("method"),
                fields.needText("path"),
                fields.text("query"),
                fields.text("scheme"),
                fields.text("authority"),
                fields.headers("headers"));
        Upgrade upgrade =
                new Upgrade(fields.flag("is_websocket"), fields.flag("use_zero_copy"), fields.bytes("head_data"));
        return new ProxyRequest(
                fields.needText("request_id"),
                head,
                upgrade,
                readDestination(fields),
                fields.uint("timeout_ms", 0, Long.MAX_VALUE),
                fields.text("client_addr"),
                fields.text("traceparent"));
    }

    static void writeProxyRequest(ProxyRequest message, FieldWriter out) {
        writeHead(message.head(), out);
        out.flagIfTrue("is_websocket", message.upgrade().isWebSocket())
                .flagIfTrue("use_zero_copy", message.upgrade().useZeroCopy())
                .bytesUnlessEmpty("head_data", message.upgrade().headData())
                .numberUnlessZero("timeout_ms", message.timeoutMillis());
        writeDestination(message.destination(), out);
        out.text("client_addr", message.clientAddr()).text("traceparent", message.traceparent());
    }

    private static void writeHead(HttpHead head, FieldWriter out) {
        out.text("method", head.method())
                .text("path", head.path())
                .text("query", head.query())
                .text("scheme", head.scheme())
                .text("authority", head.authority())
                .headersUnlessEmpty("headers", head.headers());
    }

    static Destination readDestination(Fields fields) {
        return new Destination(
                fields.text("target"),
                fields.text("service_name"),
                fields.text("namespace"),
                fields.uint("service_port", 0, 65_535));
    }

    static void writeDestination(Destination destination, FieldWriter out) {
        out.text("target", destination.target())
                .text("service_name", destination.serviceName())
                .text("namespace", destination.namespace())
                .numberUnlessZero("service_port", destination.servicePort());
    }

    private static ProxyResponse readProxyResponse(Fields fields) {
        return new ProxyResponse(
                fields.needText("request_id"), fields.needUint("status", 999), fields.headers("headers"));
    }

    private static ProxyError readProxyError(Fields fields) {
        return new ProxyError(
                fields.needText("request_id"),
                fields.needText("code"),
                fields.needText("message"),
                fields.uint("status", 0, 999),
                fields.text("agent_id"),
                fields.text("path"),
                fields.text("cause"),
                fields.flag("retryable"));
    }

    static void writeProxyError(ProxyError message, FieldWriter out) {
        out.text("code", message.code())
                .text("message", message.message())
                .numberUnlessZero("status", message.status())
                .text("agent_id", message.agentId())
                .text("path", message.path())
                .text("cause", message.cause())
                .flagIfTrue("retryable", message.retryable());
    }

    private static ProxyWebSocketStart readWebSocketStart(Fields fields) {
        return new ProxyWebSocketStart(
                fields.needText("request_id"),
                fields.needText("path"),
                orNull(fields.text("method")),
                fields.text("query"),
                fields.text("protocol"),
                fields.headers("headers"),
                fields.text("target"));
    }

    static void writeWebSocketStart(ProxyWebSocketStart message, FieldWriter out) {
        out.text("path", message.path())
                .text("method", message.method())
                .text("query", message.query())
                .text("protocol", message.protocol())
                .headersUnlessEmpty("headers", message.headers())
                .text("target", message.target());
    }

    private static TcpTunnelStart readTcpStart(Fields fields) {
        return new TcpTunnelStart(
                fields.needText("request_id"),
                readDestination(fields),
                fields.text("host"),
                fields.uint("port", 0, 65_535),
                fields.text("client_addr"),
                fields.uint("timeout_ms", 0, Long.MAX_VALUE));
    }

    static void writeTcpStart(TcpTunnelStart message, FieldWriter out) {
        writeDestination(message.destination(), out);
        out.text("host", message.host())
                .numberUnlessZero("port", message.port())
                .text("client_addr", message.clientAddr())
                .numberUnlessZero("timeout_ms", message.timeoutMillis());
    }

    private static UdpTunnelStart readUdpStart(Fields fields) {
        return new UdpTunnelStart(
                fields.needText("request_id"),
                readDestination(fields),
                fields.text("host"),
                fields.uint("port", 0, 65_535),
                fields.text("client_addr"),
                fields.uint("timeout_ms", 0, Long.MAX_VALUE),
                fields.uint("idle_ms", 0, Long.MAX_VALUE));
    }

    private static void writeUdpStart(UdpTunnelStart message, FieldWriter out) {
        writeDestination(message.destination(), out);
        out.text("host", message.host())
                .numberUnlessZero("port", message.port())
                .text("client_addr", message.clientAddr())
                .numberUnlessZero("timeout_ms", message.timeoutMillis())
                .numberUnlessZero("idle_ms", message.idleMillis());
    }

    private static HealthProbe readHealthProbe(Fields fields) {
        Fields checks = fields.fields("checks");
        if (checks == null) {
            throw new IllegalArgumentException("checks is missing");
        }
        Map<String, Check> byName = new LinkedHashMap<>();
        for (String name : checks.keys()) {
            Fields check = checks.fields(name);
            if (check != null) {
                byName.put(name, new Check(check.needFlag("healthy"), check.text("detail")));
            }
        }
        return new HealthProbe(byName);
    }

    private static void writeHealthProbe(HealthProbe message, FieldWriter out) {
        out.begin("checks");
        message.checks()
                .forEach((name, check) -> out.begin(name)
                        .flag("healthy", check.healthy())
                        .text("detail", check.detail())
                        .end());
        out.end();
    }

    private static Headers needHeaders(Fields fields) {
        if (!fields.has("headers")) {
            throw new IllegalArgumentException("headers is missing");
        }
        return fields.headers("headers");
    }

    static String textOrEmpty(Fields fields, String key) {
        String value = fields.text(key);
        return value == null ? "" : value;
    }

    /** Empty is absent. */
    static @Nullable String orNull(@Nullable String value) {
        return value == null || value.isEmpty() ? null : value;
    }
}
