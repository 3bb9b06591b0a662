package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What clients are told of each failure: status, and when to come back. */
class ProxyErrorTest {

    /** Code, status, seconds until to try again (0 is not said). */
    private static final String TABLE = """
            no_error 502 0
            protocol_error 502 0
            internal_error 502 0
            flow_control_error 502 0
            stream_closed 502 0
            frame_too_large 502 0
            refused 503 1
            cancelled 502 0
            timeout 504 0
            upstream_unreachable 502 0
            upstream_reset 502 0
            transport_lost 503 5
            overloaded 503 1
            calm_down 503 1
            unauthorized 502 0
            superseded 503 1
            shutting_down 503 1
            unsupported 502 0
            forbidden 403 0
            upstream_invalid 502 0
            """;

    @Test
    void eachEndOfAStreamHasItsAnswer() {
        List<String> told = Arrays.stream(ErrorCode.values())
                .map(code -> ProxyError.of(new Outcome(code.value(), "", false, false), "demo", "/x"))
                .map(error -> error.code() + " " + error.status() + " " + error.retryAfterSeconds())
                .toList();

        assertThat(told).containsExactlyElementsOf(TABLE.lines().toList());
    }

    @Test
    void anEndWithACodeOfTheApplicationIsABadGateway() {
        ProxyError told = ProxyError.of(new Outcome(4_711, "", false, false), "demo", "/x");

        assertThat(told.code()).isEqualTo("application_error");
        assertThat(told.status()).isEqualTo(502);
        assertThat(told.cause()).isEqualTo("4711");
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void whetherItMayBeSentAgainIsWhatTheStreamKnows(boolean isRetryable) {
        Outcome outcome = new Outcome(ErrorCode.TRANSPORT_LOST.value(), "lost", false, isRetryable);

        assertThat(ProxyError.of(outcome, "demo", "/x").isRetryable()).isEqualTo(isRetryable);
    }

    @ParameterizedTest
    @CsvSource({
        "upstream_unreachable, 0, 502, 0",
        "timeout, 0, 504, 0",
        "refused, 0, 503, 1",
        "forbidden, 0, 403, 0",
        "no_such_pod, 0, 502, 0",
        "no_such_pod, 404, 404, 0",
        "no_such_pod, 503, 503, 1",
        "no_such_pod, 200, 502, 0",
        "timeout, 302, 504, 0"
    })
    void theAgentMayChooseAnErrorStatusAndNoOther(String code, int said, int status, int retryAfter) {
        ProxyError told = ProxyError.of(
                new Message.ProxyError("r-1", code, "", said, "spoofed", "/spoofed", "why", false), "demo", "/x");

        assertThat(told.status()).isEqualTo(status);
        assertThat(told.retryAfterSeconds()).isEqualTo(retryAfter);
        assertThat(told.agentId()).isEqualTo("demo");
        assertThat(told.path()).isEqualTo("/x");
        assertThat(told.cause()).isEqualTo("why");
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 1", "999999999, 1", "1000000000, 1", "1000000001, 2", "59000000001, 60"})
    void nobodyIsToldToComeTooEarly(long waitNanos, int seconds) {
        assertThat(ProxyError.rateLimited("", "demo", "/x", waitNanos).retryAfterSeconds())
                .isEqualTo(seconds);
        assertThat(ProxyError.circuitOpen("demo", "/x", waitNanos).retryAfterSeconds())
                .isEqualTo(seconds);
    }

    @Test
    void whatWasNotLetInMayBeSentAgain() {
        for (ProxyError error : List.of(
                ProxyError.overloaded("", "demo", "/x"),
                ProxyError.rateLimited("", "demo", "/x", TimeUnit.SECONDS.toNanos(3)),
                ProxyError.circuitOpen("demo", "/x", TimeUnit.SECONDS.toNanos(3)),
                ProxyError.absent(AgentRegistry.Presence.OFFLINE, "demo", "/x"),
                ProxyError.absent(AgentRegistry.Presence.RECONNECTING, "demo", "/x"),
                ProxyError.shuttingDown("/x"))) {
            assertThat(error.isRetryable()).as(error.code()).isTrue();
            assertThat(error.retryAfterSeconds()).as(error.code()).isPositive();
        }
    }

    @Test
    void itsJsonHasAllFieldsAlways() {
        assertThat(ProxyError.noRoute("/x\"").toJson())
                .isEqualTo(
                        "{\"code\":\"unknown_host\",\"message\":\"no agent serves this host and path\",\"agent_id\":null,"
                                + "\"path\":\"/x\\\"\",\"cause\":null,\"retryable\":false,\"retry_after\":null}\n");
    }
}
