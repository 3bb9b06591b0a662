package io.tunnelmux.protocol.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Tells valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF). Pure functions; any thread. */
final class Utf8 {

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final long HIGH_BITS = 0x8080_8080_8080_8080L;

    private Utf8() {}

    /** Whether the bytes from {@code from} to before {@code to} are whole characters. */
    static boolean isValid(byte[] bytes, int from, int to) {
        int i = from;
        while (i < to) {
            if (i + Long.BYTES <= to && ((long) LONG.get(bytes, i) & HIGH_BITS) == 0) {
                i += Long.BYTES; // eight ASCII characters
                continue;
            }
            int length = lengthOfCharacter(bytes, i, to);
            if (length == 0) {
                return false;
            }
            i += length;
        }
        return true;
    }

    /** Bytes of the character at {@code i}, or 0 if there is none. */
    private static int lengthOfCharacter(byte[] bytes, int i, int to) {
        int first = bytes[i] & 0xff;
        if (first < 0x80) {
            return 1;
        }
        if (first < 0xc2 || first > 0xf4) {
            return 0;
        }
        int length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (i + length > to) {
            return 0;
        }
        for (int k = 1; k < length; k++) {
            if ((bytes[i + k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        int second = bytes[i + 1] & 0xff;
        boolean isOutOfRange = (first == 0xe0 && second < 0xa0) // overlong
                || (first == 0xed && second >= 0xa0) // surrogates
                || (first == 0xf0 && second < 0x90) // overlong
                || (first == 0xf4 && second >= 0x90); // beyond U+10FFFF
        return isOutOfRange ? 0 : length;
    }
}
