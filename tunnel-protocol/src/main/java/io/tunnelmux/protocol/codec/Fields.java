package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a map by the types that they must have; null is absent. A strict one refuses a field of a wrong type, a lenient one
 * takes it for absent. What is refused is an {@link IllegalArgumentException}.
 */
final class Fields {

    private final MessageFormat format;
    private final boolean isLenient;
    private final Map<String, @Nullable Object> map;

    private Fields(MessageFormat format, boolean isLenient, Map<String, @Nullable Object> map) {
        this.format = format;
        this.isLenient = isLenient;
        this.map = map;
    }

    static Fields strict(MessageFormat format, Map<String, @Nullable Object> map) {
        return new Fields(format, false, map);
    }

    static Fields lenient(MessageFormat format, Map<String, @Nullable Object> map) {
        return new Fields(format, true, map);
    }

    /** How bytes are written here. */
    MessageFormat format() {
        return format;
    }

    Set<String> keys() {
        return map.keySet();
    }

    /** The value as it was read, whatever its type. */
    @Nullable
    Object any(String key) {
        return map.get(key);
    }

    /** Whether there is a value that is not null. */
    boolean has(String key) {
        return map.get(key) != null;
    }

    @Nullable
    String text(String key) {
        return typed(key, String.class, "text");
    }

    String needText(String key) {
        return need(key, text(key));
    }

    /** False if absent. */
    boolean flag(String key) {
        Boolean value = typed(key, Boolean.class, "a boolean");
        return value != null && value;
    }

    boolean needFlag(String key) {
        return need(key, typed(key, Boolean.class, "a boolean"));
    }

    /** An integer of 0 to {@code max}, or {@code absent}. */
    long uint(String key, long absent, long max) {
        Object value = map.get(key);
        if (value == null) {
            return absent;
        }
        if (isLenient && value instanceof Double number && number == Math.rint(number) && Math.abs(number) < 1L << 53) {
            value = number.longValue();
        }
        if (value instanceof Long number && number >= 0 && number <= max) {
            return number;
        }
        if (isLenient) {
            return absent;
        }
        throw new IllegalArgumentException(key + " is no integer of 0 to " + max);
    }

    int uint(String key, int absent, int max) {
        return (int) uint(key, (long) absent, max);
    }

    int needUint(String key, int max) {
        int value = uint(key, -1, max);
        if (value < 0) {
            throw missing(key);
        }
        return value;
    }

    /** A copy of the bytes; empty if absent. Base64 in JSON. */
    Payload bytes(String key) {
        Payload bytes = bytesOrNull(key);
        return bytes == null ? Payload.EMPTY : bytes;
    }

    Payload needBytes(String key) {
        return need(key, bytesOrNull(key));
    }

    private @Nullable Payload bytesOrNull(String key) {
        if (format == MessageFormat.CBOR) {
            byte[] bytes = typed(key, byte[].class, "a byte string");
            return bytes == null ? null : Payload.of(bytes);
        }
        String text = typed(key, String.class, "base64 text");
        return text == null ? null : base64(key, text);
    }

    static Payload base64(String key, String text) {
        try {
            return Payload.of(Base64.getDecoder().decode(text));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(key + " is no base64", e);
        }
    }

    /** A map of anything, or null. */
    @SuppressWarnings("unchecked") // the reader makes maps from String alone
    @Nullable
    Map<String, @Nullable Object> map(String key) {
        return (Map<String, @Nullable Object>) typed(key, Map.class, "a map");
    }

    /** The fields of a map that is a field itself, or null. */
    @Nullable
    Fields fields(String key) {
        Map<String, @Nullable Object> inner = map(key);
        return inner == null ? null : new Fields(format, isLenient, inner);
    }

    @Nullable
    List<?> list(String key) {
        return typed(key, List.class, "an array");
    }

    /** Headers; empty if absent. A lenient one takes a bare text for an array of one, and skips values that are no text. */
    Headers headers(String key) {
        Fields inner = fields(key);
        if (inner == null) {
            return Headers.EMPTY;
        }
        Headers.Builder headers = Headers.builder();
        for (String name : inner.keys()) {
            for (Object value : inner.headerValues(name)) {
                if (value instanceof String text) {
                    headers.add(name, text);
                } else if (!isLenient) {
                    throw new IllegalArgumentException("a value of header " + name + " is no text");
                }
            }
        }
        return headers.build();
    }

    private List<?> headerValues(String name) {
        if (isLenient && any(name) instanceof String text) {
            return List.of(text);
        }
        List<?> values = list(name);
        return values == null ? new ArrayList<>() : values;
    }

    private <T> @Nullable T typed(String key, Class<T> type, String typeName) {
        Object value = map.get(key);
        if (value == null || type.isInstance(value)) {
            return type.cast(value);
        }
        if (isLenient) {
            return null;
        }
        throw new IllegalArgumentException(key + " is not " + typeName);
    }

    private static <T> T need(String key, @Nullable T value) {
        if (value == null) {
            throw missing(key);
        }
        return value;
    }

    private static IllegalArgumentException missing(String key) {
        return new IllegalArgumentException(key + " is missing");
    }
}
