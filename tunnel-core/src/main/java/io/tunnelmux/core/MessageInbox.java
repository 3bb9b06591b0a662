package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.Message;
import java.io.IOException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The messages that come on a stream, for a thread that waits for them: at most 64, and of a bounded length together. The loop puts, threads take. */
final class MessageInbox {

    static final int MAX_MESSAGES = 64;

    private record Entry(Message message, int bytes) {}

    private record End(@Nullable Outcome failure) {}

    private final ConcurrentLinkedQueue<Entry> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger messages = new AtomicInteger();
    private final AtomicInteger bytes = new AtomicInteger();
    private final WaitingPlace place;
    private volatile boolean isClosed;
    private volatile @Nullable End end;

    MessageInbox(TunnelLoop loop) {
        place = new WaitingPlace(loop);
    }

    WaitingPlace place() {
        return place;
    }

    /**
     * A message came, on the loop.
     *
     * @param messageBytes its length on the wire
     * @param maxBytes what all that wait may have
     * @return false if there are too many; it is dropped then
     */
    boolean put(Message message, int messageBytes, int maxBytes) {
        if (isClosed) {
            return true;
        }
        if (messages.get() >= MAX_MESSAGES || messageBytes > maxBytes - bytes.get()) {
            return false;
        }
        messages.incrementAndGet();
        bytes.addAndGet(messageBytes);
        waiting.add(new Entry(message, messageBytes));
        place.wake();
        return true;
    }

    /** Nothing more comes, on the loop; null is a clean end. Further calls do nothing. */
    void onEnd(@Nullable Outcome failure) {
        if (end == null) {
            end = new End(failure);
            place.wake();
        }
    }

    /** The next message, or null at a clean end. */
    @Nullable
    Message take() throws IOException {
        WaitingPlace.Turn turn = place.begin();
        try {
            place.await(turn, () -> !waiting.isEmpty() || isClosed || end != null);
            End seen = end;
            Entry entry = waiting.poll();
            if (isClosed) {
                throw new IOException("the stream was closed");
            }
            if (entry != null) {
                messages.decrementAndGet();
                bytes.addAndGet(-entry.bytes);
                return entry.message;
            }
            if (seen != null && seen.failure != null) {
                throw new StreamException(seen.failure);
            }
            return null;
        } finally {
            place.finish();
        }
    }

    /** Drops what waits and what still comes. Any thread. */
    void close() {
        isClosed = true;
        waiting.clear();
        place.wake();
    }
}
