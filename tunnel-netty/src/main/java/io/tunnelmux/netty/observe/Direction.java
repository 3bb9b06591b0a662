package io.tunnelmux.netty.observe;

import java.util.Locale;

/** Which way bytes go. */
public enum Direction {
    TO_AGENT,
    FROM_AGENT;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** As metrics name it: {@code to_agent}, {@code from_agent}. */
    public String label() {
        return label;
    }
}
