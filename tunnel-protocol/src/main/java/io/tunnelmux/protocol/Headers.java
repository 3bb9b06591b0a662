package io.tunnelmux.protocol;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Header fields of HTTP. Names compare without case and keep the spelling of the first; the values of one name keep their order. A
 * value is Latin-1: one char is one byte on HTTP's wire.
 *
 * <p>Two are equal if they have the same names, compared without case and in any order, each with the same values in the same order.
 *
 * <p>Immutable; any thread.
 */
public final class Headers {

    /** No fields at all. */
    public static final Headers EMPTY = new Headers(Map.of(), 0);

    /** Longest name, in chars. */
    public static final int MAX_NAME_LENGTH = Text.MAX_NAME;
    /** Longest value, in chars. */
    public static final int MAX_VALUE_LENGTH = Text.MAX_LONG;

    /** Most values over all names. Each costs some hundred bytes of memory, however short it is. */
    public static final int MAX_VALUES = 1_000;

    private static final Set<String> SECRET = Set.of("authorization", "cookie", "set-cookie", "proxy-authorization");

    /** By name in lower case, in order of first appearance. */
    private final Map<String, Field> fields;

    private final int size;

    private Headers(Map<String, Field> fields, int size) {
        this.fields = fields;
        this.size = size;
    }

    /** A builder that holds nothing yet. */
    public static Builder builder() {
        return new Builder();
    }

    /** The first value of {@code name}, or null if there is none. */
    public @Nullable String first(String name) {
        Field field = fields.get(lowerCase(name));
        return field == null ? null : field.values.get(0);
    }

    /** All values of {@code name} in order, unmodifiable, empty if there are none. */
    public List<String> all(String name) {
        Field field = fields.get(lowerCase(name));
        return field == null ? List.of() : field.values;
    }

    /** Whether there is at least one value of {@code name}. */
    public boolean contains(String name) {
        return fields.containsKey(lowerCase(name));
    }

    /** Whether there are no values at all. */
    public boolean isEmpty() {
        return size == 0;
    }

    /** Number of values over all names. */
    public int size() {
        return size;
    }

    /** The names as spelt first, in order of first appearance; unmodifiable. */
    public Set<String> names() {
        Set<String> names = new LinkedHashSet<>();
        fields.values().forEach(field -> names.add(field.name));
        return Collections.unmodifiableSet(names);
    }

    /** Calls {@code action} with each value and its name's spelling: names in order of first appearance, values in order. */
    public void forEach(BiConsumer<String, String> action) {
        for (Field field : fields.values()) {
            for (String value : field.values) {
                action.accept(field.name, value);
            }
        }
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Headers that && size == that.size && fields.equals(that.fields);
    }

    @Override
    public int hashCode() {
        return fields.hashCode();
    }

    /** For people. Values that hold credentials are masked. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("{");
        fields.forEach((key, field) -> {
            text.append(text.length() > 1 ? ", " : "").append(field.name).append('=');
            text.append(SECRET.contains(key) ? "[***]" : field.values);
        });
        return text.append('}').toString();
    }

    private static String lowerCase(String name) {
        return name.toLowerCase(Locale.ROOT);
    }

    /** A name as spelt first, and its values. Equal by the values: the name is the map's key. */
    private static final class Field {
        private final String name;
        private final List<String> values;

        Field(String name, List<String> values) {
            this.name = name;
            this.values = values;
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Field that && values.equals(that.values);
        }

        @Override
        public int hashCode() {
            return values.hashCode();
        }
    }

    /** Gathers fields. For one thread. */
    public static final class Builder {
        private final Map<String, Field> fields = new LinkedHashMap<>();
        private int size;

        private Builder() {}

        /**
         * Adds one value behind those that the name already has.
         *
         * @throws IllegalArgumentException if the name is no token or too long, or the value is too long or holds CR, LF, NUL or a char
         *     beyond Latin-1, or there are {@value Headers#MAX_VALUES} values already
         */
        public Builder add(String name, String value) {
            Text.token("header name", name, MAX_NAME_LENGTH);
            requireValue(name, value);
            if (size == MAX_VALUES) {
                throw new IllegalArgumentException("more than " + MAX_VALUES + " header values");
            }
            fields.computeIfAbsent(lowerCase(name), key -> new Field(name, new ArrayList<>(1)))
                    .values
                    .add(value);
            size++;
            return this;
        }

        /** The fields added so far. The builder may be used on. */
        public Headers build() {
            if (size == 0) {
                return EMPTY;
            }
            Map<String, Field> copy = new LinkedHashMap<>();
            fields.forEach((key, field) -> copy.put(key, new Field(field.name, List.copyOf(field.values))));
            return new Headers(copy, size);
        }

        private static void requireValue(String name, String value) {
            if (value.length() > MAX_VALUE_LENGTH) {
                throw new IllegalArgumentException(
                        "value of " + name + " of " + value.length() + " chars, at most " + MAX_VALUE_LENGTH);
            }
            for (int i = 0; i < value.length(); i++) {
                char c = value.charAt(i);
                if (c == '\r' || c == '\n' || c == 0 || c > 0xff) {
                    throw new IllegalArgumentException("value of " + name + " holds character " + (int) c);
                }
            }
        }
    }
}
