package io.tunnelmux.benchmarks.relay;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionsTest {

    private final PrintStream original = System.err;
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();

    @BeforeEach
    void listen() {
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    }

    @AfterEach
    void restore() {
        System.setErr(original);
    }

    private List<String> lines() {
        return said.toString(StandardCharsets.UTF_8).lines().toList();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "compare|--rounds 0|--rounds is a whole number from 1 to 1000, not '0'",
                "compare|--rounds abc|--rounds is a whole number from 1 to 1000, not 'abc'",
                "compare|--rounds 1 --rounds 2|--rounds is given twice",
                "compare|--scenarios one,two|--scenarios is of one,many,paced,bulk,beside,websocket,http,full,ping-64x1,ping-1024x1,ping-16384x1,ping-64x64,ping-1024x64,ping-16384x64,paced-1024x0,down-0x16,up-0x16,echo-0x16,down-0x1,beside-64x8,websocket-64x1,websocket-1024x1,websocket-16384x1,websocket-1024x64,websocket-16384x64,http-1024x1,http-1024x64,full-0x64, not 'two'",
                "compare|--targets tcp,before|the target before needs --before DIR",
                "compare|--targets ws-other-java|the target ws-other-java needs --other-java DIR",
                "compare|--before /none|--before: there is no directory /none",
                "compare|--other-java /none|--other-java: there is no /none/bin/java",
                "compare|--json /|--json names a file, and / is a directory",
                "compare|extra|no option extra (--help lists them)",
                "compare|--extra 1|no option --extra (--help lists them)",
                "compare|--json|--json needs a value",
                "delay|--seconds 0|--seconds is a whole number from 1 to 3600, not '0'",
                "delay|--delay -1|--delay is a whole number from 0 to 10000, not '-1'",
                "delay|--fixed-window 10|--fixed-window is a size from 16KiB to 1024MiB, not '10'",
                "readers|--downloads 1|--downloads is a whole number from 2 to 1000, not '1'",
                "readers|--seconds 0|--seconds is a whole number from 6 to 3600, not '0'"
            })
    void aWrongOptionIsOneLineWithItsNameAndTwo(String which, String line, String message) {
        List<String> args = List.of(line.split(" "));
        int exitCode = switch (which) {
            case "compare" -> Compare.exitCodeOf(Path.of("nowhere"), args);
            case "delay" -> Delay.exitCodeOf(Path.of("nowhere"), args);
            default -> StoppedReaders.exitCodeOf(Path.of("nowhere"), args);
        };

        assertThat(exitCode).isEqualTo(2);
        assertThat(lines()).singleElement().asString().endsWith(": " + message);
    }

    @Test
    void theLogIsKeptAndNamedIfItFailsAndGoneElse() throws IOException {
        List<Path> logs = new ArrayList<>();

        assertThat(Options.run("test", "usage", List.of(), options -> () -> logs.add(options.log())))
                .isZero();
        assertThat(Options.run("test", "usage", List.of(), options -> {
                    logs.add(options.log());
                    return () -> {
                        throw new IOException("it broke");
                    };
                }))
                .isEqualTo(1);

        assertThat(logs.get(0)).doesNotExist();
        assertThat(lines()).containsExactly("test: it broke", "test: what its processes logged is in " + logs.get(1));
        Files.delete(logs.get(1));
    }
}
