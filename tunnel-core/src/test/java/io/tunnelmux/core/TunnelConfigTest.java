package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Settings;
import java.time.Duration;
import java.util.Map;
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

    @Test
    void isBuiltOnWithoutLosingAnything() {
        TunnelConfig config = TunnelConfig.builder()
                .settings(Settings.builder().maxStreams(7).build())
                .messageFormat(MessageFormat.JSON)
                .capabilities(Set.of(Capabilities.UDP))
                .abuseLimits(new AbuseLimits(3, 2, 15, 1_000, 33))
                .handshakeTimeout(Duration.ofSeconds(3))
                .metadata(Map.of("a", "b"))
                .maxStreamWindowBytes(1 << 20)
                .maxTunnelWindowBytes(1 << 21)
                .maxGrowthBytes(1 << 22)
                .memoryBudget(MemoryBudget.ofBytes(1 << 23))
                .observer(new RecordingObserver())
                .observer(new RecordingObserver())
                .build();

        TunnelConfig again = config.toBuilder().build();

        assertThat(again).usingRecursiveComparison().ignoringFields("observing").isEqualTo(config);
        assertThat(again.observers()).hasSize(2).isEqualTo(config.observers());
    }
}
