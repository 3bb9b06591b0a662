package io.tunnelmux.benchmarks.relay;

import java.nio.ByteBuffer;

/** Bytes 0, 1, … 250, 0, 1, …: with a period that no buffer has, so that what is lost or doubled shows. Stateless; any thread. */
final class Pattern251 {
    /** How often it repeats in a chunk of 251 KiB, behind which the next fits. */
    private static final int CHUNK_PERIODS = 1024;

    private static final int PERIOD = 251;

    private Pattern251() {}

    /** The byte at an offset of a stream. */
    static byte at(long offset) {
        return (byte) (offset % PERIOD);
    }

    /** The first {@code bytes} of it, direct, from 0 to its capacity. */
    static ByteBuffer of(int bytes) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes);
        for (int i = 0; i < bytes; i++) {
            buffer.put(i, at(i));
        }
        return buffer;
    }

    /** A stretch that may follow itself. */
    static ByteBuffer chunk() {
        return of(CHUNK_PERIODS * PERIOD);
    }
}
