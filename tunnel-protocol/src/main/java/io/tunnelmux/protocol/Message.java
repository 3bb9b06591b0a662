package io.tunnelmux.protocol;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What two ends of a tunnel say to each other about streams and about themselves. A message is always valid in itself: what is needed
 * is there, numbers are in range, texts for programs have no control characters. Texts for people (reasons, error texts) are cut
 * to their limit; an empty optional text is an absent one.
 *
 * <p>Free fields hold plain values: String, Boolean, Long, finite Double, List and Map from String, copied deeply and unmodifiable.
 * On the way in any integer becomes a Long (a Double beyond 64 bits), bytes become base64 text and map entries with null are left out.
 *
 * <p>What {@code toString} shows is fit for logs: no query, no credentials of headers, of free fields the names alone.
 *
 * <p>Values. A {@link Payload} inside belongs to the message's owner; the codecs make messages whose payloads need no release.
 */
public sealed interface Message {

    /** The type as the wire spells it: {@code proxy_request}. */
    String type();

    /** The request or stream that it is about, as far as the message itself says so. */
    default @Nullable String requestId() {
        return null;
    }

    /** Whether {@code type} has a record of its own here; all others are {@link Application} messages. */
    static boolean isKnown(String type) {
        return KnownTypes.contains(type);
    }

    /**
     * Opens a stream for one HTTP request or upgrade.
     *
     * @param timeoutMillis from here to the final response; 0 is no limit
     * @param clientAddr who asked, for logs and forwarding headers
     * @param traceparent W3C trace context
     */
    record ProxyRequest(
            String requestId,
            HttpHead head,
            Upgrade upgrade,
            Destination destination,
            long timeoutMillis,
            @Nullable String clientAddr,
            @Nullable String traceparent)
            implements Message {

        public static final String TYPE = "proxy_request";

        public ProxyRequest {
            requireId(requestId);
            Objects.requireNonNull(head);
            Objects.requireNonNull(upgrade);
            Objects.requireNonNull(destination);
            Text.notNegative("timeout_ms", timeoutMillis);
            clientAddr = Text.optional("client_addr", clientAddr, Text.MAX_SHORT);
            traceparent = Text.optional("traceparent", traceparent, Text.MAX_NAME);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /**
     * The head of an HTTP request.
     *
     * @param path as received, without the query
     * @param query as received; null is no {@code ?} at all, empty a bare one
     */
    record HttpHead(
            String method,
            String path,
            @Nullable String query,
            @Nullable String scheme,
            @Nullable String authority,
            Headers headers) {
        public HttpHead {
            Text.token("method", method, Text.MAX_NAME);
            Text.needed("path", path, Text.MAX_LONG);
            requireQuery(query);
            scheme = Text.optional("scheme", scheme, Text.MAX_NAME);
            authority = Text.optional("authority", authority, Text.MAX_SHORT);
            Objects.requireNonNull(headers);
        }

        @Override
        public String toString() {
            return method + ' ' + path + Text.maskedQuery(query) + " of " + authority + ' ' + headers;
        }
    }

    /**
     * Whether and how a request wants to become something else than HTTP.
     *
     * @param headData what the client sent before it had its 101
     */
    record Upgrade(boolean isWebSocket, boolean useZeroCopy, Payload headData) {

        /** An ordinary request. */
        public static final Upgrade NONE = new Upgrade(false, false, Payload.EMPTY);

        public Upgrade {
            Objects.requireNonNull(headData);
        }
    }

    /**
     * Where the agent shall take a stream; it has the last word.
     *
     * @param target a name that the agent's configuration knows
     * @param servicePort 0 is absent
     */
    record Destination(
            @Nullable String target,
            @Nullable String serviceName,
            @Nullable String namespace,
            int servicePort) {

        /** As the agent thinks fit. */
        public static final Destination ANY = new Destination(null, null, null, 0);

        public Destination {
            target = Text.optional("target", target, Text.MAX_SHORT);
            serviceName = Text.optional("service_name", serviceName, Text.MAX_SHORT);
            namespace = Text.optional("namespace", namespace, Text.MAX_SHORT);
            Text.range("service_port", servicePort, 0, 65_535);
        }
    }

    /** The head of a response; 1xx other than 101 may precede the final one. */
    record ProxyResponse(String requestId, int status, Headers headers) implements Message {

        public static final String TYPE = "proxy_response";

        public ProxyResponse {
            requireId(requestId);
            requireStatus(status);
            Objects.requireNonNull(headers);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** The fields behind a body. On a stream its id says whose they are; an envelope needs {@code requestId}. */
    record ProxyTrailers(@Nullable String requestId, Headers headers) implements Message {

        public static final String TYPE = "proxy_trailers";

        public ProxyTrailers {
            requestId = idOrNull(requestId);
            Objects.requireNonNull(headers);
        }

        /** Trailers of the stream that carries them. */
        public ProxyTrailers(Headers headers) {
            this(null, headers);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /**
     * Why there is no response.
     *
     * @param code for programs: a name of {@link ErrorCode#wireName()} or the application's own
     * @param message for people
     * @param status HTTP status to show; 0 is absent
     * @param retryable whether the request is safe to send again
     */
    record ProxyError(
            String requestId,
            String code,
            String message,
            int status,
            @Nullable String agentId,
            @Nullable String path,
            @Nullable String cause,
            boolean retryable)
            implements Message {

        public static final String TYPE = "proxy_error";

        public ProxyError {
            requireId(requestId);
            Text.needed("code", code, Text.MAX_NAME);
            message = Text.cut(message, Text.MAX_MESSAGE_BYTES);
            if (status != 0) {
                requireStatus(status);
            }
            agentId = Text.optional("agent_id", agentId, Text.MAX_NAME);
            path = Text.cutOrNull(path, Text.MAX_MESSAGE_BYTES);
            cause = Text.cutOrNull(cause, Text.MAX_MESSAGE_BYTES);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** Opens a stream on which the agent is a WebSocket client: kubectl exec, attach, port-forward. {@code protocol}: subprotocols. */
    record ProxyWebSocketStart(
            String requestId,
            String path,
            @Nullable String method,
            @Nullable String query,
            @Nullable String protocol,
            Headers headers,
            @Nullable String target)
            implements Message {

        public static final String TYPE = "proxy_websocket_start";

        public ProxyWebSocketStart {
            requireId(requestId);
            Text.needed("path", path, Text.MAX_LONG);
            if (method != null) {
                Text.token("method", method, Text.MAX_NAME);
            }
            requireQuery(query);
            protocol = Text.optional("protocol", protocol, Text.MAX_SHORT);
            Objects.requireNonNull(headers);
            target = Text.optional("target", target, Text.MAX_SHORT);
        }

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public String toString() {
            return TYPE + '[' + requestId + ' ' + path + Text.maskedQuery(query) + ' ' + headers + ']';
        }
    }

    /** The agent's WebSocket is open; {@code protocol} is the subprotocol that was chosen. */
    record ProxyWebSocketOpen(String requestId, @Nullable String protocol, Headers headers) implements Message {

        public static final String TYPE = "proxy_websocket_open";

        public ProxyWebSocketOpen {
            requireId(requestId);
            protocol = Text.optional("protocol", protocol, Text.MAX_SHORT);
            Objects.requireNonNull(headers);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** A WebSocket's close frame. {@code code} 0 is absent; the reason is cut to the 123 bytes that a close frame holds. */
    record ProxyWebSocketClose(@Nullable String requestId, int code, String reason) implements Message {

        public static final String TYPE = "proxy_websocket_close";

        public ProxyWebSocketClose {
            requestId = idOrNull(requestId);
            Text.range("code", code, 0, 65_535);
            reason = Text.cut(reason, 123);
        }

        /** Closes the WebSocket of the stream that carries it. */
        public ProxyWebSocketClose(int code, String reason) {
            this(null, code, reason);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** A WebSocket's ping, at most 125 bytes. */
    record ProxyWebSocketPing(@Nullable String requestId, Payload data) implements Message {

        public static final String TYPE = "proxy_websocket_ping";

        public ProxyWebSocketPing {
            requestId = idOrNull(requestId);
            requireControlData(data);
        }

        /** A ping on the stream that carries it. */
        public ProxyWebSocketPing(Payload data) {
            this(null, data);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** A WebSocket's pong, at most 125 bytes. */
    record ProxyWebSocketPong(@Nullable String requestId, Payload data) implements Message {

        public static final String TYPE = "proxy_websocket_pong";

        public ProxyWebSocketPong {
            requestId = idOrNull(requestId);
            requireControlData(data);
        }

        /** A pong on the stream that carries it. */
        public ProxyWebSocketPong(Payload data) {
            this(null, data);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /**
     * Opens a stream for a TCP connection.
     *
     * @param host together with {@code port}, in place of a destination that the agent knows by name
     * @param port 0 is absent
     * @param timeoutMillis for the connection to come about; 0 is the agent's own limit
     */
    record TcpTunnelStart(
            String requestId,
            Destination destination,
            @Nullable String host,
            int port,
            @Nullable String clientAddr,
            long timeoutMillis)
            implements Message {

        public static final String TYPE = "tcp_tunnel_start";

        public TcpTunnelStart {
            requireId(requestId);
            Objects.requireNonNull(destination);
            host = Text.optional("host", host, Text.MAX_SHORT);
            requireHostAndPort(host, port);
            clientAddr = Text.optional("client_addr", clientAddr, Text.MAX_SHORT);
            Text.notNegative("timeout_ms", timeoutMillis);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** The agent's TCP connection stands. */
    record TcpTunnelConnected(String requestId) implements Message {

        public static final String TYPE = "tcp_tunnel_connected";

        public TcpTunnelConnected {
            requireId(requestId);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** As {@link TcpTunnelStart} for datagrams. {@code idleMillis} without one end the stream; 0 is the agent's own limit. */
    record UdpTunnelStart(
            String requestId,
            Destination destination,
            @Nullable String host,
            int port,
            @Nullable String clientAddr,
            long timeoutMillis,
            long idleMillis)
            implements Message {

        public static final String TYPE = "udp_tunnel_start";

        public UdpTunnelStart {
            requireId(requestId);
            Objects.requireNonNull(destination);
            host = Text.optional("host", host, Text.MAX_SHORT);
            requireHostAndPort(host, port);
            clientAddr = Text.optional("client_addr", clientAddr, Text.MAX_SHORT);
            Text.notNegative("timeout_ms", timeoutMillis);
            Text.notNegative("idle_ms", idleMillis);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** An agent asks to be registered, in applications that keep a register. */
    record Register(@Nullable String requestId, @Nullable String timestamp, Map<String, Object> payload)
            implements Message {

        public static final String TYPE = "register";

        public Register {
            requestId = idOrNull(requestId);
            timestamp = Text.optional("timestamp", timestamp, Text.MAX_NAME);
            payload = Plain.copy(payload);
        }

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public String toString() {
            return Plain.describe(TYPE, requestId, payload);
        }
    }

    /** The register took the agent. */
    record RegisterSuccess(
            @Nullable String requestId, @Nullable String timestamp, Map<String, Object> payload) implements Message {

        public static final String TYPE = "register_success";

        public RegisterSuccess {
            requestId = idOrNull(requestId);
            timestamp = Text.optional("timestamp", timestamp, Text.MAX_NAME);
            payload = Plain.copy(payload);
        }

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public String toString() {
            return Plain.describe(TYPE, requestId, payload);
        }
    }

    /** The register refused the agent. */
    record RegisterError(
            @Nullable String requestId, @Nullable String timestamp, Map<String, Object> payload) implements Message {

        public static final String TYPE = "register_error";

        public RegisterError {
            requestId = idOrNull(requestId);
            timestamp = Text.optional("timestamp", timestamp, Text.MAX_NAME);
            payload = Plain.copy(payload);
        }

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public String toString() {
            return Plain.describe(TYPE, requestId, payload);
        }
    }

    /** How an agent is, for applications that want to know. */
    record Heartbeat(@Nullable String requestId, @Nullable String timestamp, Map<String, Object> payload)
            implements Message {

        public static final String TYPE = "heartbeat";

        public Heartbeat {
            requestId = idOrNull(requestId);
            timestamp = Text.optional("timestamp", timestamp, Text.MAX_NAME);
            payload = Plain.copy(payload);
        }

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public String toString() {
            return Plain.describe(TYPE, requestId, payload);
        }
    }

    /** A heartbeat was seen. */
    record HeartbeatAck(
            @Nullable String requestId, @Nullable String timestamp, Map<String, Object> payload) implements Message {

        public static final String TYPE = "heartbeat_ack";

        public HeartbeatAck {
            requestId = idOrNull(requestId);
            timestamp = Text.optional("timestamp", timestamp, Text.MAX_NAME);
            payload = Plain.copy(payload);
        }

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public String toString() {
            return Plain.describe(TYPE, requestId, payload);
        }
    }

    /** Whether this agent can reach what it proxies to, by the name of what was checked. */
    record HealthProbe(Map<String, Check> checks) implements Message {

        public static final String TYPE = "health_probe";

        public HealthProbe {
            checks.forEach((name, check) -> {
                Text.line("check name", name, Text.MAX_NAME);
                Objects.requireNonNull(check);
            });
            checks = Collections.unmodifiableMap(new LinkedHashMap<>(checks));
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** Outcome of one check, with a detail for people. */
    record Check(boolean healthy, @Nullable String detail) {
        public Check {
            detail = Text.cutOrNull(detail, Text.MAX_MESSAGE_BYTES);
        }
    }

    /**
     * Bytes of a stream. A message in envelopes only; on a tunnel they are DATA.
     *
     * @param end whether nothing more follows this way; of {@link Kind#REQUEST} and {@link Kind#RESPONSE} only without data, of
     *     WebSocket messages and TCP never, for closing has messages of its own there
     */
    record ProxyChunk(String requestId, Payload data, boolean end, Kind kind) implements Message {

        public static final String TYPE = "proxy_chunk";

        /** What the bytes are: envelopes name each differently. */
        public enum Kind {
            /** Bytes of any stream. */
            STREAM,
            /** A request's body. */
            REQUEST,
            /** A response's body. */
            RESPONSE,
            /** A whole WebSocket message of text. */
            WEBSOCKET_TEXT,
            /** A whole binary WebSocket message. */
            WEBSOCKET_BINARY,
            /** The payload of a WebSocket's close frame: two bytes of code, then the reason. */
            WEBSOCKET_CLOSE,
            /** Bytes of a TCP connection. */
            TCP
        }

        public ProxyChunk {
            requireId(requestId);
            Objects.requireNonNull(data);
            boolean mayEnd = switch (kind) {
                case STREAM -> true;
                case REQUEST, RESPONSE -> data.length() == 0;
                case WEBSOCKET_TEXT, WEBSOCKET_BINARY, WEBSOCKET_CLOSE, TCP -> false;
            };
            if (end && !mayEnd) {
                throw new IllegalArgumentException(
                        kind + " chunk of " + data.length() + " bytes cannot end its stream");
            }
        }

        /** Bytes of any stream. */
        public ProxyChunk(String requestId, Payload data, boolean end) {
            this(requestId, data, end, Kind.STREAM);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** The sender is done with a stream. A message in envelopes only; on a tunnel it is CLOSE. {@code code}: see {@link ErrorCode}. */
    record ProxyStreamClose(String requestId, int code, String reason) implements Message {

        public static final String TYPE = "proxy_stream_close";

        public ProxyStreamClose {
            requireId(requestId);
            reason = Text.cut(reason, Text.MAX_REASON_BYTES);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /** Aborts a stream. A message in envelopes only; on a tunnel it is CANCEL. {@code code}: see {@link ErrorCode}. */
    record ProxyCancel(String requestId, int code, String reason) implements Message {

        public static final String TYPE = "proxy_cancel";

        public ProxyCancel {
            requireId(requestId);
            reason = Text.cut(reason, Text.MAX_REASON_BYTES);
        }

        @Override
        public String type() {
            return TYPE;
        }
    }

    /**
     * A request as envelopes can ask it beyond {@link ProxyRequest}: with its body inside, and for an answer in one piece. A plain
     * {@link ProxyRequest} in an envelope has no body and wants its answer as {@link ProxyResponse} and {@link ProxyChunk}s.
     *
     * @param body the whole body; empty unless {@code bodyForm} is {@link BodyForm#INSIDE}
     * @param wantsWholeResponse whether the answer is to be an {@link EnvelopeResponse}
     */
    record EnvelopeRequest(ProxyRequest request, Payload body, BodyForm bodyForm, boolean wantsWholeResponse)
            implements Message {

        /** Where the body is. */
        public enum BodyForm {
            /** In this message. */
            INSIDE,
            /** In {@link ProxyChunk}s of {@link ProxyChunk.Kind#REQUEST} that follow. */
            CHUNKS,
            /** In the binary WebSocket message that comes next: two bytes of length, request id, body. */
            NEXT_MESSAGE
        }

        public EnvelopeRequest {
            Objects.requireNonNull(request);
            if (bodyForm != BodyForm.INSIDE && body.length() > 0) {
                throw new IllegalArgumentException(body.length() + " bytes of body in a message, and in " + bodyForm);
            }
        }

        @Override
        public String type() {
            return ProxyRequest.TYPE;
        }

        @Override
        public String requestId() {
            return request.requestId();
        }
    }

    /** A response together with its whole body, as envelopes can carry it. It is the end of its request. */
    record EnvelopeResponse(ProxyResponse response, Payload body) implements Message {
        public EnvelopeResponse {
            Objects.requireNonNull(response);
            Objects.requireNonNull(body);
        }

        @Override
        public String type() {
            return ProxyResponse.TYPE;
        }

        @Override
        public String requestId() {
            return response.requestId();
        }
    }

    /**
     * A message of the application's own: {@code handshake}, {@code resource}, {@code status}, {@code event}, {@code command} or any
     * other type that has no record here.
     *
     * @param payload any plain value
     */
    record Application(
            String type,
            @Nullable String id,
            @Nullable String requestId,
            @Nullable String timestamp,
            @Nullable Object payload,
            @Nullable String error)
            implements Message {
        public Application {
            Text.needed("type", type, Text.MAX_NAME);
            if (isKnown(type)) {
                throw new IllegalArgumentException(type + " is not an application's message");
            }
            id = Text.optional("id", id, Text.MAX_NAME);
            requestId = idOrNull(requestId);
            timestamp = Text.optional("timestamp", timestamp, Text.MAX_NAME);
            payload = Plain.copy(payload);
            error = Text.cutOrNull(error, Text.MAX_MESSAGE_BYTES);
        }

        /** A message with a payload and nothing else. */
        public Application(String type, @Nullable Object payload) {
            this(type, null, null, null, payload, null);
        }

        @Override
        public String toString() {
            return Plain.describe(type, requestId == null ? id : requestId, payload);
        }
    }

    private static void requireId(String requestId) {
        Text.needed("request_id", requestId, Text.MAX_NAME);
    }

    private static @Nullable String idOrNull(@Nullable String requestId) {
        return Text.optional("request_id", requestId, Text.MAX_NAME);
    }

    private static void requireStatus(int status) {
        Text.range("status", status, 100, 999);
    }

    private static void requireQuery(@Nullable String query) {
        if (query != null) {
            Text.line("query", query, Text.MAX_LONG);
        }
    }

    private static void requireControlData(Payload data) {
        Text.range("length of data", data.length(), 0, 125);
    }

    private static void requireHostAndPort(@Nullable String host, int port) {
        Text.range("port", port, 0, 65_535);
        if ((host == null) != (port == 0)) {
            throw new IllegalArgumentException("host and port need each other: host " + host + ", port " + port);
        }
    }
}
