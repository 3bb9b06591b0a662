package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.netty.http.Json;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a client is told when there is no response from the agent. Immutable; any thread.
 *
 * @param status HTTP status, 400 to 599
 * @param code for programs: {@code agent_offline}, {@code timeout}, {@code upstream_unreachable} …
 * @param message for people
 * @param agentId who was to answer, if that was known
 * @param path of the request, without its query
 * @param cause what lies behind it, for people
 * @param isRetryable whether the request was certainly not worked on
 * @param retryAfterSeconds when to try again; 0 is not said
 */
public record ProxyError(
        int status,
        String code,
        String message,
        @Nullable String agentId,
        @Nullable String path,
        @Nullable String cause,
        boolean isRetryable,
        int retryAfterSeconds) {

    private static final int SOON_SECONDS = 1;
    private static final int LATER_SECONDS = 5;

    /** The client's own fault. */
    static ProxyError refused(HttpResponseStatus status, String message) {
        return new ProxyError(
                status.code(),
                status.reasonPhrase().toLowerCase(Locale.ROOT).replaceAll("[^a-z]+", "_"),
                message,
                null,
                null,
                null,
                false,
                0);
    }

    static ProxyError noRoute(String path) {
        return new ProxyError(404, "unknown_host", "no agent serves this host and path", null, path, null, false, 0);
    }

    static ProxyError absent(AgentRegistry.Presence presence, String agentId, String path) {
        return presence == AgentRegistry.Presence.OFFLINE
                ? new ProxyError(
                        503, "agent_offline", "the agent is not connected", agentId, path, null, true, LATER_SECONDS)
                : new ProxyError(
                        503,
                        "agent_reconnecting",
                        "the agent was connected a moment ago",
                        agentId,
                        path,
                        null,
                        true,
                        LATER_SECONDS);
    }

    /** Something here went wrong that should not. */
    static ProxyError internal(@Nullable String path) {
        return new ProxyError(
                500, ErrorCode.INTERNAL_ERROR.wireName(), "the gateway has failed", null, path, null, true, 0);
    }

    /** There are too many requests at once. */
    static ProxyError overloaded(String cause, String agentId, String path) {
        return new ProxyError(
                503,
                ErrorCode.OVERLOADED.wireName(),
                "there are too many requests at once",
                agentId,
                path,
                cause,
                true,
                SOON_SECONDS);
    }

    /** There were too many requests in a short time. */
    static ProxyError rateLimited(String cause, @Nullable String agentId, String path, long waitNanos) {
        return new ProxyError(
                HttpResponseStatus.TOO_MANY_REQUESTS.code(),
                "rate_limited",
                "there were too many requests in a short time",
                agentId,
                path,
                cause,
                true,
                seconds(waitNanos));
    }

    /** What lies behind the route has failed again and again, and rests. */
    static ProxyError circuitOpen(String agentId, String path, long waitNanos) {
        return new ProxyError(
                503,
                "circuit_open",
                "requests like this one have failed again and again",
                agentId,
                path,
                null,
                true,
                seconds(waitNanos));
    }

    /** Rounded up, so that nobody comes too early. */
    private static int seconds(long nanos) {
        long second = TimeUnit.SECONDS.toNanos(1);
        return (int) Math.min(Integer.MAX_VALUE, Math.max(SOON_SECONDS, nanos / second + (nanos % second > 0 ? 1 : 0)));
    }

    static ProxyError shuttingDown(@Nullable String path) {
        return new ProxyError(
                503,
                ErrorCode.SHUTTING_DOWN.wireName(),
                "the gateway is going down",
                null,
                path,
                null,
                true,
                SOON_SECONDS);
    }

    static ProxyError timeout(String message, String agentId, String path) {
        return new ProxyError(504, ErrorCode.TIMEOUT.wireName(), message, agentId, path, null, false, 0);
    }

    static ProxyError invalid(String cause, String agentId, String path) {
        return new ProxyError(
                502, ErrorCode.UPSTREAM_INVALID.wireName(), "the answer was not valid", agentId, path, cause, false, 0);
    }

    /** The stream ended before there was a response. */
    static ProxyError of(Outcome outcome, String agentId, String path) {
        ErrorCode code = ErrorCode.of(outcome.code());
        int status = status(code);
        int retryAfter = status != 503 ? 0 : code == ErrorCode.TRANSPORT_LOST ? LATER_SECONDS : SOON_SECONDS;
        return new ProxyError(
                status,
                code == null ? "application_error" : code.wireName(),
                message(status),
                agentId,
                path,
                outcome.reason().isEmpty() ? ErrorCode.nameOf(outcome.code()) : outcome.reason(),
                outcome.isRetryable(),
                retryAfter);
    }

    /** The agent says why there is no response. */
    static ProxyError of(Message.ProxyError error, String agentId, String path) {
        int status = error.status() >= 400 && error.status() <= 599 ? error.status() : status(codeNamed(error.code()));
        String message = error.message().isEmpty() ? message(status) : error.message();
        return new ProxyError(
                status,
                error.code(),
                message,
                agentId,
                path,
                error.cause(),
                error.retryable(),
                status == 503 ? SOON_SECONDS : 0);
    }

    private static int status(@Nullable ErrorCode code) {
        if (code == null) {
            return 502;
        }
        return switch (code) {
            case REFUSED, TRANSPORT_LOST, OVERLOADED, CALM_DOWN, SUPERSEDED, SHUTTING_DOWN -> 503;
            case TIMEOUT -> 504;
            case FORBIDDEN -> 403;
            default -> 502;
        };
    }

    private static String message(int status) {
        return switch (status) {
            case 503 -> "the agent could not take the request";
            case 504 -> "the answer took too long";
            case 403 -> "the agent may not do this";
            default -> "there was no answer";
        };
    }

    /** Whether its code is one of the wire's, and not an agent's own. */
    boolean isKnown() {
        return codeNamed(code) != null;
    }

    /** The code of this name; null if it is an application's own. */
    static @Nullable ErrorCode codeNamed(String name) {
        for (ErrorCode code : ErrorCode.values()) {
            if (code.wireName().equals(name)) {
                return code;
            }
        }
        return null;
    }

    /** The fields of an answer with {@link #toJson} as its body. */
    void describe(HttpHeaders headers, int bodyBytes) {
        headers.set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON);
        headers.set(HttpHeaderNames.CONTENT_LENGTH, bodyBytes);
        if (retryAfterSeconds > 0) {
            headers.set(HttpHeaderNames.RETRY_AFTER, retryAfterSeconds);
        }
        if (status == HttpResponseStatus.UPGRADE_REQUIRED.code()) {
            headers.set(HttpHeaderNames.SEC_WEBSOCKET_VERSION, UpgradeCheck.VERSION);
        }
    }

    /** As JSON, all fields always there. */
    public String toJson() {
        Json json = new Json()
                .put("code", code)
                .put("message", message)
                .put("agent_id", agentId)
                .put("path", path)
                .put("cause", cause)
                .put("retryable", isRetryable);
        return (retryAfterSeconds == 0 ? json.put("retry_after", null) : json.put("retry_after", retryAfterSeconds))
                .finish();
    }
}
