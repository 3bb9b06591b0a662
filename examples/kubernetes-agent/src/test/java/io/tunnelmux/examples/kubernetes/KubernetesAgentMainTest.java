package io.tunnelmux.examples.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How the program ends when it cannot begin. */
class KubernetesAgentMainTest {

    private static final String NEEDED = "--gateway ws://127.0.0.1:1/tunnel --agent-id a --token t ";

    private final PrintStream original = System.err;
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();

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

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--upstream http://127.0.0.1:2|--services is needed",
                "--services shop|--kubernetes: this runs in no cluster",
                "--services shop --kubernetes-api https://127.0.0.1:1|--kubernetes-allow is needed",
                "--services shop --services-ca missing|--services-ca: cannot read missing: there is no such file",
                "--services shop --connections 9|--connections is 1 to 8, not 9"
            })
    void misuseIsOneLineAndTwo(String line, String message) {
        assertThat(run(NEEDED + line)).isEqualTo(2);
        assertThat(ownLines()).singleElement().asString().startsWith("tunnel-kubernetes-agent: " + message);
    }

    @Test
    void anApiThatCannotBeReachedIsOneLineAndOne() throws Exception {
        Path token = Files.writeString(directory.resolve("token"), "token");

        assertThat(run(NEEDED + "--services shop --kubernetes-api https://127.0.0.1:1 --kubernetes-allow read"
                        + " --kubernetes-token-file " + token))
                .isEqualTo(1);
        assertThat(ownLines())
                .singleElement()
                .asString()
                .startsWith("tunnel-kubernetes-agent: cannot read the services of [shop]: ")
                .doesNotEndWith("null");
        assertThat(said.toString(StandardCharsets.UTF_8)).doesNotContain("\tat ");
    }

    private static int run(String line) {
        return KubernetesAgentMain.execute(line.split(" "));
    }

    private List<String> ownLines() {
        return said.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.startsWith("tunnel-kubernetes-agent: "))
                .toList();
    }
}
