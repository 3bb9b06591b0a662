package io.tunnelmux.core;

import io.tunnelmux.core.StreamReport.Wait;
import io.tunnelmux.protocol.Message;
import org.jspecify.annotations.Nullable;

/** The peer's half of a stream, as this side sees it: how much may come, how much has and since when it waits for the consumer. On the loop. */
final class ReceiveHalf {

    /** Whether a WINDOW waits to be sent; the {@link ControlQueue}'s. */
    boolean isWindowDue;
    /** Of the message that comes in pieces; the {@link FrameReceiver}'s. */
    @Nullable
    MessageAssembler assembler;
    /** How long the message was on the wire that the handler is being told of. */
    int messageBytes;

    private static final ReceiveWindow NOTHING = new ReceiveWindow(0);

    private ReceiveWindow window = NOTHING;
    private boolean isMessageOriented;
    private int emptyDataInARow;
    private long receivedBytes;
    private long waitingSinceNanos;

    /** The stream begins with this message: some kinds of stream keep the units that DATA comes in. */
    void begin(int windowBytes, Message request) {
        window = new ReceiveWindow(windowBytes);
        isMessageOriented = request instanceof Message.ProxyWebSocketStart
                || request instanceof Message.UdpTunnelStart
                || request instanceof Message.ProxyRequest http
                        && http.upgrade().isWebSocket()
                        && !http.upgrade().useZeroCopy();
    }

    ReceiveWindow window() {
        return window;
    }

    boolean isMessageOriented() {
        return isMessageOriented;
    }

    /** Counts DATA of no use; any other ends the row. Returns how many there are in a row now. */
    int countEmptyData(boolean isUseless) {
        emptyDataInARow = isUseless ? emptyDataInARow + 1 : 0;
        return emptyDataInARow;
    }

    /** @return false if the peer had no credit for them */
    boolean onReceived(int bytes, long nowNanos) {
        if (window.heldBytes() == 0) {
            waitingSinceNanos = nowNanos;
        }
        if (!window.onReceived(bytes)) {
            return false;
        }
        receivedBytes += bytes;
        return true;
    }

    /** Whether the consumer has left something, but no more than lets the peer send on: it is fast enough. */
    boolean keepsUp() {
        return window.heldBytes() > 0 && window.heldBytes() <= window.availableBytes() / 4;
    }

    /** What is left waits anew. */
    void waitsFrom(long nowNanos) {
        waitingSinceNanos = nowNanos;
    }

    /** Bytes of DATA that have come. */
    long receivedBytes() {
        return receivedBytes;
    }

    /** What it waits for now. */
    Wait waitsFor() {
        return window.heldBytes() == 0 ? Wait.NOTHING : Wait.CONSUMER;
    }

    /** How long it has waited for that; negative if for nothing. */
    long waitedNanos(long nowNanos) {
        return window.heldBytes() == 0 ? -1 : Math.max(0, nowNanos - waitingSinceNanos);
    }
}
