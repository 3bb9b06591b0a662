package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.ErrorCode;
import org.junit.jupiter.api.Test;

class OutcomeTest {

    @Test
    void whatThePeerRefusedMayBeSentAgain() {
        assertThat(Outcome.remote(ErrorCode.REFUSED.value(), "").isRetryable()).isTrue();
        assertThat(Outcome.remote(ErrorCode.CANCELLED.value(), "").isRetryable())
                .isFalse();
        assertThat(Outcome.local(ErrorCode.REFUSED, "").isRetryable()).isFalse();
    }

    @Test
    void isCleanWithoutAnErrorAlone() {
        assertThat(Outcome.remote(0, "").isClean()).isTrue();
        assertThat(Outcome.remote(1, "").isClean()).isFalse();
        assertThat(Outcome.remote(-1, "").isClean()).isFalse();
    }

    @Test
    void tellsWhatHappened() {
        assertThat(Outcome.local(ErrorCode.TIMEOUT, "no answer")).hasToString("TIMEOUT (local): no answer");
        assertThat(Outcome.remote(ErrorCode.REFUSED.value(), "")).hasToString("REFUSED (remote, retryable)");
        assertThat(Outcome.remote(-1, "")).hasToString("4294967295 (remote)");
        assertThat(Outcome.remote(ErrorCode.REFUSED.value(), "").is(ErrorCode.REFUSED))
                .isTrue();
    }

    @Test
    void aReasonEndsNeitherALineNorQuotes() {
        Outcome outcome = Outcome.remote(ErrorCode.INTERNAL_ERROR.value(), "x\r\nforged\u001b[2J\u2028\" a=\"b");
        assertThat(outcome)
                .hasToString("INTERNAL_ERROR (remote): x\\u{d}\\u{a}forged\\u{1b}[2J\\u{2028}\\u{22} a=\\u{22}b");
        assertThat(outcome.reason()).contains("\r\nforged\u001b[2J\u2028\"");
    }
}
