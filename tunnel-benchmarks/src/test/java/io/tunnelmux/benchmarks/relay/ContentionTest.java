package io.tunnelmux.benchmarks.relay;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ContentionTest {

    @Test
    void measuresBetweenProcesses() {
        List<String> shortest =
                List.of("--downloads", "2", "--rounds", "1", "--pings", "4", "--warm-up", "0", "--echo-seconds", "1");

        assertThat(Contention.exitCodeOf(shortest)).isZero();
    }
}
