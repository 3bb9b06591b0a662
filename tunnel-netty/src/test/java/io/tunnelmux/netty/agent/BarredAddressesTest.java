package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.assertj.core.api.ThrowableAssert;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BarredAddressesTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "169.254.0.0",
                "169.254.169.254",
                "169.254.255.255",
                "224.0.0.1",
                "fe80::1",
                "febf:ffff::1",
                "ff02::1",
                "::169.254.169.254",
                "::ffff:169.254.169.254",
                "::ffff:0:169.254.169.254",
                "64:ff9b::169.254.169.254",
                "2002:a9fe:a9fe::1",
                "fd00:ec2::254"
            })
    void barsWhatIsKeptForTheMachineAlone(String address) throws Exception {
        assertThat(BarredAddresses.contain(InetAddress.getByName(address))).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "ff02::1"})
    void noneIsATargetOfAnyKind(String address) throws Exception {
        AgentConfig.Builder config = AgentConfig.builder();
        InetSocketAddress resolved = new InetSocketAddress(InetAddress.getByName(address), 80);
        InetSocketAddress unresolved = InetSocketAddress.createUnresolved(address, 80);

        assertBarred(() -> new Upstream(address, 80, false));
        for (InetSocketAddress target : List.of(resolved, unresolved)) {
            assertBarred(() -> config.tcpTarget("a", target));
            assertBarred(() -> config.udpTarget("a", target));
            assertBarred(() -> config.allow(target));
        }
    }

    private static void assertBarred(ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("link-local and multicast addresses are barred");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "10.0.0.1",
                "169.253.255.255",
                "169.255.0.0",
                "::1",
                "fec0::1",
                "fd00::1",
                "2001:db8::1",
                "64:ff9b::10.0.0.1",
                "2002:a00:1::1"
            })
    void barsNothingElse(String address) throws Exception {
        assertThat(BarredAddresses.contain(InetAddress.getByName(address))).isFalse();
    }
}
