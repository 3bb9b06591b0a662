package io.tunnelmux.netty.gateway;

import io.tunnelmux.netty.transport.Admission;
import io.tunnelmux.netty.transport.HandshakeRefusal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets in who bears a known token, and makes those who guess wait: after ten wrong tokens within a minute an address is not listened to
 * for 15 s, and twice as long each further time, up to ten minutes. Loopback addresses are spared, for behind a proxy on the same machine
 * everybody has one. Any thread.
 */
final class TunnelAdmission implements Admission {

    private static final int MAX_ADDRESSES = 65_536;
    private static final int FREE_FAILURES = 10;
    private static final long WINDOW_NANOS = Duration.ofMinutes(1).toNanos();
    private static final long FIRST_PENALTY_NANOS = Duration.ofSeconds(15).toNanos();
    private static final long LONGEST_PENALTY_NANOS = Duration.ofMinutes(10).toNanos();

    private final Authenticator authenticator;
    private final LongSupplier nanoTime;
    /** The address that failed longest ago goes first. */
    private final Map<InetAddress, Guesser> guessers = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<InetAddress, Guesser> eldest) {
            return size() > MAX_ADDRESSES;
        }
    };

    TunnelAdmission(Authenticator authenticator, LongSupplier nanoTime) {
        this.authenticator = authenticator;
        this.nanoTime = nanoTime;
    }

    private static final class Guesser {
        private long windowBeganNanos;
        private int failures;
        private long penaltyNanos;
        private long barredUntilNanos;
    }

    @Override
    public @Nullable HandshakeRefusal admit(@Nullable String token, SocketAddress from) {
        InetAddress address = counted(from);
        if (address != null) {
            long barredNanos = barredNanos(address);
            if (barredNanos > 0) {
                return HandshakeRefusal.tooMany(Duration.ofNanos(barredNanos));
            }
        }
        if (token != null && authenticator.knows(token)) {
            return null;
        }
        if (address != null) {
            onFailure(address);
        }
        return HandshakeRefusal.unauthorized();
    }

    /** The address that failures are counted for, or null if they are not. */
    private static @Nullable InetAddress counted(SocketAddress from) {
        InetAddress address = from instanceof InetSocketAddress inet ? inet.getAddress() : null;
        return address == null || address.isLoopbackAddress() ? null : address;
    }

    private synchronized long barredNanos(InetAddress address) {
        Guesser guesser = guessers.get(address);
        return guesser == null || guesser.penaltyNanos == 0 ? 0 : guesser.barredUntilNanos - nanoTime.getAsLong();
    }

    private synchronized void onFailure(InetAddress address) {
        long now = nanoTime.getAsLong();
        Guesser guesser = guessers.computeIfAbsent(address, key -> new Guesser());
        if (guesser.failures == 0 || now - guesser.windowBeganNanos > WINDOW_NANOS) {
            guesser.windowBeganNanos = now;
            guesser.failures = 0;
        }
        guesser.failures++;
        if (guesser.failures >= FREE_FAILURES) {
            guesser.failures = 0;
            guesser.penaltyNanos = guesser.penaltyNanos == 0
                    ? FIRST_PENALTY_NANOS
                    : Math.min(2 * guesser.penaltyNanos, LONGEST_PENALTY_NANOS);
            guesser.barredUntilNanos = now + guesser.penaltyNanos;
        }
    }
}
