package io.tunnelmux.netty.transport;

import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The connections that are not yet tunnels. When there are too many, the oldest is closed: who means it needs only a moment, and the newest
 * gets that moment. Any thread; the lock is held for a few steps only.
 */
final class PendingHandshakes {
    private final int max;
    private final Set<Channel> channels = new LinkedHashSet<>();

    PendingHandshakes(int max) {
        this.max = max;
    }

    void add(Channel channel) {
        Channel oldest = null;
        synchronized (channels) {
            channels.add(channel);
            if (channels.size() > max) {
                Iterator<Channel> inOrder = channels.iterator();
                oldest = inOrder.next();
                inOrder.remove();
            }
        }
        if (oldest != null) {
            oldest.close();
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
