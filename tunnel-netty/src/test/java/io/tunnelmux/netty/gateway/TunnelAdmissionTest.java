package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.transport.HandshakeRefusal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class TunnelAdmissionTest {

    private long nowNanos = -5;
    private final TunnelAdmission admission = new TunnelAdmission(TokenAuthenticator.of("right"), () -> nowNanos);

    @Test
    void theRightTokenIsLetIn() throws Exception {
        assertThat(admission.admit("right", from(1))).isNull();
        assertThat(admission.admit("wrong", from(1))).isEqualTo(HandshakeRefusal.unauthorized());
        assertThat(admission.admit(null, from(1))).isEqualTo(HandshakeRefusal.unauthorized());
    }

    @Test
    void whoGuessesWaitsLongerAndLonger() throws Exception {
        long[] seconds = {15, 30, 60, 120, 240, 480, 600, 600};
        for (long penalty : seconds) {
            for (int i = 0; i < 10; i++) {
                assertThat(admission.admit("wrong", from(1))).isEqualTo(HandshakeRefusal.unauthorized());
            }
            assertThat(admission.admit("right", from(1)))
                    .isEqualTo(HandshakeRefusal.tooMany(Duration.ofSeconds(penalty)));
            assertThat(admission.admit("right", from(2))).isNull();
            nowNanos += Duration.ofSeconds(penalty).toNanos();
        }
        assertThat(admission.admit("right", from(1))).isNull();
    }

    @Test
    void aFewMistakesAreForgotten() throws Exception {
        for (int round = 0; round < 5; round++) {
            for (int i = 0; i < 9; i++) {
                admission.admit("wrong", from(1));
            }
            assertThat(admission.admit("right", from(1))).isNull();
            nowNanos += Duration.ofSeconds(61).toNanos();
        }
    }

    @Test
    void theOwnMachineIsSpared() {
        InetSocketAddress loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
        for (int i = 0; i < 100; i++) {
            admission.admit("wrong", loopback);
        }
        assertThat(admission.admit("right", loopback)).isNull();
    }

    private static InetSocketAddress from(int last) throws UnknownHostException {
        return new InetSocketAddress(InetAddress.getByAddress(new byte[] {10, 0, 0, (byte) last}), 1);
    }
}
