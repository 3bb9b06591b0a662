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
    private final Program program = new Program("sample", Map.of("block", new Block()));
    private final Sample sample = new Sample(program);

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
                "token: a\\ntimeout: {a: b}         | config.yaml:2: 'timeout' is a map, and one value is wanted",
                "token: a\\nnames: {'*': b}         | config.yaml:2: 'names' is a map, and a list is wanted",
                "token: a\\nnames:\\n- one\\n- a: b    | config.yaml:4: 'names' has a map where a text is wanted",
                "token: a\\nblock:\\n\\tpatience: 3s  | config.yaml:3: is not YAML: found character",
                "token: a\\nblock:\\n\\tpatience: 3s  | (TAB)' that cannot start any token",
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
                "token: a\\nblock: {patience: -}    | config.yaml:2: 'block.patience'",
                "token: a\\nblock:\\n  patience: soon  | config.yaml:3: 'block.patience': Invalid value for option '--timeout': 'soon' is",
                "token: a\\nblock:\\n  # none\\n  patience: never | config.yaml:4: 'block.patience': 'never' is too long",
                "token: a\\ntimeout: 1s\\nblock: {patience: 3s} | config.yaml:3: 'block.patience': is said by",
                "token: a\\nnumbers:\\n  - 1\\n  - two   | config.yaml:4: 'numbers': Invalid value for option '--numbers'",
                "names: a                          | '--token=TOKEN'",
            })
    void whatIsWrongIsOneLineThatSaysWhere(String yaml, String message) throws IOException {
        assertThat(run(yaml.replace("\\n", "\n").replace("\\t", "\t"))).isEqualTo(Program.MISUSED);
        assertThat(said.toString(StandardCharsets.UTF_8).lines())
                .singleElement()
                .asString()
                .startsWith("sample: ")
                .contains(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--timeout is out of bounds       | config.yaml:2: 'timeout': --timeout is out of bounds",
                "--names: 'two' is no name        | config.yaml:6: 'names': --names: 'two' is no name",
                "two --names for /three           | config.yaml:7: 'names': two --names for /three",
                "--names are too many             | config.yaml:4: 'names': --names are too many",
                "--retries needs --timeout        | config.yaml:2: 'timeout': --retries needs --timeout",
                "--timeout, --retries: no '0017'  | config.yaml:3: 'retries': --timeout, --retries: no '0017'",
                "--other is out of bounds         | --other is out of bounds",
                "all of it                        | all of it",
            })
    void whatIsJudgedLaterIsSaidWithItsPlaceAsWell(String complaint, String message) throws IOException {
        sample.complaint = complaint;
        String yaml = complaint.startsWith("--retries")
                ? "token: a\ntimeout: 1s\n"
                : "token: a\ntimeout: 1s\nretries: 0017\nnames:\n  - one\n  - two\n  - /three=http://x\n";
        assertThat(run(yaml)).isEqualTo(Program.MISUSED);
        assertThat(said.toString(StandardCharsets.UTF_8).lines())
                .singleElement()
                .asString()
                .startsWith("sample: ")
                .endsWith(message)
                .satisfies(line -> assertThat(line.contains("config.yaml")).isEqualTo(message.contains("config.yaml")));
    }

    @Test
    void whatIsNotFromTheFileHasNoPlaceThere() throws IOException {
        sample.complaint = "--timeout is out of bounds";
        assertThat(run("token: a\ntimeout: 1s\n", "--timeout=2s")).isEqualTo(Program.MISUSED);
        assertThat(said.toString(StandardCharsets.UTF_8).lines()).containsExactly("sample: --timeout is out of bounds");
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
        return program.execute(program.commandLine(sample), args);
    }

    private static final class Block implements ConfigSection {
        @Override
        public Map<String, String> options() {
            return Map.of("patience", "--timeout");
        }

        @Override
        public Map<String, String> toOptions(Map<String, String> values) {
            String patience = values.getOrDefault("patience", "1s");
            if (patience.equals("never")) {
                throw new IllegalArgumentException("patience: 'never' is too long");
            }
            return Map.of("--timeout", patience);
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

        @Option(names = "--numbers", arity = "1..*")
        private List<Integer> numbers = new ArrayList<>();

        @Option(names = "--quick")
        private boolean isQuick;

        @Option(names = "--retries")
        private @Nullable String retries;

        private final Program program;
        private @Nullable String complaint;

        Sample(Program program) {
            this.program = program;
        }

        @Override
        public Integer call() {
            return complaint == null ? Program.OK : program.fail(Program.MISUSED, complaint);
        }
    }
}
