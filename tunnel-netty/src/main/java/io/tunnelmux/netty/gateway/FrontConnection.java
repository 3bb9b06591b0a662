package io.tunnelmux.netty.gateway;

/** A client's connection, whichever protocol it speaks. */
interface FrontConnection {

    /** The gateway goes down: what is under way is the last. Any thread. */
    void drain();
}
