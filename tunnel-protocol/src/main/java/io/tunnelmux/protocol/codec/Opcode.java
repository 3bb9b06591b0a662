package io.tunnelmux.protocol.codec;

import org.jspecify.annotations.Nullable;

/** What a WebSocket message in an envelope is, by RFC 6455's opcodes. */
enum Opcode {
    TEXT(1),
    BINARY(2),
    CLOSE(8),
    PING(9),
    PONG(10);

    private final int value;

    Opcode(int value) {
        this.value = value;
    }

    int value() {
        return value;
    }

    static @Nullable Opcode of(int value) {
        for (Opcode opcode : values()) {
            if (opcode.value == value) {
                return opcode;
            }
        }
        return null;
    }
}
