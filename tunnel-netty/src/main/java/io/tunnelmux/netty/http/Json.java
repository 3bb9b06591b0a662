package io.tunnelmux.netty.http;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** Writes one JSON object, in ASCII alone, member by member. Whoever begins an object or an array ends it. For one thread. */
public final class Json {

    private static final double NANOS_PER_MILLI = 1e6;

    private final StringBuilder text = new StringBuilder(256);
    private final Deque<Character> ends = new ArrayDeque<>();
    private boolean isFirst = true;

    /** An object with no members yet. */
    public Json() {
        begin('{', '}');
    }

    /** Begins an object that is an element of an array. */
    public Json beginObject() {
        separate();
        return begin('{', '}');
    }

    /** Begins an object that is a member. */
    public Json beginObject(String name) {
        name(name);
        return begin('{', '}');
    }

    /** Begins an array that is a member. */
    public Json beginArray(String name) {
        name(name);
        return begin('[', ']');
    }

    /** Ends what was begun last. */
    public Json end() {
        text.append(ends.pop().charValue());
        isFirst = false;
        return this;
    }

    /** Adds text, or null. */
    public Json put(String name, @Nullable String value) {
        name(name);
        if (value == null) {
            text.append("null");
        } else {
            quote(value);
        }
        return this;
    }

    /** Adds a number. */
    public Json put(String name, long value) {
        name(name);
        text.append(value);
        return this;
    }

    /** Adds a truth. */
    public Json put(String name, boolean value) {
        name(name);
        text.append(value);
        return this;
    }

    /** Adds milliseconds with their thousandths, or null. */
    public Json putMillis(String name, @Nullable Duration value) {
        name(name);
        if (value == null) {
            text.append("null");
        } else {
            text.append(Math.round(value.toNanos() / NANOS_PER_MILLI * 1_000) / 1_000.0);
        }
        return this;
    }

    /** Ends all that was begun. The document, with a line's end. */
    public String finish() {
        while (!ends.isEmpty()) {
            end();
        }
        return text.append('\n').toString();
    }

    private Json begin(char begin, char end) {
        text.append(begin);
        ends.push(end);
        isFirst = true;
        return this;
    }

    private void name(String name) {
        separate();
        quote(name);
        text.append(':');
    }

    private void separate() {
        if (!isFirst) {
            text.append(',');
        }
        isFirst = false;
    }

    private void quote(String value) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }
}
