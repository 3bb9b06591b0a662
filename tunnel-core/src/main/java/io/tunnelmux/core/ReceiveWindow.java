package io.tunnelmux.core;

/**
 * How many bytes the peer may still send on a stream, or on the tunnel. Bytes that were taken are granted again, gathered up to half of the
 * window: with 128 KiB, one WINDOW per 64 KiB. That can never leave the peer without credit for good, because by the time it has
 * used up everything and everything was taken, twice that half has gathered.
 */
final class ReceiveWindow {

    private final int sizeBytes;
    private int availableBytes;
    private int takenBytes;

    ReceiveWindow(int sizeBytes) {
        this.sizeBytes = sizeBytes;
        availableBytes = sizeBytes;
    }

    int availableBytes() {
        return availableBytes;
    }

    /** @return false if the peer had no credit for them */
    boolean onReceived(int bytes) {
        if (bytes > availableBytes) {
            return false;
        }
        availableBytes -= bytes;
        return true;
    }

    /**
     * @return whether so much has gathered that a grant is due
     * @throws IllegalArgumentException if more bytes would be taken than came
     */
    boolean onTaken(int bytes) {
        int receivedBytes = sizeBytes - availableBytes - takenBytes;
        if (bytes < 0 || bytes > receivedBytes) {
            throw new IllegalArgumentException("bytes: " + bytes + ", received and not yet taken: " + receivedBytes);
        }
        takenBytes += bytes;
        return takenBytes >= sizeBytes / 2;
    }

    /** What to grant now; the peer has it from here on. */
    int takeGrant() {
        int grant = takenBytes;
        takenBytes = 0;
        availableBytes += grant;
        return grant;
    }
}
