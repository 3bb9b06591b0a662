package io.tunnelmux.examples.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.netty.transport.IoMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** There are no native libraries on the class path here. */
class IoOptionsTest {

    private static IoMode parse(String... line) {
        Owner owner = new Owner();
        new Program("test").commandLine(owner).parseArgs(line);
        return owner.io.mode();
    }

    @Test
    void withoutItTheBestIsTaken() {
        assertThat(parse()).isEqualTo(IoMode.AUTO);
    }

    @ParameterizedTest
    @CsvSource({"auto, AUTO", "nio, NIO"})
    void whatIsAvailableIsTaken(String name, IoMode mode) {
        assertThat(parse("--io", name)).isEqualTo(mode);
    }

    @ParameterizedTest
    @ValueSource(strings = {"epoll", "io_uring"})
    void whatIsNotAvailableIsRefusedWithTheReason(String name) {
        assertThatThrownBy(() -> parse("--io", name))
                .isInstanceOf(IllegalArgumentException.class)
                .message()
                .startsWith("--io: " + name + " is not available here: ")
                .doesNotContain("null", "\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "NIO", "kqueue", "io-uring"})
    void whatIsNoModeIsRefusedWithWhatIsOne(String name) {
        assertThatThrownBy(() -> parse("--io", name))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("--io: '" + name + "' is none of auto, epoll, io_uring, nio");
    }

    @Command
    private static final class Owner implements Runnable {
        @Mixin
        private final IoOptions io = new IoOptions();

        @Override
        public void run() {
            throw new AssertionError("only parsed");
        }
    }
}
