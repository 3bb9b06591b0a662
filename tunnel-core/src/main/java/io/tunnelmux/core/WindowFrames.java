package io.tunnelmux.core;

import io.tunnelmux.protocol.Frame;
import org.jspecify.annotations.Nullable;

/** The last WINDOW of a few streams, for the next that is the same: consumers take in equal steps what comes in equal steps. Belongs to a tunnel's loop. */
final class WindowFrames {
    private static final int SLOTS = 16;

    /** Made with the first, which an idle tunnel never sends. */
    private Frame.@Nullable Window @Nullable [] last;

    Frame.Window of(int streamId, int increment) {
        if (last == null) {
            last = new Frame.Window[1 + SLOTS];
        }
        // The tunnel's own has the first; ids of one side go up in steps of two.
        int slot = streamId == 0 ? 0 : 1 + (streamId >>> 1) % SLOTS;
        Frame.Window frame = last[slot];
        if (frame == null || frame.streamId() != streamId || frame.increment() != increment) {
            frame = new Frame.Window(streamId, increment);
            last[slot] = frame;
        }
        return frame;
    }
}
