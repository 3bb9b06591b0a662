package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.Payload;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that come on a stream, for a thread that waits for them. The loop puts them into a {@link ByteLane}; credit is granted for those that the thread
 * has taken, gathered up to 32 KiB or until it waits for more.
 */
final class BlockingInput extends InputStream {

    static final int GATHERED_CREDIT_BYTES = 32 * 1024;

    private final ByteLane lane = new ByteLane();
    private final WaitingPlace place;
    private final IntConsumer consumed;
    /** Whoever has the turn's. */
    private int untoldBytes;

    private volatile boolean isClosed;
    /** Set once; nothing is put after it. */
    private volatile @Nullable End end;

    /** How the input ended: cleanly if the outcome is null. */
    private record End(@Nullable Outcome failure) {}

    /** @param consumed told, by any thread, of bytes that were taken or dropped */
    BlockingInput(TunnelLoop loop, IntConsumer consumed) {
        place = new WaitingPlace(loop);
        this.consumed = consumed;
    }

    WaitingPlace place() {
        return place;
    }

    // The loop's.

    /** Bytes came; they are taken. */
    void onBytes(Payload payload) {
        lane.put(payload);
        if (isClosed) {
            discard();
        } else {
            place.wake();
        }
    }

    /** Nothing more comes; null is a clean end. Further calls do nothing. */
    void onEnd(@Nullable Outcome failure) {
        if (end == null) {
            end = new End(failure);
            place.wake();
        }
    }

    // The threads'.

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int count) throws IOException {
        Objects.checkFromIndexSize(offset, count, target.length);
        if (count == 0) {
            place.requireElsewhere();
            return 0;
        }
        WaitingPlace.Turn turn = place.begin();
        try {
            int taken = take(target, offset, count);
            if (taken == 0) {
                tellConsumed();
                place.await(turn, () -> !lane.isEmpty() || isClosed || end != null);
                taken = take(target, offset, count);
            }
            return taken;
        } finally {
            place.finish();
            discard();
        }
    }

    /** Takes what is there: 0 if nothing is and more may come. */
    private int take(byte[] target, int offset, int count) throws IOException {
        if (isClosed) {
            throw new IOException("the input was closed");
        }
        // Looked at first: what came before the end is taken before it.
        End seen = end;
        int taken = lane.take(target, offset, count);
        if (taken == 0 && seen != null) {
            if (seen.failure != null) {
                throw new StreamException(seen.failure);
            }
            return -1;
        }
        untoldBytes += taken;
        if (untoldBytes >= GATHERED_CREDIT_BYTES) {
            tellConsumed();
        }
        return taken;
    }

    private void tellConsumed() {
        int bytes = untoldBytes;
        if (bytes > 0) {
            untoldBytes = 0;
            consumed.accept(bytes);
        }
    }

    @Override
    public int available() {
        return isClosed ? 0 : lane.bytes();
    }

    /** Drops and credits what is there and what still comes. Never waits; any thread. */
    @Override
    public void close() {
        isClosed = true;
        place.wake();
        discard();
    }

    /** Frees what is there once it was closed. Who cannot because another has the turn leaves it to that one, who looks here after its turn. */
    private void discard() {
        while (isClosed && place.tryBegin()) {
            try {
                untoldBytes += lane.clear();
                tellConsumed();
            } finally {
                place.finish();
            }
            if (lane.bytes() == 0) {
                return;
            }
        }
    }
}
