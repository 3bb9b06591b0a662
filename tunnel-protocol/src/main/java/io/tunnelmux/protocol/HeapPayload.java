package io.tunnelmux.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Bytes of an array, left to the garbage collector. Immutable, equal by content. */
final class HeapPayload implements Payload {

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final int SHOWN_BYTES = 32;

    private final byte[] bytes;
    private final int offset;
    private final int length;

    HeapPayload(byte[] bytes, int offset, int length) {
        this.bytes = bytes;
        this.offset = offset;
        this.length = length;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public byte byteAt(int index) {
        return bytes[offset + Objects.checkIndex(index, length)];
    }

    @Override
    public long longAt(int index) {
        return (long) LONG.get(bytes, offset + Objects.checkFromIndexSize(index, Long.BYTES, length));
    }

    @Override
    public void copyTo(int index, byte[] target, int targetOffset, int count) {
        System.arraycopy(bytes, offset + Objects.checkFromIndexSize(index, count, length), target, targetOffset, count);
    }

    @Override
    public Payload retainedSlice(int index, int count) {
        Objects.checkFromIndexSize(index, count, length);
        return count == length ? this : new HeapPayload(bytes, offset + index, count);
    }

    @Override
    public Payload dropFirst(int count) {
        return retainedSlice(count, length - count);
    }

    @Override
    public void release() {
        // The garbage collector does it.
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof HeapPayload that
                && Arrays.equals(bytes, offset, offset + length, that.bytes, that.offset, that.offset + that.length);
    }

    @Override
    public int hashCode() {
        int hash = 1;
        for (int i = 0; i < length; i++) {
            hash = 31 * hash + bytes[offset + i];
        }
        return hash;
    }

    @Override
    public String toString() {
        int shown = Math.min(length, SHOWN_BYTES);
        String hex = HexFormat.of().formatHex(bytes, offset, offset + shown);
        return length + " bytes " + hex + (shown < length ? "…" : "");
    }
}
