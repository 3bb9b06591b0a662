package io.tunnelmux.core;

import io.tunnelmux.protocol.Message;

/**
 * What is known of a stream beyond what it works with: how much has moved, and since when nothing does. One object of five numbers per stream, written
 * only when frames move. On the loop.
 */
final class StreamTrace {

    private boolean isMessageOriented;
    private int emptyDataInARow;
    private int unconsumedBytes;
    private long sentBytes;
    private long receivedBytes;
    private long sendingSinceNanos;
    private long receivingSinceNanos;

    /** The stream begins with this message: some kinds of stream keep the units that DATA comes in. */
    void onOpened(Message request) {
        isMessageOriented = request instanceof Message.ProxyWebSocketStart
                || request instanceof Message.UdpTunnelStart
                || request instanceof Message.ProxyRequest http
                        && http.upgrade().isWebSocket()
                        && !http.upgrade().useZeroCopy();
    }

    boolean isMessageOriented() {
        return isMessageOriented;
    }

    /** Counts DATA of no use; any other ends the row. Returns how many there are in a row now. */
    int countEmptyData(boolean isUseless) {
        emptyDataInARow = isUseless ? emptyDataInARow + 1 : 0;
        return emptyDataInARow;
    }

    /** Something waits to be sent where nothing did, or a frame went out: from now on the rest waits anew. */
    void onSendingMoved(long nowNanos) {
        sendingSinceNanos = nowNanos;
    }

    void onDataSent(int bytes) {
        sentBytes += bytes;
    }

    void onDataReceived(int bytes, long nowNanos) {
        if (unconsumedBytes == 0) {
            receivingSinceNanos = nowNanos;
        }
        receivedBytes += bytes;
        unconsumedBytes += bytes;
    }

    void onConsumed(int bytes) {
        unconsumedBytes -= bytes;
    }

    /** The consumer has moved, and is fast enough as far as the peer can tell. */
    void onReceivingMoved(long nowNanos) {
        receivingSinceNanos = nowNanos;
    }

    /** Bytes of DATA that have gone out. */
    long sentBytes() {
        return sentBytes;
    }

    /** Bytes of DATA that have come. */
    long receivedBytes() {
        return receivedBytes;
    }

    /** Of these, what its consumer has not taken. */
    int unconsumedBytes() {
        return unconsumedBytes;
    }

    /** When what waits to be sent began to wait. Means nothing if nothing does. */
    long sendingSinceNanos() {
        return sendingSinceNanos;
    }

    /** When what waits for the consumer began to wait. Means nothing if nothing does. */
    long receivingSinceNanos() {
        return receivingSinceNanos;
    }
}
