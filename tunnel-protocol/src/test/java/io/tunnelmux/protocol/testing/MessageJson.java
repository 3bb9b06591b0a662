package io.tunnelmux.protocol.testing;

import com.fasterxml.jackson.databind.JsonNode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.Application;
import io.tunnelmux.protocol.Message.Check;
import io.tunnelmux.protocol.Message.Destination;
import io.tunnelmux.protocol.Message.EnvelopeRequest;
import io.tunnelmux.protocol.Message.EnvelopeResponse;
import io.tunnelmux.protocol.Message.HealthProbe;
import io.tunnelmux.protocol.Message.Heartbeat;
import io.tunnelmux.protocol.Message.HeartbeatAck;
import io.tunnelmux.protocol.Message.HttpHead;
import io.tunnelmux.protocol.Message.ProxyCancel;
import io.tunnelmux.protocol.Message.ProxyChunk;
import io.tunnelmux.protocol.Message.ProxyError;
import io.tunnelmux.protocol.Message.ProxyRequest;
import io.tunnelmux.protocol.Message.ProxyResponse;
import io.tunnelmux.protocol.Message.ProxyStreamClose;
import io.tunnelmux.protocol.Message.ProxyTrailers;
import io.tunnelmux.protocol.Message.ProxyWebSocketClose;
import io.tunnelmux.protocol.Message.ProxyWebSocketOpen;
import io.tunnelmux.protocol.Message.ProxyWebSocketPing;
import io.tunnelmux.protocol.Message.ProxyWebSocketPong;
import io.tunnelmux.protocol.Message.ProxyWebSocketStart;
import io.tunnelmux.protocol.Message.Register;
import io.tunnelmux.protocol.Message.RegisterError;
import io.tunnelmux.protocol.Message.RegisterSuccess;
import io.tunnelmux.protocol.Message.TcpTunnelConnected;
import io.tunnelmux.protocol.Message.TcpTunnelStart;
import io.tunnelmux.protocol.Message.UdpTunnelStart;
import io.tunnelmux.protocol.Message.Upgrade;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A message as the vectors tell it: by the wire's names, bytes in hexadecimal. */
final class MessageJson {

    private final JsonNode json;

    private MessageJson(JsonNode json) {
        this.json = json;
    }

    static Message message(JsonNode json) {
        return new MessageJson(json).message();
    }

    private Message message() {
        String type = need("type");
        return switch (type) {
            case ProxyRequest.TYPE -> json.has("body_form") ? envelopeRequest() : request();
            case ProxyResponse.TYPE -> json.has("body") ? new EnvelopeResponse(response(), bytes("body")) : response();
            case ProxyTrailers.TYPE -> new ProxyTrailers(text("request_id"), headers());
            case ProxyError.TYPE ->
                new ProxyError(
                        need("request_id"),
                        need("code"),
                        need("message"),
                        number("status"),
                        text("agent_id"),
                        text("path"),
                        text("cause"),
                        flag("retryable"));
            case ProxyWebSocketStart.TYPE ->
                new ProxyWebSocketStart(
                        need("request_id"),
                        need("path"),
                        text("method"),
                        text("query"),
                        text("protocol"),
                        headers(),
                        text("target"));
            case ProxyWebSocketOpen.TYPE -> new ProxyWebSocketOpen(need("request_id"), text("protocol"), headers());
            case ProxyWebSocketClose.TYPE ->
                new ProxyWebSocketClose(
                        text("request_id"), number("code"), json.path("reason").asText(""));
            case ProxyWebSocketPing.TYPE -> new ProxyWebSocketPing(text("request_id"), bytes("data"));
            case ProxyWebSocketPong.TYPE -> new ProxyWebSocketPong(text("request_id"), bytes("data"));
            case TcpTunnelStart.TYPE ->
                new TcpTunnelStart(
                        need("request_id"),
                        destination(),
                        text("host"),
                        number("port"),
                        text("client_addr"),
                        longNumber("timeout_ms"));
            case TcpTunnelConnected.TYPE -> new TcpTunnelConnected(need("request_id"));
            case UdpTunnelStart.TYPE ->
                new UdpTunnelStart(
                        need("request_id"),
                        destination(),
                        text("host"),
                        number("port"),
                        text("client_addr"),
                        longNumber("timeout_ms"),
                        longNumber("idle_ms"));
            case Register.TYPE -> new Register(text("request_id"), text("timestamp"), fields());
            case RegisterSuccess.TYPE -> new RegisterSuccess(text("request_id"), text("timestamp"), fields());
            case RegisterError.TYPE -> new RegisterError(text("request_id"), text("timestamp"), fields());
            case Heartbeat.TYPE -> new Heartbeat(text("request_id"), text("timestamp"), fields());
            case HeartbeatAck.TYPE -> new HeartbeatAck(text("request_id"), text("timestamp"), fields());
            case HealthProbe.TYPE -> healthProbe();
            case ProxyChunk.TYPE ->
                new ProxyChunk(
                        need("request_id"),
                        bytes("data"),
                        flag("end"),
                        ProxyChunk.Kind.valueOf(need("kind").toUpperCase(Locale.ROOT)));
            case ProxyStreamClose.TYPE ->
                new ProxyStreamClose(need("request_id"), (int) longNumber("code"), need("reason"));
            case ProxyCancel.TYPE -> new ProxyCancel(need("request_id"), (int) longNumber("code"), need("reason"));
            default ->
                new Application(
                        type,
                        text("id"),
                        text("request_id"),
                        text("timestamp"),
                        plain(json.path("payload")),
                        text("error"));
        };
    }

    private ProxyRequest request() {
        HttpHead head =
                new HttpHead(need("method"), need("path"), text("query"), text("scheme"), text("authority"), headers());
        Upgrade upgrade = new Upgrade(flag("is_websocket"), flag("use_zero_copy"), bytes("head_data"));
        return new ProxyRequest(
                need("request_id"),
                head,
                upgrade,
                destination(),
                longNumber("timeout_ms"),
                text("client_addr"),
                text("traceparent"));
    }

    private EnvelopeRequest envelopeRequest() {
        return new EnvelopeRequest(
                request(),
                bytes("body"),
                EnvelopeRequest.BodyForm.valueOf(need("body_form").toUpperCase(Locale.ROOT)),
                flag("wants_whole_response"));
    }

    private ProxyResponse response() {
        return new ProxyResponse(need("request_id"), number("status"), headers());
    }

    private HealthProbe healthProbe() {
        Map<String, Check> checks = new LinkedHashMap<>();
        json.path("checks")
                .properties()
                .forEach(entry -> checks.put(
                        entry.getKey(),
                        new Check(
                                entry.getValue().path("healthy").booleanValue(),
                                entry.getValue().path("detail").textValue())));
        return new HealthProbe(checks);
    }

    private Destination destination() {
        return new Destination(text("target"), text("service_name"), text("namespace"), number("service_port"));
    }

    private Headers headers() {
        Headers.Builder headers = Headers.builder();
        json.path("headers")
                .properties()
                .forEach(entry -> entry.getValue().forEach(value -> headers.add(entry.getKey(), value.textValue())));
        return headers.build();
    }

    private Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        json.path("payload").properties().forEach(entry -> {
            Object value = plain(entry.getValue());
            if (value != null) {
                fields.put(entry.getKey(), value);
            }
        });
        return fields;
    }

    private static @Nullable Object plain(JsonNode value) {
        if (value.isTextual()) {
            return value.textValue();
        } else if (value.isBoolean()) {
            return value.booleanValue();
        } else if (value.isIntegralNumber()) {
            return value.longValue();
        } else if (value.isNumber()) {
            return value.doubleValue();
        } else if (value.isArray()) {
            List<@Nullable Object> list = new ArrayList<>();
            value.forEach(element -> list.add(plain(element)));
            return list;
        } else if (value.isObject()) {
            Map<String, @Nullable Object> map = new LinkedHashMap<>();
            value.properties().forEach(entry -> map.put(entry.getKey(), plain(entry.getValue())));
            return map;
        }
        return null;
    }

    private @Nullable String text(String name) {
        return json.path(name).textValue();
    }

    private String need(String name) {
        return VectorFiles.required(json, name).textValue();
    }

    private boolean flag(String name) {
        return json.path(name).booleanValue();
    }

    private int number(String name) {
        return json.path(name).intValue();
    }

    private long longNumber(String name) {
        return json.path(name).longValue();
    }

    private Payload bytes(String name) {
        return json.has(name) ? Payload.of(VectorFiles.bytes(VectorFiles.required(json, name))) : Payload.EMPTY;
    }
}
