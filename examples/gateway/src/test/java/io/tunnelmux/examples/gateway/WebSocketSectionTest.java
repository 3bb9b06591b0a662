package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The block of other gateways' files. */
class WebSocketSectionTest {

    private final WebSocketSection section = new WebSocketSection();

    @Test
    void eachKeyIsAnOption() {
        assertThat(section.toOptions(Map.of(
                        "zero_copy_enabled", "true",
                        "read_buffer_size", "8192",
                        "write_buffer_size", "4096",
                        "stream_buffer_size", "100",
                        "upgrade_timeout", "10s",
                        "stream_send_timeout", "5s",
                        "log_performance_metrics", "true")))
                .isEqualTo(Map.of(
                        "--websocket-mode", "zero-copy",
                        "--read-buffer", "8192",
                        "--write-buffer", "4096",
                        "--stream-window", "819200",
                        "--upgrade-timeout", "10s",
                        "--write-timeout", "5s",
                        "--log-performance-metrics", "true"));
        assertThat(section.toOptions(Map.of("zero_copy_enabled", "false", "stream_buffer_size", "100")))
                .isEqualTo(Map.of("--websocket-mode", "aware", "--stream-window", "409600"));
        assertThat(section.toOptions(Map.of())).isEmpty();
        assertThat(section.options()).hasSize(7).containsEntry("upgrade_timeout", "--upgrade-timeout");
    }

    @ParameterizedTest
    @CsvSource({
        "zero_copy_enabled, yes, 'zero_copy_enabled: '",
        "stream_buffer_size, many, 'stream_buffer_size: '",
        "stream_buffer_size, 999999999GiB, 'stream_buffer_size: '"
    })
    void whatIsWrongNamesTheKey(String key, String value, String message) {
        assertThatThrownBy(() -> section.toOptions(Map.of(key, value)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(message);
    }

    @Test
    void aPieceThatIsNoSizeIsTheFaultOfItsOwnKey() {
        Map<String, String> values = Map.of("read_buffer_size", "few", "stream_buffer_size", "100");
        assertThatThrownBy(() -> section.toOptions(values))
                .hasMessageStartingWith("read_buffer_size: 'few' is no size");
    }
}
