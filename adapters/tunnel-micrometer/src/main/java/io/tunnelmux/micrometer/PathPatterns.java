package io.tunnelmux.micrometer;

import java.util.ArrayList;
import java.util.List;

/**
 * What paths have in common, as the value of a label: {@code /users/4711/orders} is {@code /users/{id}/orders}. Numbers, UUIDs, hashes and whatever else
 * looks like a name that a machine has made become {@code {id}}; Kubernetes' own paths are read as Kubernetes means them, so that a pod's name, however it
 * looks, is {@code {name}}.
 *
 * <p>At most so many patterns are told apart, and a path that was not found adds none: who asks for what is not there cannot use them up. All others are {@code
 * other}. Any thread.
 */
final class PathPatterns {

    /** More segments than that are put together. */
    private static final int MAX_SEGMENTS = 8;

    private static final int MAX_WORD_CHARS = 32;
    /** So many digits in a row are no version and no size. */
    private static final int MANY_DIGITS = 4;
    /** A word of hexadecimal digits alone is a hash from this length on, if some of them are digits. */
    private static final int HASH_CHARS = 8;

    private static final String ID = "{id}";
    private static final String NAME = "{name}";
    private static final String REST = "{path}";

    private final BoundedLabels patterns;

    PathPatterns(int max) {
        patterns = new BoundedLabels(max);
    }

    /** @param status that the request was answered with; only what was found, or moved, makes a pattern known */
    String of(String path, int status) {
        String pattern = pattern(path);
        return status >= 100 && status < 400 ? patterns.of(pattern) : patterns.ofKnown(pattern);
    }

    /** The pattern of a path, however many there are. */
    static String pattern(String path) {
        if (!path.startsWith("/")) {
            return path.equals("*") ? "*" : ID;
        }
        List<String> segments = segments(path);
        if (segments.isEmpty()) {
            return "/";
        }
        StringBuilder pattern = new StringBuilder(path.length());
        int begun = kubernetes(segments, pattern);
        for (int i = begun; i < segments.size(); i++) {
            if (i - begun == MAX_SEGMENTS) {
                append(pattern, REST);
                break;
            }
            append(pattern, isId(segments.get(i)) ? ID : segments.get(i));
        }
        return pattern.toString();
    }

    /** Without those that are empty. */
    private static List<String> segments(String path) {
        List<String> segments = new ArrayList<>();
        int start = 1;
        while (start < path.length()) {
            int slash = path.indexOf('/', start);
            int end = slash < 0 ? path.length() : slash;
            if (end > start) {
                segments.add(path.substring(start, end));
            }
            start = end + 1;
        }
        return segments;
    }

    private static void append(StringBuilder pattern, String segment) {
        pattern.append('/').append(segment);
    }

    /**
     * Reads {@code /api/v1/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE} and {@code /apis/GROUP/VERSION/…}, also without a namespace and behind {@code
     * watch}. What comes behind {@code proxy} is somebody else's path.
     *
     * @return how many segments were read; 0 if it is no such path
     */
    private static int kubernetes(List<String> segments, StringBuilder pattern) {
        String root = segments.get(0);
        int prefix = root.equals("api") ? 2 : root.equals("apis") ? 3 : 0;
        if (prefix == 0
                || segments.size() < prefix
                || !isVersion(segments.get(prefix - 1))
                || hasIds(segments, prefix)) {
            return 0;
        }
        for (int i = 0; i < prefix; i++) {
            append(pattern, segments.get(i));
        }
        int at = prefix;
        if (at < segments.size() && segments.get(at).equals("watch")) {
            append(pattern, "watch");
            at++;
        }
        if (at + 1 < segments.size() && segments.get(at).equals("namespaces")) {
            append(pattern, "namespaces");
            append(pattern, "{namespace}");
            at += 2;
        }
        String[] parts = {null, NAME, null, REST};
        for (int part = 0; part < parts.length && at < segments.size(); part++, at++) {
            String segment = segments.get(at);
            append(pattern, parts[part] != null ? parts[part] : isId(segment) ? ID : segment);
        }
        return segments.size();
    }

    private static boolean hasIds(List<String> segments, int prefix) {
        for (int i = 1; i < prefix - 1; i++) {
            if (isId(segments.get(i))) {
                return true;
            }
        }
        return false;
    }

    /** {@code v1}, {@code v1beta1} and the like. */
    private static boolean isVersion(String segment) {
        return segment.length() > 1
                && segment.length() <= 10
                && segment.charAt(0) == 'v'
                && Character.isDigit(segment.charAt(1))
                && isWord(segment);
    }

    private static boolean isId(String segment) {
        int digits = 0;
        int hexDigits = 0;
        int digitsInARow = 0;
        int mostInARow = 0;
        for (int i = 0; i < segment.length(); i++) {
            char c = segment.charAt(i);
            boolean isDigit = c >= '0' && c <= '9';
            digits += isDigit ? 1 : 0;
            hexDigits += Character.digit(c, 16) >= 0 ? 1 : 0;
            digitsInARow = isDigit ? digitsInARow + 1 : 0;
            mostInARow = Math.max(mostInARow, digitsInARow);
        }
        return segment.length() > MAX_WORD_CHARS
                || !isWord(segment)
                || digits == segment.length()
                || mostInARow >= MANY_DIGITS
                || hexDigits == segment.length() && digits > 0 && segment.length() >= HASH_CHARS;
    }

    private static boolean isWord(String segment) {
        for (int i = 0; i < segment.length(); i++) {
            char c = segment.charAt(i);
            boolean isPlain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
            if (!isPlain && "-._~".indexOf(c) < 0) {
                return false;
            }
        }
        return true;
    }
}
