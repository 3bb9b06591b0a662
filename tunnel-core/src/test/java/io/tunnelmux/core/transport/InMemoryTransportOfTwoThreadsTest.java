package io.tunnelmux.core.transport;

import io.tunnelmux.core.testing.ThreadLoop;
import io.tunnelmux.core.testing.TransportContract;

/** The ends on a thread each. */
class InMemoryTransportOfTwoThreadsTest extends TransportContract {

    private final ThreadLoop left = new ThreadLoop("left");
    private final ThreadLoop right = new ThreadLoop("right");

    @Override
    protected Ends connect() {
        InMemoryTransport.Pair pair = InMemoryTransport.pair(left, right);
        return new Ends(pair.left(), pair.right());
    }

    @Override
    protected void disconnect() throws InterruptedException {
        left.close();
        right.close();
    }
}
