package io.tunnelmux.protocol.codec;

import java.nio.charset.StandardCharsets;

/** The reasons of CLOSE, CANCEL and GOAWAY: UTF-8, at most {@link #MAX_BYTES} of it. */
final class Reasons {

    static final int MAX_BYTES = 1_024;
    /** A character that begins within the limit may end this much behind it. */
    private static final int LONGEST_CHARACTER_BYTES = 4;

    private Reasons() {}

    /** The longest beginning of {@code reason} that is no more than {@link #MAX_BYTES} long and ends between two characters. */
    static String cut(String reason) {
        // No char needs more than three bytes, a pair of surrogates four.
        if (reason.length() * 3L <= MAX_BYTES) {
            return reason;
        }
        int bytes = 0;
        int index = 0;
        while (index < reason.length()) {
            int codePoint = reason.codePointAt(index);
            bytes += utf8Bytes(codePoint);
            if (bytes > MAX_BYTES) {
                return reason.substring(0, index);
            }
            index += Character.charCount(codePoint);
        }
        return reason;
    }

    /** The bytes that go on the wire, cut. */
    static byte[] encode(String reason) {
        return cut(reason).getBytes(StandardCharsets.UTF_8);
    }

    /** How many bytes {@link #encode} makes of it. */
    static int encodedBytes(String reason) {
        int bytes = 0;
        int index = 0;
        while (index < reason.length()) {
            int codePoint = reason.codePointAt(index);
            int more = utf8Bytes(codePoint);
            if (bytes + more > MAX_BYTES) {
                break;
            }
            bytes += more;
            index += Character.charCount(codePoint);
        }
        return bytes;
    }

    /** Reads a reason: each malformed sequence becomes U+FFFD, and what is longer than {@link #MAX_BYTES} after that is cut. */
    static String decode(byte[] bytes, int offset) {
        int count = Math.min(bytes.length - offset, MAX_BYTES + LONGEST_CHARACTER_BYTES);
        return cut(new String(bytes, offset, count, StandardCharsets.UTF_8));
    }

    private static int utf8Bytes(int codePoint) {
        if (codePoint < 0x80) {
            return 1;
        }
        if (codePoint < 0x800) {
            return 2;
        }
        if (codePoint < 0x1_0000) {
            // A surrogate without its other half is written as '?'.
            return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE ? 1 : 3;
        }
        return 4;
    }
}
