package io.tunnelmux.netty.transport;

import io.netty.channel.Channel;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The channels that are to be flushed at the end of a turn, each once, in the order in which they came. Makes no garbage: the lists, and
 * the hash table beside them that tells who is in, are used again and again. One thread.
 */
final class FlushQueue {
    private static final int FIRST_CAPACITY = 16;

    private @Nullable Channel[] channels = new Channel[FIRST_CAPACITY];
    /** Takes the place of {@link #channels} while these are flushed. */
    private @Nullable Channel[] spare = new Channel[FIRST_CAPACITY];
    /** Open addressing; at least twice as long as {@link #channels}, and a power of two. */
    private @Nullable Channel[] table = new Channel[2 * FIRST_CAPACITY];

    private int count;

    /** Adds a channel, unless it is in; tells whether it is the first, so that somebody must see to {@link #flushAll}. */
    boolean add(Channel channel) {
        int slot = slotOf(channel);
        if (table[slot] == channel) {
            return false;
        }
        if (count == channels.length) {
            channels = Arrays.copyOf(channels, 2 * count);
        }
        if (2 * (count + 1) > table.length) {
            rehash();
            slot = slotOf(channel);
        }
        table[slot] = channel;
        channels[count] = channel;
        return count++ == 0;
    }

    /** Flushes all. A flush may run handlers that write more and add their channel again: that begins a new round. */
    void flushAll() {
        @Nullable Channel[] flushed = channels;
        int flushCount = count;
        channels = spare;
        spare = flushed;
        count = 0;
        Arrays.fill(table, null);
        for (int i = 0; i < flushCount; i++) {
            Channel channel = Objects.requireNonNull(flushed[i]);
            flushed[i] = null;
            channel.flush();
        }
    }

    private int slotOf(Channel channel) {
        int mask = table.length - 1;
        int slot = System.identityHashCode(channel) & mask;
        while (table[slot] != null && table[slot] != channel) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private void rehash() {
        table = new Channel[2 * table.length];
        for (int i = 0; i < count; i++) {
            Channel channel = Objects.requireNonNull(channels[i]);
            table[slotOf(channel)] = channel;
        }
    }
}
