package io.tunnelmux.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
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
import org.junit.jupiter.params.provider.ValueSource;

/** How the program ends when it cannot begin; how it runs is checked from outside. */
class AgentMainTest {

    private static final String NEEDED =
            "--gateway ws://127.0.0.1:1/tunnel --upstream http://127.0.0.1:2 --agent-id a --token t ";

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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--no-such-option",
                "",
                "--gateway ws://127.0.0.1:1/tunnel --agent-id a --token t",
                "--gateway http//nonsense --upstream http://127.0.0.1:2 --agent-id a --token t",
                "--gateway ws://127.0.0.1:1/tunnel --upstream nonsense --agent-id a --token t",
                "--gateway ws://127.0.0.1:1/tunnel --upstream http://127.0.0.1:2 --agent-id not/an/id --token t",
                NEEDED + "--route /a",
                NEEDED + "--route a=http://127.0.0.1:2",
                NEEDED + "--tls-ca missing",
                NEEDED + "--metrics-listen nonsense",
                NEEDED + "--stream-window 256KB",
                NEEDED + "--memory-budget 0",
                NEEDED + "--websocket-max-message 0",
                NEEDED + "--websocket-max-message 2GiB",
                NEEDED + "--io kqueue",
                NEEDED + "--config missing.yaml",
                NEEDED + "--allow a",
                NEEDED + "--allow a:0",
                NEEDED + "--udp-target dns",
                NEEDED + "--tcp-target db.example:1",
                NEEDED + "--tcp-target =db.example:1",
                NEEDED + "--tcp-target db=db.example",
                NEEDED + "--tcp-target d:b=db.example:1",
                NEEDED + "--tcp-target db=db.example:1 --tcp-target db=db.example:2"
            })
    void misuseIsOneLineAndTwo(String line) {
        assertThat(run(line)).isEqualTo(2);
        assertThat(lines()).singleElement().asString().startsWith("tunnel-agent: ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--upstream http://127.0.0.1:2 --token t --upstream-ca missing|--upstream-ca: cannot read missing: there is no such file",
                "--upstream http://127.0.0.1:2 --token t --tls-ca missing|--tls-ca: cannot read missing: there is no such file",
                "--allow 169.254.169.254:80 --token t|--allow: link-local and multicast addresses are barred: 169.254.169.254",
                "--upstream http://127.0.0.1:2 --token t --io NIO|--io: 'NIO' is none of auto, epoll, io_uring, nio",
                "--upstream http://127.0.0.1:2 --token t --connections 9|--connections is 1 to 8, not 9",
                "--tcp-target db=db.example:1 --tcp-target db=db.example:2 --token t|--tcp-target: TCP target is empty or there twice: db",
                "--allow db.example --token t|--allow: 'db.example' is not HOST:PORT",
                "--upstream 127.0.0.1:3000 --token t|--upstream is no URL: 127.0.0.1:3000",
                "--upstream ftp://h --token t|--upstream: not an http://, https://, h2c:// or h2:// URL: ftp://h",
                "--kubernetes-api https://127.0.0.1:2 --token t|--kubernetes-allow is needed, with read or with path prefixes: nothing is allowed that it does not name",
                "--token t|one of --upstream, --route, --kubernetes, --tcp-target, --udp-target and --allow is needed",
                "--upstream http://127.0.0.1:2|one of --token and --token-file is needed, and one alone",
                "--upstream http://127.0.0.1:2 --token t --token-file f|one of --token and --token-file is needed, and one alone",
                "--upstream http://127.0.0.1:2 --token-file missing|--token-file: cannot read missing (NoSuchFileException)"
            })
    void misuseNamesTheOptionOnce(String line, String message) {
        assertThat(run("--gateway ws://127.0.0.1:1/tunnel --agent-id a " + line))
                .isEqualTo(2);
        assertThat(lines()).containsExactly("tunnel-agent: " + message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ws://h:1/tunnel?x#y|--gateway: fragment (#) in the gateway's URI: ws://h:1/tunnel",
                "ws://user:secret@h/tunnel|--gateway: user in the gateway's URI",
                "ws://h/tunnel?token=secret|--gateway: a token in the gateway's URI; it belongs into the configuration",
                "http://h/tunnel|--gateway is ws://HOST:PORT/PATH, wss://HOST:PORT/PATH, tcp://HOST:PORT or tls://HOST:PORT, not http://h/tunnel",
                "tcp://h|--gateway: no port in the gateway's URI, which tcp:// needs",
                "tls://h:1/tunnel|--gateway: a path or query in the gateway's URI; tls:// has neither"
            })
    void aGatewayThatCannotBeDialledIsRefusedAtTheStart(String gateway, String message) {
        assertThat(run("--upstream http://127.0.0.1:2 --agent-id a --token t --gateway " + gateway))
                .isEqualTo(2);
        assertThat(lines()).containsExactly("tunnel-agent: " + message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "upstream: 127.0.0.1:3000|1: 'upstream': --upstream is no URL",
                "upstream: http://h\\nio: fast|2: 'io': --io: 'fast' is none of auto, epoll, io_uring, nio",
                "upstream: http://h\\nconnections: 9|2: 'connections': --connections is 1 to 8, not 9",
                "route:\\n  - /a=http://h\\n  - b=http://h|3: 'route': --route: a route's prefix begins with a slash: b",
                "tcp-target:\\n  - a=h:1\\n  - foo|3: 'tcp-target': --tcp-target is NAME=HOST:PORT, not foo",
                "tcp-target:\\n  - db=h:1\\n  - x=h:1\\n  - db=h:2|4: 'tcp-target': --tcp-target: TCP target is empty or there twice: db",
                "allow:\\n  - h:1\\n  - h|3: 'allow': --allow: 'h' is not HOST:PORT"
            })
    void misuseInAFileIsSaidWithItsLine(String yaml, String message, @TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("a.yaml"), yaml.replace("\\n", "\n"));
        assertThat(run("--gateway ws://127.0.0.1:1/tunnel --agent-id a --token t --config " + file))
                .isEqualTo(2);
        assertThat(lines()).singleElement().asString().startsWith("tunnel-agent: " + file + ":" + message);
    }

    @Test
    void anAddressInUseIsOneLineAndOne() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            assertThat(run(NEEDED + "--metrics-listen " + address)).isEqualTo(1);
            assertThat(lines())
                    .filteredOn(line -> line.startsWith("tunnel-agent: "))
                    .singleElement()
                    .asString()
                    .contains("cannot listen on " + address);
        }
    }

    private static int run(String line) {
        return AgentMain.execute(line.isEmpty() ? new String[0] : line.split(" "));
    }

    private List<String> lines() {
        return said.toString(StandardCharsets.UTF_8).lines().toList();
    }
}
