package io.tunnelmux.core;

/** The streams of one urgency that have something to send. */
final class StreamLane {

    final Share share;
    /** Streams that wait for their turn; for the first of them it has come. */
    final StreamRing ready = new StreamRing();
    /** Streams whose turn had come when the tunnel had no credit. They go before the others when it has. */
    final StreamRing withoutTunnelCredit = new StreamRing();

    StreamLane(int weight) {
        share = new Share(weight);
    }

    int size() {
        return ready.size() + withoutTunnelCredit.size();
    }

    /** The ring whose first stream has its turn; empty if there is none. */
    StreamRing turn(boolean hasTunnelCredit) {
        return hasTunnelCredit && !withoutTunnelCredit.isEmpty() ? withoutTunnelCredit : ready;
    }

    boolean has(StreamRing ring) {
        return ring == ready || ring == withoutTunnelCredit;
    }
}
