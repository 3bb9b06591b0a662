package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RetryAfterTest {
    private static final Instant NOW = Instant.parse("1994-11-06T08:49:37Z");

    @ParameterizedTest
    @CsvSource({
        "0, PT0S",
        "120, PT2M",
        "' 7 ', PT7S",
        "86401, PT24H",
        "999999999999999999999999, PT24H",
        "'Sun, 06 Nov 1994 08:49:47 GMT', PT10S",
        "'Sunday, 06-Nov-94 08:49:47 GMT', PT10S",
        "'Sun Nov  6 08:49:47 1994', PT10S",
        "'Sun, 06 Nov 1994 08:49:00 GMT', PT0S",
        "'Tue, 08 Nov 1994 08:49:00 GMT', PT24H"
    })
    void isSecondsOrADateAndADayAtMost(String value, Duration expected) {
        assertThat(RetryAfter.parse(value, NOW)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "soon", "-1", "1.5", "0x10", "١٢", "Sun, 99 Nov 1994 08:49:47 GMT"})
    void whatNobodyUnderstandsIsIgnored(String value) {
        assertThat(RetryAfter.parse(value, NOW)).isNull();
    }

    @Test
    void thereNeedNotBeAny() {
        assertThat(RetryAfter.parse(null, NOW)).isNull();
    }
}
