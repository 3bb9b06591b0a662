package io.tunnelmux.core;

/**
 * How much of a round is one lane's: it goes before the lanes behind it until it has sent that, and again once they have had theirs or have nothing to send.
 * What a frame takes beyond a share is paid back in the next round, what is left of one is not carried over. This is deficit round robin with the shares
 * as quanta, in the order of urgency.
 */
final class Share {

    private final int roundBytes;
    private int leftBytes;

    Share(int weight) {
        roundBytes = weight * WriteScheduler.QUANTUM_BYTES;
        leftBytes = roundBytes;
    }

    boolean isLeft() {
        return leftBytes > 0;
    }

    void use(int bytes) {
        leftBytes -= bytes;
    }

    void renew() {
        leftBytes = Math.min(0, leftBytes) + roundBytes;
    }
}
