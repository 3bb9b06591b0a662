package io.tunnelmux.netty.relay;

import io.tunnelmux.core.transport.TunnelLoop;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the bytes that are on their way from one loop to a stream on another: what the stream says of itself is of no use while they have not got there. On
 * the loop that they come from.
 */
final class LoopCrossing {

    private static final int HIGH_WATER_BYTES = 64 * 1024;
    private static final int LOW_WATER_BYTES = 32 * 1024;

    private final TunnelLoop target;
    private final TunnelLoop source;
    private final Runnable onLow;
    private final AtomicInteger underWayBytes = new AtomicInteger();

    /** @param onLow run on {@code source} when most of what made the crossing full has arrived */
    LoopCrossing(TunnelLoop target, TunnelLoop source, Runnable onLow) {
        this.target = target;
        this.source = source;
        this.onLow = onLow;
    }

    /** So many bytes were just sent off. */
    void onSent(int bytes) {
        underWayBytes.addAndGet(bytes);
        // Runs behind the arrival of these very bytes.
        target.execute(() -> {
            int left = underWayBytes.addAndGet(-bytes);
            if (left < LOW_WATER_BYTES && left + bytes >= LOW_WATER_BYTES) {
                source.execute(onLow);
            }
        });
    }

    boolean isFull() {
        return underWayBytes.get() >= HIGH_WATER_BYTES;
    }
}
