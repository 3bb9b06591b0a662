package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A gateway, as a process with very little memory, among clients that make it hold more than it has. */
class OutOfMemoryTest {

    private static final int CLIENTS = 1_500;
    private static final int HEAD_BYTES = 30_000;
    private static final int PATIENCE_SECONDS = 60;

    @TempDir
    private Path directory;

    @Test
    void endsAtOnceWithThreeAndOneLine() throws Exception {
        Path errors = directory.resolve("errors");
        Process gateway = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx20m",
                        "-XX:MaxDirectMemorySize=8m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        GatewayMain.class.getName(),
                        "--token",
                        "a-token-for-tests",
                        "--default-agent",
                        "demo",
                        "--listen",
                        "127.0.0.1:0",
                        "--tunnel-listen",
                        "127.0.0.1:0")
                .redirectError(errors.toFile())
                .start();
        List<Socket> clients = new ArrayList<>();
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(gateway.getInputStream(), StandardCharsets.UTF_8))) {
            String ready = out.readLine();
            assertThat(ready).startsWith("gateway ready http=127.0.0.1:");
            int port = Integer.parseInt(ready.replaceAll(".*http=127\\.0\\.0\\.1:(\\d+) .*", "$1"));
            fill(port, clients);

            assertThat(gateway.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(gateway.exitValue()).isEqualTo(3);
            assertThat(Files.readAllLines(errors)).containsOnlyOnce("tunnel-gateway: out of memory, ends at once");
        } finally {
            gateway.destroyForcibly();
            for (Socket client : clients) {
                client.close();
            }
        }
    }

    /** Each client begins a request and does not end it. */
    private static void fill(int port, List<Socket> clients) {
        byte[] head = ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(HEAD_BYTES)).getBytes(StandardCharsets.US_ASCII);
        try {
            for (int i = 0; i < CLIENTS; i++) {
                Socket client = new Socket(InetAddress.getLoopbackAddress(), port);
                clients.add(client);
                client.getOutputStream().write(head);
            }
        } catch (IOException e) {
            // It has ended already.
        }
    }
}
