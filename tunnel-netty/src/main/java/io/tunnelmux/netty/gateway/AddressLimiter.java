package io.tunnelmux.netty.gateway;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Holds each client address to a {@link RateLimit}. Of IPv6 the network counts (/64), for a client has all of its addresses. Knows the {@value #MAX_ADDRESSES}
 * addresses that matter most; one that is forgotten begins afresh, and one is forgotten no sooner than it would have its whole burst again, unless there are
 * too many.
 *
 * <p>Any thread.
 */
final class AddressLimiter {

    static final int MAX_ADDRESSES = 65_536;

    private final RateLimit limit;
    private final LongSupplier nanoTime;
    private final Cache<Long, Limiter> limiters;

    AddressLimiter(RateLimit limit, LongSupplier nanoTime) {
        this(limit, nanoTime, MAX_ADDRESSES);
    }

    AddressLimiter(RateLimit limit, LongSupplier nanoTime, int maxAddresses) {
        this.limit = limit;
        this.nanoTime = nanoTime;
        limiters = Caffeine.newBuilder()
                .maximumSize(maxAddresses)
                .expireAfterAccess(limit.period().multipliedBy(1 + limit.burst() / limit.count()))
                .ticker(nanoTime::getAsLong)
                .executor(Runnable::run)
                .build();
    }

    /** Takes one turn of an address: 0 if it has one, or is not known, else how many nanoseconds until it has. */
    long take(@Nullable InetAddress address) {
        return address == null
                ? 0
                : limiters.get(key(address), key -> new Limiter(limit, nanoTime))
                        .take();
    }

    /** As {@link #take}, and takes nothing. */
    long look(@Nullable InetAddress address) {
        Limiter limiter = address == null ? null : limiters.getIfPresent(key(address));
        return limiter == null ? 0 : limiter.look();
    }

    /** How many addresses are known. */
    long size() {
        limiters.cleanUp();
        return limiters.estimatedSize();
    }

    /** IPv4 addresses take the place of IPv6 networks that nobody has. */
    static long key(InetAddress address) {
        ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
        return address instanceof Inet4Address ? Integer.toUnsignedLong(bytes.getInt()) : bytes.getLong();
    }
}
