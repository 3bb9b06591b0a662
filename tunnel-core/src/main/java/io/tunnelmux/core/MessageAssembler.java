package io.tunnelmux.core;

import io.tunnelmux.protocol.Payload;
import java.util.Arrays;

/** The pieces of one message, until the last has come. The caller bounds the length. */
final class MessageAssembler {

    private byte[] bytes = new byte[0];
    private int length;
    private boolean isEnd;

    int length() {
        return length;
    }

    /** Whether one of the pieces said that the sender's half ends with the message. */
    boolean isEnd() {
        return isEnd;
    }

    /** Adds a piece, which is lent. */
    void add(Payload piece, boolean isMarkedEnd) {
        isEnd |= isMarkedEnd;
        int needed = length + piece.length();
        if (needed > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(needed, bytes.length * 2));
        }
        piece.copyTo(0, bytes, length, piece.length());
        length = needed;
    }

    Payload whole() {
        return Payload.of(Arrays.copyOf(bytes, length));
    }
}
