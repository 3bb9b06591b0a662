package io.tunnelmux.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.testing.AllocatedBytes;

/** What an input may cost. */
final class Bounds {

    private Bounds() {}

    /** Allocating stays within so many bytes for each one of the input, and {@code fixedBytes}. */
    static void requireFrugal(int inputBytes, long perByte, long fixedBytes, Runnable action) {
        // The most frugal of some runs: the first of all loads classes.
        long bytes = AllocatedBytes.by(action);
        assertThat(bytes)
                .as("allocated for %d bytes", inputBytes)
                .isLessThanOrEqualTo(perByte * inputBytes + fixedBytes);
    }
}
