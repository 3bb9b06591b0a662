package io.tunnelmux.netty.gateway;

import java.net.InetAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Counts what each client address has at once, of IPv6 each network (/64); knows only those that have something. Any thread. */
final class AddressCount {

    private final int most;
    private final Map<Long, Integer> counts = new ConcurrentHashMap<>();

    AddressCount(int most) {
        this.most = most;
    }

    /** Whether it may have one more; then it has. What has no address may. */
    boolean enter(@Nullable InetAddress address) {
        if (address == null) {
            return true;
        }
        boolean mayEnter = counts.merge(AddressLimiter.key(address), 1, Integer::sum) <= most;
        if (!mayEnter) {
            leave(address);
        }
        return mayEnter;
    }

    /** One that entered has left. */
    void leave(@Nullable InetAddress address) {
        if (address != null) {
            counts.computeIfPresent(AddressLimiter.key(address), (key, count) -> count == 1 ? null : count - 1);
        }
    }

    /** How many addresses have something. */
    int size() {
        return counts.size();
    }
}
