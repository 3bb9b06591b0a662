package io.tunnelmux.core.log;

/**
 * Makes texts of a peer fit for a line of the log: they begin no line of their own, do nothing to a terminal, and make up no {@code key=value}. What could
 * do so becomes <code>&#92;u{hex}</code>, a code point. A text that has been here once is not changed a second time, so a peer that says
 * <code>&#92;u{a}</code> cannot be told from one that says a line feed. Any thread.
 */
public final class Printable {

    private static final int LONGEST_HEX = 6;

    private Printable() {}

    /** For a value within quotes; {@code text} itself if nothing in it needs a change, as is usual. */
    public static String quoted(String text) {
        return of(text, false);
    }

    /** For a value without quotes: blanks are escaped too. {@code text} itself if nothing in it needs a change. */
    public static String bare(String text) {
        return of(text, true);
    }

    private static String of(String text, boolean isBare) {
        int plain = plainFrom(text, 0, isBare);
        return plain == text.length() ? text : escaped(text, plain, isBare);
    }

    private static String escaped(String text, int plainChars, boolean isBare) {
        StringBuilder escaped = new StringBuilder(text.length() + 16).append(text, 0, plainChars);
        int at = plainChars;
        while (at < text.length()) {
            int c = text.codePointAt(at);
            escaped.append("\\u{").append(Integer.toHexString(c)).append('}');
            int from = at + Character.charCount(c);
            at = plainFrom(text, from, isBare);
            escaped.append(text, from, at);
        }
        return escaped.toString();
    }

    /** Where the first code point is, from {@code from} on, that may not stay; the text's length if all may. */
    private static int plainFrom(String text, int from, boolean isBare) {
        int at = from;
        while (at < text.length()) {
            char first = text.charAt(at);
            int length = 1;
            if (first == '\\') {
                length = escapeAt(text, at);
            } else if (first <= ' ' || first >= 0x7f) {
                int c = text.codePointAt(at);
                length = isPlain(c, isBare) ? Character.charCount(c) : 0;
            } else if (first == '"') {
                length = 0;
            }
            if (length == 0) {
                break;
            }
            at += length;
        }
        return at;
    }

    private static boolean isPlain(int c, boolean isBare) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED -> false;
            case Character.SPACE_SEPARATOR -> !isBare;
            default -> true;
        };
    }

    /** How long the escape is that begins here; 0 if none does. */
    private static int escapeAt(String text, int at) {
        int digits = at + 3;
        if (!text.startsWith("u{", at + 1)) {
            return 0;
        }
        int end = digits;
        while (end < text.length() && end - digits < LONGEST_HEX && isHex(text.charAt(end))) {
            end++;
        }
        boolean isEscape = end > digits && end < text.length() && text.charAt(end) == '}';
        return isEscape ? end + 1 - at : 0;
    }

    private static boolean isHex(char c) {
        return c >= '0' && c <= '9' || c >= 'a' && c <= 'f';
    }
}
