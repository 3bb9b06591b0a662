package io.tunnelmux.core;

import io.tunnelmux.protocol.Payload;
import java.util.Arrays;

/** The pieces of one message, until the last has come. The caller bounds the length. */
final class MessageAssembler {

    private byte[] bytes = new byte[0];
    private int length;

    int length() {
        return length;
    }

    /** Adds a piece, which is lent. */
    void add(Payload piece) {
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
