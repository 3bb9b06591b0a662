package io.tunnelmux.core;

import java.io.IOException;

/** A stream has ended in another way than cleanly, or before all of it came. Immutable; any thread. */
public final class StreamException extends IOException {

    private static final long serialVersionUID = 1L;

    private final Outcome outcome;

    StreamException(Outcome outcome) {
        super("the stream has ended: " + outcome);
        this.outcome = outcome;
    }

    /** How the stream ended. */
    public Outcome outcome() {
        return outcome;
    }
}
