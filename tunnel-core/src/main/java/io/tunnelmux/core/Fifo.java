package io.tunnelmux.core;

import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A queue that costs little where it is empty: no array before its first element, and none that a burst has left behind. An {@link java.util.ArrayDeque} has
 * one from the start and never gives it back, which is much for the thousands of queues that mostly rest.
 */
final class Fifo<T> {

    private static final int FIRST_CAPACITY = 4;
    /** An array of so many slots, some 270 bytes, is kept when the queue runs empty: where there is traffic it fills again soon. */
    private static final int KEPT_CAPACITY = 64;

    private static final Object[] NOTHING = new Object[0];

    /** A ring; its length is 0 or a power of two. */
    private @Nullable Object[] slots = NOTHING;

    private int head;
    private int size;

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    void addLast(T element) {
        growIfFull();
        slots[(head + size) & (slots.length - 1)] = element;
        size++;
    }

    @Nullable
    T peekFirst() {
        return size == 0 ? null : at(0);
    }

    @Nullable
    T peekLast() {
        return size == 0 ? null : at(size - 1);
    }

    @Nullable
    T pollFirst() {
        if (size == 0) {
            return null;
        }
        T element = at(0);
        slots[head] = null;
        head = (head + 1) & (slots.length - 1);
        size--;
        giveBackIfEmpty();
        return element;
    }

    @Nullable
    T pollLast() {
        if (size == 0) {
            return null;
        }
        T element = at(size - 1);
        size--;
        slots[(head + size) & (slots.length - 1)] = null;
        giveBackIfEmpty();
        return element;
    }

    void forEach(Consumer<? super T> action) {
        for (int i = 0; i < size; i++) {
            action.accept(at(i));
        }
    }

    void clear() {
        slots = NOTHING;
        head = 0;
        size = 0;
    }

    @SuppressWarnings({"unchecked", "NullAway"}) // what is within the size was put there, and is a T
    private T at(int index) {
        return (T) slots[(head + index) & (slots.length - 1)];
    }

    private void growIfFull() {
        if (size < slots.length) {
            return;
        }
        @Nullable Object[] larger = new @Nullable Object[Math.max(FIRST_CAPACITY, 2 * size)];
        int untilWrap = slots.length - head;
        System.arraycopy(slots, head, larger, 0, untilWrap);
        System.arraycopy(slots, 0, larger, untilWrap, head);
        slots = larger;
        head = 0;
    }

    private void giveBackIfEmpty() {
        if (size == 0 && slots.length > KEPT_CAPACITY) {
            clear();
        }
    }

    @Override
    public String toString() {
        return size + " of " + Arrays.toString(slots);
    }
}
