package io.tunnelmux.core;

/** How many bytes this side may still send on a stream, or on the tunnel: credit that the peer grants and DATA uses up. */
final class SendWindow {

    private int availableBytes;

    SendWindow(int firstCreditBytes) {
        availableBytes = firstCreditBytes;
    }

    int availableBytes() {
        return availableBytes;
    }

    void onSent(int bytes) {
        assert bytes <= availableBytes : bytes + " > " + availableBytes;
        availableBytes -= bytes;
    }

    /** @return false if the credit would pass 2^31-1; nothing is granted then */
    boolean onGranted(int bytes) {
        if (bytes > Integer.MAX_VALUE - availableBytes) {
            return false;
        }
        availableBytes += bytes;
        return true;
    }
}
