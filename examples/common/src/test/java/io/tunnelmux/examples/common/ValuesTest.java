package io.tunnelmux.examples.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ValuesTest {

    @ParameterizedTest
    @CsvSource({"500ms, PT0.5S", "10s, PT10S", "2m, PT2M", "1h, PT1H"})
    void durationsHaveAUnit(String text, Duration duration) {
        assertThat(Values.duration(text)).isEqualTo(duration);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10", "s", "10 s", "-1s", "0s", "1.5s", "1d", "10000000000s"})
    void otherDurationsAreRefused(String text) {
        assertThatThrownBy(() -> Values.duration(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:8080", "0.0.0.0:0", "[0:0:0:0:0:0:0:1]:65535"})
    void addressesAreReadAndWritten(String text) {
        assertThat(Values.text(Values.address(text))).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "8080",
                ":8080",
                "127.0.0.1",
                "127.0.0.1:",
                "127.0.0.1:65536",
                "::1:80",
                "no.such.host.invalid:1"
            })
    void otherAddressesAreRefused(String text) {
        assertThatThrownBy(() -> Values.address(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "db.example:5432, db.example, 5432",
        "[::1]:22, ::1, 22",
        "no.such.host.invalid:1, no.such.host.invalid, 1"
    })
    void targetsAreNotLookedUp(String text, String host, int port) {
        assertThat(Values.target(text)).isEqualTo(InetSocketAddress.createUnresolved(host, port));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "db.example", "db.example:0", "db.example:65536", "::1:22", ":1"})
    void otherTargetsAreRefused(String text) {
        assertThatThrownBy(() -> Values.target(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "65536, 65536", "256KiB, 262144", "16MiB, 16777216", "4GiB, 4294967296"})
    void sizesAreBytesOrHaveAUnit(String text, long bytes) {
        assertThat(Values.sizeBytes(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "0KiB", "-1", "256KB", "256 KiB", "1.5MiB", "KiB", "1000000000"})
    void otherSizesAreRefused(String text) {
        assertThatThrownBy(() -> Values.sizeBytes(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void sharesAreFromNothingToAll() {
        assertThat(Values.share("0")).isZero();
        assertThat(Values.share("0.01")).isEqualTo(0.01);
        assertThat(Values.share("1")).isEqualTo(1);
        for (String text : new String[] {"", "2", "-0.1", "1.1", "NaN", "10%"}) {
            assertThatThrownBy(() -> Values.share(text))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("'" + text + "' is no share like 0.25, from 0 to 1");
        }
    }
}
