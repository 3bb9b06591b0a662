package io.tunnelmux.examples.quickstart;

import java.util.Arrays;
import java.util.Random;

/** Bytes that look like chance and are known at every position, so that both ends can check what arrives. Immutable; any thread. */
final class Pattern {

    /** The pattern repeats after so many bytes. */
    static final int BLOCK_BYTES = 64 * 1024;

    private static final byte[] BLOCK = new byte[BLOCK_BYTES];

    static {
        new Random(20_261_121).nextBytes(BLOCK);
    }

    private Pattern() {}

    /** The bytes from {@code position} on. */
    static byte[] bytes(long position, int count) {
        byte[] bytes = new byte[count];
        for (int done = 0; done < count; ) {
            int from = (int) ((position + done) % BLOCK_BYTES);
            int run = Math.min(count - done, BLOCK_BYTES - from);
            System.arraycopy(BLOCK, from, bytes, done, run);
            done += run;
        }
        return bytes;
    }

    /** Whether {@code bytes[offset..offset+count)} are those from {@code position} on. */
    static boolean matches(long position, byte[] bytes, int offset, int count) {
        for (int done = 0; done < count; ) {
            int from = (int) ((position + done) % BLOCK_BYTES);
            int run = Math.min(count - done, BLOCK_BYTES - from);
            if (Arrays.mismatch(bytes, offset + done, offset + done + run, BLOCK, from, from + run) >= 0) {
                return false;
            }
            done += run;
        }
        return true;
    }
}
