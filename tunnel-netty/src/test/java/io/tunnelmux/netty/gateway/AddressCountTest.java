package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import org.junit.jupiter.api.Test;

class AddressCountTest {

    private final AddressCount count = new AddressCount(2);

    @Test
    void eachAddressHasItsOwn() {
        InetAddress one = AdmissionRig.address("192.0.2.1");
        assertThat(count.enter(one)).isTrue();
        assertThat(count.enter(one)).isTrue();
        assertThat(count.enter(one)).isFalse();
        assertThat(count.enter(AdmissionRig.address("192.0.2.2"))).isTrue();

        count.leave(one);

        assertThat(count.enter(one)).isTrue();
        assertThat(count.enter(one)).isFalse();
    }

    @Test
    void anIpv6NetworkCountsAsOne() {
        assertThat(count.enter(AdmissionRig.address("2001:db8::1"))).isTrue();
        assertThat(count.enter(AdmissionRig.address("2001:db8::2"))).isTrue();
        assertThat(count.enter(AdmissionRig.address("2001:db8::3"))).isFalse();
        assertThat(count.enter(AdmissionRig.address("2001:db8:0:1::3"))).isTrue();
    }

    @Test
    void whoHasNothingIsForgotten() {
        for (int i = 0; i < 1_000; i++) {
            InetAddress address = AdmissionRig.address("10.0." + i / 256 + "." + i % 256);
            count.enter(address);
            count.enter(address);
            count.enter(address);
            count.leave(address);
            count.leave(address);
        }

        assertThat(count.size()).isZero();
    }

    @Test
    void withoutAnAddressThereIsNoLimit() {
        for (int i = 0; i < 10; i++) {
            assertThat(count.enter(null)).isTrue();
        }
    }
}
