package io.tunnelmux.protocol.codec;

import java.util.Arrays;

/**
 * Walks over the heads of a CBOR document once before anything is built from it. After it every length is known to lie within the
 * document, nesting and number of values are bounded, and tags are gone: removing their heads is what looking through them means,
 * since lengths of lists and maps count items and not bytes.
 *
 * <pre>
 *   7 6 5   4 3 2 1 0
 *  +-------+-----------+--------------------------
 *  | major | info      | 0, 1, 2, 4 or 8 bytes: the argument
 *  +-------+-----------+--------------------------
 * </pre>
 */
final class CborShape {

    private static final int BYTES = 2;
    private static final int TEXT = 3;
    private static final int ARRAY = 4;
    private static final int MAP = 5;
    private static final int TAG = 6;
    private static final int SIMPLE = 7;
    private static final int INDEFINITE = 31;
    private static final int BREAK = 0xff;

    private final byte[] bytes;
    private final int maxDepth;
    private int position;
    private int headsLeft;
    private long argument;

    /** The document without the tags met so far, once there was one. */
    private byte[] stripped = new byte[0];

    private int strippedLength;
    private int copiedUpTo;

    private CborShape(byte[] bytes, int maxDepth, int maxHeads) {
        this.bytes = bytes;
        this.maxDepth = maxDepth;
        this.headsLeft = maxHeads;
    }

    /**
     * The one item that {@code bytes} are, without its tags; the same array if it has none.
     *
     * @throws IllegalArgumentException if they are not exactly one well-formed item within the limits
     */
    static byte[] checkAndDropTags(byte[] bytes, int maxDepth, int maxValues) {
        // a map's key and value, and a tag before each: at most four heads a value, and the document itself
        CborShape shape = new CborShape(bytes, maxDepth, Math.addExact(Math.multiplyExact(maxValues, 4), 4));
        shape.item(0);
        if (shape.position != bytes.length) {
            throw new IllegalArgumentException((bytes.length - shape.position) + " bytes behind the map");
        }
        return shape.result();
    }

    /** Walks over one item and tells its major type. */
    private int item(int depth) {
        int first = head();
        int major = first >> 5;
        boolean isIndefinite = (first & 0x1f) == INDEFINITE;
        switch (major) {
            case BYTES, TEXT -> {
                if (isIndefinite) {
                    segments(major);
                } else {
                    string(major);
                }
            }
            case ARRAY, MAP -> container(major, isIndefinite, depth + 1);
            case SIMPLE -> {
                if (isIndefinite) {
                    throw new IllegalArgumentException("break outside of an indefinite item at byte " + (position - 1));
                }
            }
            default -> {
                // an integer: the head is all of it
            }
        }
        return major;
    }

    private void container(int major, boolean isIndefinite, int depth) {
        if (depth > maxDepth) {
            throw new IllegalArgumentException("nested deeper than " + maxDepth);
        }
        if (isIndefinite) {
            while (!atBreak()) {
                entry(major, depth);
            }
            return;
        }
        long entries = argument;
        requireAtHand(entries); // each takes at least one byte
        for (long i = 0; i < entries; i++) {
            entry(major, depth);
        }
    }

    private void entry(int major, int depth) {
        int start = position;
        if (major == MAP && item(depth) != TEXT) {
            throw new IllegalArgumentException("a key that is no text at byte " + start);
        }
        item(depth);
    }

    /** Pieces of an indefinite string: definite strings of the same type up to a break. */
    private void segments(int major) {
        while (!atBreak()) {
            int first = next();
            if (first >> 5 != major || (first & 0x1f) == INDEFINITE) {
                throw new IllegalArgumentException("wrong piece of a string at byte " + (position - 1));
            }
            countHead();
            argument(first & 0x1f);
            string(major);
        }
    }

    private void string(int major) {
        requireAtHand(argument);
        int end = position + (int) argument;
        if (major == TEXT && !Utf8.isValid(bytes, position, end)) {
            throw new IllegalArgumentException("text that is not UTF-8 at byte " + position);
        }
        position = end;
    }

    /** Reads the next head that is no tag, and its argument; removes the tags before it. Returns the head's first byte. */
    private int head() {
        while (true) {
            int start = position;
            int first = next();
            int major = first >> 5;
            int info = first & 0x1f;
            countHead();
            if (info == INDEFINITE) {
                if (major == TAG || major < BYTES) {
                    throw new IllegalArgumentException("indefinite integer or tag at byte " + start);
                }
                return first;
            }
            argument(info);
            if (major == SIMPLE && info == 24 && argument < 32) {
                throw new IllegalArgumentException("simple value in two bytes at byte " + start);
            }
            if (major != TAG) {
                return first;
            }
            remove(start, position);
        }
    }

    private void argument(int info) {
        if (info < 24) {
            argument = info;
            return;
        }
        if (info > 27) {
            throw new IllegalArgumentException("reserved head at byte " + (position - 1));
        }
        long value = 0;
        for (int count = 1 << (info - 24); count > 0; count--) {
            value = value << 8 | next();
        }
        argument = value;
    }

    private boolean atBreak() {
        if (position < bytes.length && (bytes[position] & 0xff) == BREAK) {
            position++;
            return true;
        }
        return false;
    }

    private int next() {
        if (position == bytes.length) {
            throw new IllegalArgumentException("document ends at byte " + position + " within an item");
        }
        return bytes[position++] & 0xff;
    }

    private void countHead() {
        if (headsLeft-- == 0) {
            throw new IllegalArgumentException("too many values");
        }
    }

    /** Requires that as many bytes as {@code argument} says, an unsigned number, are still there. */
    private void requireAtHand(long length) {
        if (Long.compareUnsigned(length, bytes.length - position) > 0) {
            throw new IllegalArgumentException(
                    "length of " + Long.toUnsignedString(length) + " at byte " + position + " of " + bytes.length);
        }
    }

    private void remove(int from, int to) {
        if (stripped.length == 0) {
            stripped = new byte[bytes.length];
        }
        keepUpTo(from);
        copiedUpTo = to;
    }

    private void keepUpTo(int end) {
        System.arraycopy(bytes, copiedUpTo, stripped, strippedLength, end - copiedUpTo);
        strippedLength += end - copiedUpTo;
    }

    private byte[] result() {
        if (stripped.length == 0) {
            return bytes;
        }
        keepUpTo(bytes.length);
        return Arrays.copyOf(stripped, strippedLength);
    }
}
