package io.tunnelmux.netty.transport;

/** How event loops wait for sockets. The native ones need Netty's library for the platform on the class path. Immutable; any thread. */
public enum IoMode {
    /** {@link #EPOLL} where it is available, else {@link #NIO}. */
    AUTO,
    /** Linux, native. */
    EPOLL,
    /** Linux, native, and often forbidden in containers: more messages per second on many connections, fewer on one. */
    IO_URING,
    /** The JDK's selectors, everywhere. */
    NIO;

    /**
     * Does nothing where event loops can wait that way.
     *
     * @throws UnsupportedOperationException if they cannot here, with the reason as its cause and in its message
     */
    public void requireAvailable() {
        NativeIo.of(this);
    }
}
