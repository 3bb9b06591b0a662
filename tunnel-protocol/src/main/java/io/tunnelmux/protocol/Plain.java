package io.tunnelmux.protocol;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Plain Java values, as free fields of messages hold them: {@link String}, {@link Boolean}, {@link Long}, finite {@link Double},
 * {@link List} (may hold null), {@link Map} from String. Every codec can write them, and they read back equal.
 */
final class Plain {

    /** Deepest nesting of lists and maps. */
    private static final int MAX_DEPTH = 32;

    private Plain() {}

    /** An unmodifiable deep copy of a map. Entries with the value null are left out: null is absent. */
    static Map<String, Object> copy(Map<String, ?> map) {
        return copyMap(map, MAX_DEPTH);
    }

    /** An unmodifiable deep copy of any plain value. */
    static @Nullable Object copy(@Nullable Object value) {
        return copy(value, MAX_DEPTH);
    }

    private static @Nullable Object copy(@Nullable Object value, int depthLeft) {
        if (value == null || value instanceof Boolean || value instanceof Long) {
            return value;
        } else if (value instanceof String text) {
            return Text.unicode("text", text);
        } else if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return ((Number) value).longValue();
        } else if (value instanceof BigInteger big) {
            return big.bitLength() < Long.SIZE ? (Object) big.longValue() : finite(big.doubleValue());
        } else if (value instanceof Double || value instanceof Float) {
            return finite(((Number) value).doubleValue());
        } else if (value instanceof byte[] bytes) {
            return Base64.getEncoder().encodeToString(bytes);
        } else if (value instanceof List<?> list) {
            return copyList(list, depthLeft);
        } else if (value instanceof Map<?, ?> map) {
            return copyMap(map, depthLeft);
        }
        throw new IllegalArgumentException(
                "not a plain value: " + value.getClass().getName());
    }

    private static List<@Nullable Object> copyList(List<?> list, int depthLeft) {
        requireDepth(depthLeft);
        List<@Nullable Object> copy = new ArrayList<>(list.size());
        for (Object value : list) {
            copy.add(copy(value, depthLeft - 1));
        }
        return Collections.unmodifiableList(copy);
    }

    private static Map<String, Object> copyMap(Map<?, ?> map, int depthLeft) {
        requireDepth(depthLeft);
        Map<String, Object> copy = new LinkedHashMap<>();
        map.forEach((key, value) -> {
            if (!(key instanceof String name)) {
                throw new IllegalArgumentException("a key that is no text: " + key);
            }
            if (name.length() > Text.MAX_NAME) {
                throw new IllegalArgumentException("key of " + name.length() + " chars, at most " + Text.MAX_NAME);
            }
            Text.unicode("key", name);
            Object plain = copy(value, depthLeft - 1);
            if (plain != null) {
                copy.put(name, plain);
            }
        });
        return Collections.unmodifiableMap(copy);
    }

    /** For people: the names of the payload's fields without their values, which may be credentials. */
    static String describe(String type, @Nullable String id, @Nullable Object payload) {
        Object shown = payload;
        if (payload instanceof Map<?, ?> map) {
            shown = map.keySet();
        } else if (payload != null) {
            shown = payload.getClass().getSimpleName();
        }
        return type + "[id=" + id + ", payload=" + shown + ']';
    }

    private static Double finite(double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("not a finite number: " + value);
        }
        return value;
    }

    private static void requireDepth(int depthLeft) {
        if (depthLeft == 0) {
            throw new IllegalArgumentException("values nested deeper than " + MAX_DEPTH);
        }
    }
}
