package io.tunnelmux.protocol;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What text in a value may be. Texts for programs are refused when they are wrong; texts for people are cut, so that no error report
 * fails for being too long. Both end up as valid Unicode: every codec can write them.
 */
final class Text {

    /** Longest id or name, in chars. */
    static final int MAX_NAME = 256;
    /** Longest address, authority and the like, in chars. */
    static final int MAX_SHORT = 1_024;
    /** Longest path, query or header value, in chars. */
    static final int MAX_LONG = 65_536;
    /** Longest error text for people, in bytes of UTF-8. */
    static final int MAX_MESSAGE_BYTES = 8_192;
    /** Longest reason of a CLOSE or CANCEL, in bytes of UTF-8. */
    static final int MAX_REASON_BYTES = 1_024;

    private Text() {}

    /** Requires 1 to {@code max} chars of text without control characters. */
    static String needed(String what, String value, int max) {
        if (value.isEmpty()) {
            throw new IllegalArgumentException(what + " is empty");
        }
        return line(what, value, max);
    }

    /** As {@link #line}, or null; empty is as good as null. */
    static @Nullable String optional(String what, @Nullable String value, int max) {
        return value == null || value.isEmpty() ? null : line(what, value, max);
    }

    /** Requires 0 to {@code max} chars of text without control characters. */
    static String line(String what, String value, int max) {
        if (value.length() > max) {
            throw new IllegalArgumentException(what + " of " + value.length() + " chars, at most " + max);
        }
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c < 0x20 || c == 0x7f) {
                throw new IllegalArgumentException(what + " holds control character " + (int) c);
            }
            if (Character.isSurrogate(c)) {
                i = endOfPair(what, value, i);
            }
        }
        return value;
    }

    /** Requires valid Unicode, any length. */
    static String unicode(String what, String value) {
        for (int i = 0; i < value.length(); i++) {
            if (Character.isSurrogate(value.charAt(i))) {
                i = endOfPair(what, value, i);
            }
        }
        return value;
    }

    private static int endOfPair(String what, String value, int index) {
        if (!Character.isHighSurrogate(value.charAt(index))
                || index + 1 == value.length()
                || !Character.isLowSurrogate(value.charAt(index + 1))) {
            throw new IllegalArgumentException(what + " holds half a surrogate pair at " + index);
        }
        return index + 1;
    }

    /** The value as far as {@code maxBytes} of UTF-8 go, cut at a character; half surrogate pairs become question marks. */
    static String cut(String value, int maxBytes) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        int end = Math.min(utf8.length, maxBytes);
        while (end < utf8.length && (utf8[end] & 0xc0) == 0x80) {
            end--;
        }
        return new String(utf8, 0, end, StandardCharsets.UTF_8);
    }

    /** As {@link #cut}, or null; empty is as good as null. */
    static @Nullable String cutOrNull(@Nullable String value, int maxBytes) {
        return value == null || value.isEmpty() ? null : cut(value, maxBytes);
    }

    /** For people: whether there is a query, not what it says; many put credentials there. */
    static String maskedQuery(@Nullable String query) {
        return query == null ? "" : query.isEmpty() ? "?" : "?***";
    }

    /** Requires a token of RFC 9110 5.6.2 of 1 to {@code max} chars. */
    static String token(String what, String value, int max) {
        if (value.isEmpty() || value.length() > max) {
            throw new IllegalArgumentException(what + " of " + value.length() + " chars, 1 to " + max + " allowed");
        }
        for (int i = 0; i < value.length(); i++) {
            if (!isTokenChar(value.charAt(i))) {
                throw new IllegalArgumentException(what + " is no token: character " + (int) value.charAt(i));
            }
        }
        return value;
    }

    private static boolean isTokenChar(char c) {
        return (c >= '0' && c <= '9')
                || (c >= 'A' && c <= 'Z')
                || (c >= 'a' && c <= 'z')
                || "!#$%&'*+-.^_`|~".indexOf(c) >= 0;
    }

    /** Requires {@code min <= value <= max}. */
    static int range(String what, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(what + ": " + value + ", " + min + " to " + max + " allowed");
        }
        return value;
    }

    /** Requires {@code value >= 0}. */
    static long notNegative(String what, long value) {
        if (value < 0) {
            throw new IllegalArgumentException(what + ": " + value);
        }
        return value;
    }
}
