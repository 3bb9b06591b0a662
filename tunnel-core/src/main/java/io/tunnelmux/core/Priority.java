package io.tunnelmux.core;

/**
 * How urgent what a stream sends is, among the streams of one tunnel. Where all three have something to send they share the tunnel 16:4:1 by bytes, so none
 * is ever starved; where the more urgent have nothing, the others get all. Streams of one priority get the same.
 *
 * <p>Immutable; any thread.
 */
public enum Priority {
    /** Somebody waits for each answer: a terminal, a call. */
    INTERACTIVE,
    /**
     * The default. A stream that has sent little lately goes as {@link #INTERACTIVE}; one that keeps the tunnel busy does not, from its first 32 KiB on
     * until it has rested. So the head of a response is quick, and its long body waits its turn.
     */
    NORMAL,
    /** Nobody waits: a backup, a download in the background. */
    BULK
}
