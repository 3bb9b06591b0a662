package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How the program ends when it cannot begin; how it runs is checked from outside. */
class GatewayMainTest {

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
                "--token",
                "--token a --tokens-file b",
                "--token a --listen nonsense",
                "--token a --upgrade-timeout soon",
                "--token a --route a=b --route a=c",
                "--token a --tls-cert missing",
                "--token a --tls-cert missing --tls-key missing",
                "--tokens-file missing",
                "--token a --metrics-listen nonsense",
                "--token a --default-agent not/an/agent",
                "--token a stray",
                "--config missing.yaml",
                "--token a --stream-window 256KB",
                "--token a --stream-window 16383",
                "--token a --stream-window 2GiB",
                "--token a --stream-window 256KiB --max-stream-window 128KiB",
                "--token a --max-tunnel-window 512KiB",
                "--token a --memory-budget 0",
                "--token a --tcp-listen 127.0.0.1:1",
                "--token a --tcp-listen nonsense=a",
                "--token a --tcp-listen 127.0.0.1:1=",
                "--token a --tcp-listen 127.0.0.1:1=not/an/agent",
                "--token a --tcp-listen 127.0.0.1:1=a:",
                "--token a --tcp-listen 127.0.0.1:1=a:db:0",
                "--token a --tcp-listen 127.0.0.1:1=a:::1:22",
                "--token a --udp-listen 127.0.0.1:1",
                "--token a --udp-listen 127.0.0.1:1=a:127.0.0.1:53",
                "--token a --udp-idle-timeout 0s",
                "--token a --stream-idle-timeout 0s",
                "--token a --max-requests 0",
                "--token a --max-streams-per-agent many",
                "--token a --max-queued -1",
                "--token a --queue-wait 11m",
                "--token a --reconnect-wait 0s",
                "--token a --rate-limit 5",
                "--token a --client-rate-limit 0/s",
                "--token a --abort-limit 1/s:0",
                "--token a --circuit-failures never",
                "--token a --circuit-open off",
                "--token a --max-connections 0",
                "--token a --max-connections-per-client 0",
                "--token a --max-header-size 32KB",
                "--token a --max-header-size 3GiB",
                "--token a --max-header-size 1025KiB",
                "--token a --max-request-line 1025KiB",
                "--token a --max-headers 0",
                "--token a --max-concurrent-streams 0",
                "--token a --head-timeout soon",
                "--token a --trusted-proxy",
                "--token a --trusted-proxy localhost",
                "--token a --trusted-proxy 10.0.0.0/33",
                "--token a --io kqueue",
                "--token a --route a=b;rate=fast",
                "--token a --route a=b;mode=fast",
                "--token a --route a=b;mode=channel;service=web.shop:80",
                "--token a --websocket-mode fast",
                "--token a --websocket-max-message 0",
                "--token a --websocket-max-message 2GiB",
                "--token a --websocket-max-message much",
                "--token a --websocket-log-sample -1",
                "--token a --websocket-log-sample 10 --websocket-log-bytes 65KiB",
                "--token a --websocket-log-bytes 4GiB"
            })
    void misuseIsOneLineAndTwo(String line) {
        assertThat(run(line)).isEqualTo(2);
        assertThat(lines()).hasSize(1);
        assertThat(said.toString(StandardCharsets.UTF_8).strip().lines()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--read-buffer 100|--read-buffer is out of bounds: 100, at least 2048",
                "--max-header-size 1000MiB|--max-header-size is out of bounds: 1048576000, 1 to 1048576",
                "--max-headers 0|--max-headers is out of bounds: 0, at least 1",
                "--max-requests 0|--max-requests is out of bounds: 0, at least 1",
                "--max-queued -1|--max-queued is out of bounds: -1, at least 0",
                "--queue-wait 11m|--queue-wait is out of bounds: 660 s, 0 to 600 s",
                "--circuit-failures -1|--circuit-failures is out of bounds: -1, at least 0",
                "--io fast|--io: 'fast' is none of auto, epoll, io_uring, nio",
                "--websocket-mode zerocopy|--websocket-mode: 'zerocopy' is none of zero-copy, aware, channel",
                "--websocket-log-bytes 1MiB|--websocket-log-bytes is out of bounds: 1048576, 0 to 65536",
                "--websocket-log-sample -1|--websocket-log-sample is out of bounds: -1, at least 0",
                "--default-agent a/b|--default-agent: ",
                "--route a=b --route a=c|--route: 'a=c': two routes for a/",
                "--trusted-proxy localhost|--trusted-proxy: 'localhost' is not ADDRESS/BITS",
                "--route k=a;mode=channel;service=web.shop:80|Invalid value for option '--route' (HOST[/PATH]=AGENT[;OPTION=VALUE]...): 'k=a;mode=channel;service=web.shop:80': mode=channel needs target=",
            })
    void misuseNamesTheOptionAndItsBounds(String line, String message) {
        assertThat(run("--token a " + line)).isEqualTo(2);
        assertThat(lines()).singleElement().asString().startsWith("tunnel-gateway: " + message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "access-log: true\\nio: fast|2: 'io': --io: 'fast' is none of auto",
                "read-buffer: 100|1: 'read-buffer': --read-buffer is out of bounds",
                "route:\\n  - a=b\\n  - c=d\\n  - a=e|4: 'route': --route: 'a=e': two routes for a/",
                "trusted-proxy: [10.0.0.0/8,\\n localhost]|2: 'trusted-proxy': --trusted-proxy: 'localhost' is",
                "tls-cert: missing|1: 'tls-cert': --tls-cert and --tls-key need each other",
                "route: {'*': demo}|1: 'route' is a map, and a list is wanted",
                "websocket:\\n  read_buffer_size: 4096\\n  upgrade_timeout: soon|3: 'websocket.upgrade_timeout': Invalid value",
                "websocket:\\n  read_buffer_size: 1|2: 'websocket.read_buffer_size': --read-buffer is out of bounds",
                "websocket:\\n  stream_buffer_size: 1|2: 'websocket.stream_buffer_size': --stream-window is 4KiB",
            })
    void misuseInAFileIsSaidWithItsLine(String yaml, String message, @TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("g.yaml"), yaml.replace("\\n", "\n"));
        assertThat(run("--token a --config " + file)).isEqualTo(2);
        assertThat(lines()).singleElement().asString().startsWith("tunnel-gateway: " + file + ":" + message);
    }

    /** All of it is read and found to be good before the tokens are looked for. */
    @Test
    void aFileMayHaveTheBlockOfOtherGateways(@TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("gateway.yaml"), """
                tokens-file: missing
                route: ["shop.example/api=shop;timeout=30s", "*=demo"]
                websocket:
                  zero_copy_enabled: false
                  read_buffer_size: 4096
                  write_buffer_size: 4096
                  stream_buffer_size: 100
                  upgrade_timeout: 10s
                  stream_send_timeout: 5s
                  log_performance_metrics: true
                """);
        assertThat(run("--config " + file)).isEqualTo(2);
        assertThat(lines())
                .containsExactly("tunnel-gateway: " + file + ":1: 'tokens-file': --tokens-file: cannot read missing");
    }

    @Test
    void anAddressInUseIsOneLineAndOne() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            assertThat(run("--token a --listen 127.0.0.1:0 --tunnel-listen " + address))
                    .isEqualTo(1);
            assertThat(lines()).singleElement().asString().contains("cannot listen on " + address);
        }
    }

    private static int run(String line) {
        return GatewayMain.execute(line.isEmpty() ? new String[0] : line.split(" "));
    }

    private List<String> lines() {
        return Stream.of(said.toString(StandardCharsets.UTF_8).split("\\R"))
                .filter(line -> line.startsWith("tunnel-gateway: "))
                .toList();
    }
}
