package io.tunnelmux.netty.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SparseLogTest {
    @Test
    void admitsOneLineASecondAndTellsHowManyItWithheld() {
        long start = Long.MAX_VALUE - 5;
        SparseLog log = new SparseLog(start);

        assertThat(log.admit(start)).isZero();
        assertThat(log.admit(start + 1)).isEqualTo(-1);
        assertThat(log.admit(start + TimeUnit.SECONDS.toNanos(1) - 1)).isEqualTo(-1);
        assertThat(log.admit(start + TimeUnit.SECONDS.toNanos(1))).isEqualTo(2);
        assertThat(log.admit(start + TimeUnit.SECONDS.toNanos(2))).isZero();
    }
}
