package io.tunnelmux.benchmarks.relay;

/** What a round can measure, with the unit in the name. */
public enum Figure {
    /** Median round trip. */
    P50_MICROS("p50Micros", "p50 µs"),
    /** Round trip that one in a hundred exceeds. */
    P99_MICROS("p99Micros", "p99 µs"),
    /** Round trips of all connections in a second. */
    MESSAGES_PER_SECOND("messagesPerSecond", "msg/s"),
    /** Bytes that arrived, of all connections and both directions, in a second, in 10^6. */
    MEGABYTES_PER_SECOND("megabytesPerSecond", "MB/s"),
    /** Processor time of the relays for one round trip. */
    RELAY_MICROS_PER_MESSAGE("relayMicrosPerMessage", "cpu µs/msg"),
    /** Processor time of the relays for 10^9 bytes that arrived. */
    RELAY_SECONDS_PER_GIGABYTE("relaySecondsPerGigabyte", "cpu s/GB"),
    /** Bytes that the relays' JVMs allocated on their heaps for one round trip. */
    GARBAGE_BYTES_PER_MESSAGE("garbageBytesPerMessage", "B/msg"),
    /** Bytes that the relays' JVMs allocated on their heaps for 1,024 bytes that arrived. */
    GARBAGE_BYTES_PER_KIBIBYTE("garbageBytesPerKibibyte", "B/KiB");

    private final String key;
    private final String label;

    Figure(String key, String label) {
        this.key = key;
        this.label = label;
    }

    /** Its name in results. */
    public String key() {
        return key;
    }

    /** Its name and unit in tables. */
    public String label() {
        return label;
    }
}
