package io.tunnelmux.micrometer;

import java.time.Duration;

/** Upper ends of the buckets of histograms. */
final class Buckets {

    /** Of what stands for minutes or days. */
    static final Duration[] LONG = {
        Duration.ofSeconds(1),
        Duration.ofSeconds(10),
        Duration.ofMinutes(1),
        Duration.ofMinutes(10),
        Duration.ofHours(1),
        Duration.ofHours(6),
        Duration.ofDays(1),
        Duration.ofDays(7)
    };

    private Buckets() {}
}
