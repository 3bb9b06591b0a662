package io.tunnelmux.examples.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.TunnelConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParameterException;

class WindowOptionsTest {

    private static TunnelConfig parse(String line) {
        Owner owner = new Owner();
        new Program("test").commandLine(owner).parseArgs(line.isEmpty() ? new String[0] : line.split(" "));
        return owner.windows.toConfig();
    }

    @Test
    void sizesAreBytesOrHaveAUnit() {
        TunnelConfig config = parse("--stream-window 256KiB --max-stream-window 262144 --tunnel-window 2MiB"
                + " --max-tunnel-window 3MiB --memory-budget 1GiB");

        assertThat(config.settings().streamWindowBytes()).isEqualTo(262_144);
        assertThat(config.maxStreamWindowBytes()).isEqualTo(262_144);
        assertThat(config.settings().tunnelWindowBytes()).isEqualTo(2_097_152);
        assertThat(config.maxTunnelWindowBytes()).isEqualTo(3_145_728);
        assertThat(config.memoryBudget().limitBytes()).isEqualTo(1L << 30);
    }

    @Test
    void withoutThemTheDefaultsHold() {
        TunnelConfig config = parse("");

        assertThat(config.settings()).isEqualTo(TunnelConfig.DEFAULTS.settings());
        assertThat(config.maxStreamWindowBytes()).isEqualTo(TunnelConfig.DEFAULT_MAX_STREAM_WINDOW_BYTES);
        assertThat(config.maxTunnelWindowBytes()).isEqualTo(TunnelConfig.DEFAULT_MAX_TUNNEL_WINDOW_BYTES);
        assertThat(config.memoryBudget()).isSameAs(MemoryBudget.ofJvm());
    }

    @Test
    void aLargeFirstWindowIsItsOwnCeiling() {
        assertThat(parse("--stream-window 100MiB").maxStreamWindowBytes()).isEqualTo(100 << 20);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--stream-window 256KB",
                "--stream-window 16383",
                "--stream-window 2GiB",
                "--stream-window -1",
                "--stream-window 256KiB --max-stream-window 128KiB",
                "--tunnel-window 65535",
                "--max-tunnel-window 512KiB",
                "--memory-budget 0",
                "--memory-budget much"
            })
    void whatMakesNoSenseIsOneLineThatNamesTheOption(String line) {
        assertThatThrownBy(() -> parse(line))
                .isInstanceOfAny(ParameterException.class, IllegalArgumentException.class)
                .hasMessageContaining(line.substring(line.lastIndexOf("--"), line.lastIndexOf(' ')))
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--stream-window 1|--stream-window is 1 byte, and must be from 16KiB to less than 2GiB",
                "--tunnel-window 64KiB|--tunnel-window is 64KiB, and must be from 128KiB to less than 2GiB",
                "--memory-budget 1MiB|--memory-budget is 1MiB, and must be at least one stream's window and one tunnel's, 1152KiB"
            })
    void boundsAreToldInTheirUnits(String line, String message) {
        assertThatThrownBy(() -> parse(line)).hasMessage(message);
    }

    /** A program that has nothing else. */
    @Command
    private static final class Owner {
        @Mixin
        private WindowOptions windows = new WindowOptions();
    }
}
