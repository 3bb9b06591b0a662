package io.tunnelmux.netty.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PerMessageDeflateTest {

    private static final String AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "permessage-deflate",
                "permessage-deflate; client_max_window_bits",
                "permessage-deflate; client_max_window_bits=10",
                "Permessage-Deflate ;client_no_context_takeover;  server_no_context_takeover",
                "permessage-deflate; client_max_window_bits=\"15\"",
                "x-webkit-deflate-frame, permessage-deflate",
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
                "permessage-deflate; unheard_of, permessage-deflate; client_max_window_bits",
            })
    void whatBrowsersOfferIsTaken(String offer) {
        assertThat(PerMessageDeflate.answerTo(List.of(offer))).isEqualTo(AGREED);
    }

    @Test
    void theWindowThatIsAskedForIsAnswered() {
        assertThat(PerMessageDeflate.answerTo(List.of("foo", "permessage-deflate; server_max_window_bits=15")))
                .isEqualTo(AGREED + "; server_max_window_bits=15");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ";",
                ",",
                "permessage-deflate;",
                "x-webkit-deflate-frame",
                "permessage-deflate; server_max_window_bits",
                "permessage-deflate; server_max_window_bits=14",
                "permessage-deflate; server_max_window_bits=16",
                "permessage-deflate; server_max_window_bits=015",
                "permessage-deflate; client_max_window_bits=7",
                "permessage-deflate; client_max_window_bits=",
                "permessage-deflate; server_no_context_takeover=1",
                "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
                "permessage-deflate; unheard_of",
            })
    void whatCannotBeFulfilledIsNotAgreedOn(String offer) {
        String answer = PerMessageDeflate.answerTo(List.of(offer));

        if (offer.equals("permessage-deflate; client_max_window_bits=")) {
            assertThat(answer).as("an empty value is like none").isEqualTo(AGREED);
        } else {
            assertThat(answer).isNull();
        }
        assertThat(PerMessageDeflate.answerTo(List.of())).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                AGREED,
                "permessage-deflate; server_no_context_takeover",
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9"
            })
    void aServerMayTakeTheOffer(String answer) {
        assertThat(PerMessageDeflate.isAgreed(List.of(answer))).isTrue();
    }

    @Test
    void aServerMayNotTakeIt() {
        assertThat(PerMessageDeflate.isAgreed(List.of())).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "permessage-deflate",
                "foo",
                AGREED + ", foo",
                AGREED + ", " + AGREED,
                AGREED + "; client_max_window_bits=10",
                AGREED + "; server_max_window_bits=7",
                AGREED + "; unheard_of=1"
            })
    void aServerMayNotTakeWhatWasNotOffered(String answer) {
        assertThatThrownBy(() -> PerMessageDeflate.isAgreed(List.of(answer))).isInstanceOf(WebSocketException.class);
    }
}
