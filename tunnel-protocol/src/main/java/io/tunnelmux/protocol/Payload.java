package io.tunnelmux.protocol;

/**
 * A run of bytes with one owner, who must {@link #release()} it exactly once. What lies behind is the carrier's choice: a byte
 * array here, the very buffer that a socket filled in a network transport.
 *
 * <p>A method that <em>takes</em> a payload becomes its owner, also when it throws; one to which a payload is <em>lent</em> may read
 * it until it returns. Releasing frees memory only; credit for the bytes is granted by whoever consumed them.
 *
 * <p>Not safe for use by several threads at once; handing one over to another thread is.
 */
public interface Payload {

    /** No bytes at all. Releasing it does nothing. */
    @SuppressWarnings("ClassInitializationDeadlock") // the only way to HeapPayload is through this interface
    Payload EMPTY = new HeapPayload(new byte[0], 0, 0);

    /** Number of bytes, 0 or more. */
    int length();

    /** @throws IndexOutOfBoundsException unless {@code 0 <= index < length()} */
    byte byteAt(int index);

    /**
     * The eight bytes from {@code index} on as a big-endian word.
     *
     * @throws IndexOutOfBoundsException unless {@code 0 <= index <= length() - 8}
     */
    long longAt(int index);

    /**
     * Copies {@code count} bytes from {@code index} on into {@code target}.
     *
     * @throws IndexOutOfBoundsException if either range is out of bounds
     */
    void copyTo(int index, byte[] target, int targetOffset, int count);

    /**
     * A payload of its own over a part of the same bytes, without a copy. Both must be released, in any order.
     *
     * @throws IndexOutOfBoundsException if the range is out of bounds
     */
    Payload retainedSlice(int index, int count);

    /**
     * Gives up the first {@code count} bytes without a copy. This payload is taken; the one returned (often the same object) takes its
     * place.
     *
     * @throws IndexOutOfBoundsException unless {@code 0 <= count <= length()}
     */
    Payload dropFirst(int count);

    /** Ends the use of these bytes. The owner calls it exactly once. */
    void release();

    /** A copy of all bytes. */
    default byte[] toByteArray() {
        byte[] copy = new byte[length()];
        copyTo(0, copy, 0, copy.length);
        return copy;
    }

    /** A payload over {@code bytes}, which are taken: the caller must not change them afterwards. Its release does nothing. */
    static Payload of(byte[] bytes) {
        return bytes.length == 0 ? EMPTY : new HeapPayload(bytes, 0, bytes.length);
    }
}
