package io.tunnelmux.examples.common;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Options that come from a file. */
class ConfigFileTest {

    private final PrintStream original = System.err;
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private final Sample sample = new Sample();

    @TempDir
    private Path directory;

    @BeforeEach
    void listen() {
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    }

    @AfterEach
    void restore() {
        System.setErr(original);
    }

    @Test
    void eachKeyIsAnOption() throws IOException {
        assertThat(run("""
                token: a=b
                timeout: 10s    # as on the command line
                names: [one, "two: three"]
                quick: true
                retries: 0017
                """)).isZero();
        assertThat(sample.token).isEqualTo("a=b");
        assertThat(sample.timeout).isEqualTo(Duration.ofSeconds(10));
        assertThat(sample.names).containsExactly("one", "two: three");
        assertThat(sample.isQuick).isTrue();
        assertThat(sample.retries).isEqualTo("0017");
    }

    @Test
    void aListMayBeOneValueAndATruthFalse() throws IOException {
        assertThat(run("token: a\nnames: one\nquick: false\n")).isZero();
        assertThat(sample.names).containsExactly("one");
        assertThat(sample.isQuick).isFalse();
    }

    @Test
    void theCommandLineGoesBeforeTheFileOptionByOption() throws IOException {
        assertThat(run("token: a\nnames: [one, two]\ntimeout: 10s\n", "--names", "three", "--timeout=1s"))
                .isZero();
        assertThat(sample.names).containsExactly("three");
        assertThat(sample.timeout).isEqualTo(Duration.ofSeconds(1));
        assertThat(sample.token).isEqualTo("a");
    }

    @Test
    void anEmptyFileSaysNothing() throws IOException {
        assertThat(run("# nothing\n", "--token", "a")).isZero();
    }

    @Test
    void aSectionHasNamesOfItsOwn() throws IOException {
        assertThat(run("token: a\nblock:\n  patience: 3s\n")).isZero();
        assertThat(sample.timeout).isEqualTo(Duration.ofSeconds(3));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "token: a\\ntimout: 3s              | config.yaml:2: no option 'timout'",
                "token: a\\n\\ntimeout: soon          | config.yaml:3: 'timeout': ",
                "token: a\\ntimeout: soon           | 'soon' is no duration like",
                "token: a\\ntimeout: [1s, 2s]       | config.yaml:2: 'timeout' takes one value",
                "token: a\\ntimeout:                | config.yaml:2: 'timeout' has no value",
                "token: a\\ntimeout: {a: b}         | config.yaml:2: 'timeout' has no value",
                "token: a\\nnames: [[a]]            | config.yaml:2: 'names' has no value",
                "token: a\\nnames: *                | config.yaml:2: is not YAML",
                "token: a\\nnames: *a               | in quotes",
                "token: a\\ntoken: b                | config.yaml:2: is not YAML: Duplicate field 'token'",
                "token: a\\n---\\ntoken: b            | config.yaml:",
                "token: 'a                         | config.yaml:",
                "[token]                           | config.yaml:1: is not a map",
                "token: a\\nhelp: true              | config.yaml:2: no option 'help'",
                "token: a\\nconfig: other           | config.yaml:2: no option 'config'",
                "token: a\\nblock: 3s               | config.yaml:2: 'block' is not a map",
                "token: a\\nblock: {other: 3s}      | config.yaml:2: no key 'other' in 'block'",
                "token: a\\nblock: {patience: -}    | config.yaml:2: 'block'",
                "token: a\\ntimeout: 1s\\nblock: {patience: 3s} | config.yaml:3: 'block': is said by",
                "names: a                          | '--token=TOKEN'",
            })
    void whatIsWrongIsOneLineThatSaysWhere(String yaml, String message) throws IOException {
        assertThat(run(yaml.replace("\\n", "\n"))).isEqualTo(Program.MISUSED);
        assertThat(said.toString(StandardCharsets.UTF_8).lines())
                .singleElement()
                .asString()
                .startsWith("sample: ")
                .contains(message);
    }

    @Test
    void aValueThatMayBeASecretIsNotRepeated() throws IOException {
        assertThat(run("token: [my-secret, other]\n")).isEqualTo(Program.MISUSED);
        assertThat(said.toString(StandardCharsets.UTF_8)).contains("token").doesNotContain("my-secret");
    }

    @Test
    void aFileThatIsNotThereIsOneLine() {
        assertThat(execute("--config", directory.resolve("missing").toString())).isEqualTo(Program.MISUSED);
        assertThat(said.toString(StandardCharsets.UTF_8).lines())
                .singleElement()
                .asString()
                .contains("--config: cannot read");
    }

    private int run(String yaml, String... args) throws IOException {
        Path file = Files.writeString(directory.resolve("config.yaml"), yaml);
        return execute(
                Stream.concat(Stream.of("--config=" + file), Stream.of(args)).toArray(String[]::new));
    }

    private int execute(String... args) {
        Program program = new Program("sample", Map.of("block", new Block()));
        return program.execute(program.commandLine(sample), args);
    }

    private static final class Block implements ConfigSection {
        @Override
        public Set<String> keys() {
            return Set.of("patience");
        }

        @Override
        public Map<String, String> toOptions(Map<String, String> values) {
            return Map.of("--timeout", values.getOrDefault("patience", "1s"));
        }
    }

    @Command(name = "sample", mixinStandardHelpOptions = true)
    private static final class Sample implements Callable<Integer> {
        @Option(names = "--token", paramLabel = "TOKEN", required = true)
        private String token = "";

        @Option(names = "--timeout")
        private @Nullable Duration timeout;

        @Option(names = "--names", arity = "1..*")
        private List<String> names = new ArrayList<>();

        @Option(names = "--quick")
        private boolean isQuick;

        @Option(names = "--retries")
        private @Nullable String retries;

        @Override
        public Integer call() {
            return Program.OK;
        }
    }
}
