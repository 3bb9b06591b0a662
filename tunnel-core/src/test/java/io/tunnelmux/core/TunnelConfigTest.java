package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tunnelmux.protocol.Capabilities;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TunnelConfigTest {

    @Test
    void offersNothingThatItCannotDo() {
        TunnelConfig.Builder builder = TunnelConfig.builder();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.capabilities(Set.of(Capabilities.JSON, Capabilities.RESUME)));
        assertThat(builder.capabilities(Set.of(Capabilities.TCP)).build().capabilities())
                .containsExactly(Capabilities.TCP);
    }
}
