package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.time.Duration;

/** A connection of the load with one message under way at a time. It is the attachment of its own selection key. Belongs to one thread. */
interface LoadConnection {
    /** Begins to send the next message, and takes the time. */
    void send() throws IOException;

    /** Goes on with what the socket is ready for. {@return nanoseconds from sending to the answer's last byte, or -1} */
    long onReady() throws IOException;

    /**
     * Says goodbye.
     *
     * @throws IOException also if that takes longer than {@code deadline}
     */
    void close(Duration deadline) throws IOException;

    /** Lets go of the socket without a word. */
    void abandon();
}
