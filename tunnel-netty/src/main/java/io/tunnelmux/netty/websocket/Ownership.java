package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;

/** Whose memory a buffer is. Without state; any thread. */
public final class Ownership {

    private Ownership() {}

    /**
     * Whether who holds one reference to {@code buf} holds the only one, and may write to all of its memory. Derived buffers may count for
     * themselves, so each one down to the root is asked; what is made of several buffers is never taken for owned.
     */
    public static boolean isOwned(ByteBuf buf) {
        if (buf.isReadOnly()) {
            return false;
        }
        for (ByteBuf part = buf; part != null; part = part.unwrap()) {
            if (part.refCnt() != 1 || part instanceof CompositeByteBuf) {
                return false;
            }
        }
        return true;
    }
}
