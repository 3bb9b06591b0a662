package io.tunnelmux.benchmarks.peer;

import java.net.InetSocketAddress;
import java.time.Duration;

/** One side of a pair of relays, which runs until it is closed. Any thread may call any method. */
interface Peer extends AutoCloseable {

    /** Where it listens: the back for the tunnel, the front for clients. */
    InetSocketAddress address();

    /**
     * Waits until it has no stream.
     *
     * @return whether that came about in time
     */
    boolean awaitNoStreams(Duration atMost) throws InterruptedException;

    /** Closes its sockets and ends its threads. */
    @Override
    void close();
}
