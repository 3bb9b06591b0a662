package io.tunnelmux.netty.observe;

import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Where a request belongs in a trace, as W3C Trace Context tells it in the field {@code traceparent}:
 *
 * <pre>
 * 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 * version    trace id, 32 digits      parent id, 16    flags
 * </pre>
 *
 * Immutable; any thread.
 *
 * @param traceId 32 lower-case hexadecimal digits, not all 0; the same for all that is done for one request
 * @param parentId 16 such digits: who sent the request on
 * @param isSampled whether whoever sent it may have recorded it
 */
public record TraceContext(String traceId, String parentId, boolean isSampled) {

    /** The field's name, in lower case. */
    public static final String FIELD = "traceparent";
    /** The name of the field that belongs to it, whose content is others' business. */
    public static final String STATE_FIELD = "tracestate";

    private static final int TRACE_DIGITS = 32;
    private static final int PARENT_DIGITS = 16;
    private static final int TRACE_START = 3;
    private static final int PARENT_START = TRACE_START + TRACE_DIGITS + 1;
    private static final int FLAGS_START = PARENT_START + PARENT_DIGITS + 1;
    private static final int LENGTH = FLAGS_START + 2;
    private static final String VERSION = "00";
    private static final String NO_VERSION = "ff";
    private static final int SAMPLED = 1;

    /** @throws IllegalArgumentException if an id is none */
    public TraceContext {
        requireId("traceId", traceId, TRACE_DIGITS);
        requireId("parentId", parentId, PARENT_DIGITS);
    }

    private static void requireId(String name, String id, int digits) {
        if (id.length() != digits || !isHex(id, 0, digits) || isZero(id)) {
            throw new IllegalArgumentException(name + ": " + id);
        }
    }

    /**
     * A trace that begins here, of ids by chance.
     *
     * @param isSampled whether those behind are to record it, as most do just where this is said
     */
    public static TraceContext begin(boolean isSampled) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        HexFormat hex = HexFormat.of();
        return new TraceContext(
                hex.toHexDigits(notZero(random)) + hex.toHexDigits(notZero(random)),
                hex.toHexDigits(notZero(random)),
                isSampled);
    }

    private static long notZero(ThreadLocalRandom random) {
        long value = random.nextLong();
        return value == 0 ? 1 : value;
    }

    /** What a request's fields of that name say: null unless there is one, and it is valid. Also of later versions than 00, of which that much is known. */
    public static @Nullable TraceContext of(List<String> fields) {
        return fields.size() == 1 ? parse(fields.get(0)) : null;
    }

    /** Reads the value of the field; null if it is missing or not valid. */
    public static @Nullable TraceContext parse(@Nullable String field) {
        if (field == null || field.length() < LENGTH) {
            return null;
        }
        boolean isKnown = field.startsWith(VERSION);
        boolean isWellFormed = isHex(field, 0, 2)
                && !field.startsWith(NO_VERSION)
                && (field.length() == LENGTH || !isKnown && field.charAt(LENGTH) == '-')
                && field.charAt(TRACE_START - 1) == '-'
                && field.charAt(PARENT_START - 1) == '-'
                && field.charAt(FLAGS_START - 1) == '-'
                && isHex(field, TRACE_START, PARENT_START - 1)
                && isHex(field, PARENT_START, FLAGS_START - 1)
                && isHex(field, FLAGS_START, LENGTH);
        if (!isWellFormed) {
            return null;
        }
        String traceId = field.substring(TRACE_START, PARENT_START - 1);
        String parentId = field.substring(PARENT_START, FLAGS_START - 1);
        boolean isSampled = (HexFormat.fromHexDigit(field.charAt(LENGTH - 1)) & SAMPLED) != 0;
        return isZero(traceId) || isZero(parentId) ? null : new TraceContext(traceId, parentId, isSampled);
    }

    private static boolean isHex(String text, int from, int to) {
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            if (!(c >= '0' && c <= '9' || c >= 'a' && c <= 'f')) {
                return false;
            }
        }
        return true;
    }

    private static boolean isZero(String id) {
        for (int i = 0; i < id.length(); i++) {
            if (id.charAt(i) != '0') {
                return false;
            }
        }
        return true;
    }

    /** The value of the field, in version 00. */
    @Override
    public String toString() {
        return VERSION + '-' + traceId + '-' + parentId + (isSampled ? "-01" : "-00");
    }
}
