package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AddressLimiterTest {

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private long now;
    private final AddressLimiter limiter =
            new AddressLimiter(RateLimit.perSecond(2).withBurst(3), () -> now, 1_000);

    @Test
    void aBurstAndThenARate() throws Exception {
        InetAddress address = InetAddress.getByName("192.0.2.1");
        for (int i = 0; i < 3; i++) {
            assertThat(limiter.take(address)).isZero();
        }
        assertThat(limiter.take(address)).isEqualTo(SECOND / 2);
        assertThat(limiter.look(address)).isEqualTo(SECOND / 2);

        now += SECOND / 2;

        assertThat(limiter.look(address)).isZero();
        assertThat(limiter.take(address)).isZero();
        assertThat(limiter.take(address)).isEqualTo(SECOND / 2);
    }

    @Test
    void lookingTakesNothing() throws Exception {
        InetAddress address = InetAddress.getByName("192.0.2.1");
        for (int i = 0; i < 10; i++) {
            assertThat(limiter.look(address)).isZero();
        }
        assertThat(limiter.size()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "192.0.2.1, 192.0.2.1, true",
        "192.0.2.1, 192.0.2.2, false",
        "2001:db8::1, 2001:db8::ffff:1, true",
        "2001:db8::1, 2001:db8:0:1::1, false",
        "::ffff:192.0.2.1, 192.0.2.1, true"
    })
    void whoIsTakenForTheSameClient(String one, String other, boolean isSame) throws Exception {
        for (int i = 0; i < 3; i++) {
            limiter.take(InetAddress.getByName(one));
        }

        assertThat(limiter.take(InetAddress.getByName(other)) > 0).isEqualTo(isSame);
    }

    @Test
    void itKnowsNoMoreThanSoMany() throws Exception {
        for (int i = 0; i < 10_000; i++) {
            limiter.take(InetAddress.getByAddress(new byte[] {10, 0, (byte) (i >> 8), (byte) i}));
        }
        assertThat(limiter.size()).isLessThanOrEqualTo(1_000);

        now += 60 * SECOND;

        assertThat(limiter.size()).isZero();
    }

    @Test
    void aClientWithoutAnAddressIsNotLimited() {
        for (int i = 0; i < 10; i++) {
            assertThat(limiter.take(null)).isZero();
        }
    }

    @Test
    void limitsAreChecked() {
        assertThatThrownBy(() -> RateLimit.perSecond(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> RateLimit.perSecond(1_000_001)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> RateLimit.perSecond(1).withBurst(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RateLimit(1, Duration.ZERO, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RateLimit(1, Duration.ofDays(2), 1)).isInstanceOf(IllegalArgumentException.class);
    }
}
