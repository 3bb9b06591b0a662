package io.tunnelmux.netty.transport;

import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The connections that are not yet tunnels. When there are too many, the oldest makes room: who means it needs only a moment, and the newest
 * gets that moment. Any thread; the lock is held for a few steps only.
 */
final class PendingHandshakes {
    private final int max;
    private final Set<Channel> channels = new LinkedHashSet<>();

    PendingHandshakes(int max) {
        this.max = max;
    }

    /** @return who has to make room and is no longer one of them, to be closed; null if there is room */
    @Nullable
    Channel add(Channel channel) {
        synchronized (channels) {
            channels.add(channel);
            if (channels.size() <= max) {
                return null;
            }
            Iterator<Channel> inOrder = channels.iterator();
            Channel oldest = inOrder.next();
            inOrder.remove();
            return oldest;
        }
    }

    void remove(Channel channel) {
        synchronized (channels) {
            channels.remove(channel);
        }
    }

    void closeAll() {
        List<Channel> all;
        synchronized (channels) {
            all = new ArrayList<>(channels);
            channels.clear();
        }
        all.forEach(Channel::close);
    }
}
