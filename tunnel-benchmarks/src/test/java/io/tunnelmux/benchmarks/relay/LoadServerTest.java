package io.tunnelmux.benchmarks.relay;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the server behind all relays answers, whoever asks. */
class LoadServerTest {
    private LoadServer server;
    private Thread thread;

    @BeforeEach
    void start() throws IOException {
        server = LoadServer.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        thread = new Thread(server, "load");
        thread.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.close();
        thread.join();
    }

    @Test
    void framesAreAnsweredHoweverTheyAreSplit() throws IOException {
        ByteBuffer frames = ByteBuffer.allocate(2 * (6 + 5));
        for (int start : new int[] {0, 11}) {
            WebSocketFrames.putMaskedHeader(frames, start, WebSocketFrames.BINARY_FINAL, 5, 0x0badcafe);
            frames.put(start + 6, new byte[] {1, 2, 3, 4, 5});
            WebSocketFrames.mask(frames, start + 6, 5, 0x0badcafe);
        }
        for (int split = 1; split < frames.capacity(); split++) {
            try (Socket socket = connect()) {
                upgrade(socket);
                socket.getOutputStream().write(frames.array(), 0, split);
                socket.getOutputStream().write(frames.array(), split, frames.capacity() - split);

                assertThat(socket.getInputStream().readNBytes(14))
                        .containsExactly(0x82, 5, 1, 2, 3, 4, 5, 0x82, 5, 1, 2, 3, 4, 5);
            }
        }
    }

    @Test
    void aPingOfAWebSocketIsAnsweredAndItsCloseToo() throws IOException {
        try (Socket socket = connect()) {
            upgrade(socket);

            socket.getOutputStream().write(new byte[] {(byte) 0x89, (byte) 0x81, 0, 0, 0, 0, 7});
            assertThat(socket.getInputStream().readNBytes(3)).containsExactly(0x8a, 1, 7);
            socket.getOutputStream().write(new byte[] {(byte) 0x88, (byte) 0x82, 0, 0, 0, 0, 3, (byte) 0xe8});
            assertThat(socket.getInputStream().readAllBytes()).containsExactly(0x88, 2, 3, 0xe8);
        }
    }

    @Test
    void requestsAreAnsweredWithAsManyBytesAsTheyNameHoweverTheyAreSplit() throws IOException {
        byte[] request = "GET /5 HTTP/1.1\r\nHost: load\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1);
        for (int split = 1; split < request.length; split++) {
            try (Socket socket = connect()) {
                socket.getOutputStream().write(request, 0, split);
                socket.getOutputStream().write(request, split, request.length - split);

                assertThat(head(socket.getInputStream()))
                        .startsWith("HTTP/1.1 200 ")
                        .contains("Content-Length: 5\r\n");
                assertThat(socket.getInputStream().readNBytes(5)).containsExactly(0, 1, 2, 3, 4);
            }
        }
    }

    @Test
    void whatIsNoRequestCostsTheConnection() throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write("PUT /5 HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));

            assertThat(socket.getInputStream().readAllBytes()).isEmpty();
        }
    }

    @Test
    void aRequestAnsweredWithNothingLeavesTheConnectionForTheNext() throws IOException {
        try (Socket socket = connect()) {
            for (int bytes : new int[] {0, 3}) {
                socket.getOutputStream()
                        .write(("GET /" + bytes + " HTTP/1.1\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1));
                assertThat(head(socket.getInputStream())).contains("Content-Length: " + bytes + "\r\n");
                assertThat(socket.getInputStream().readNBytes(bytes)).hasSize(bytes);
            }
        }
    }

    private Socket connect() throws IOException {
        Socket socket =
                new Socket(server.address().getAddress(), server.address().getPort());
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(10_000);
        return socket;
    }

    private static void upgrade(Socket socket) throws IOException {
        socket.getOutputStream()
                .write("GET / HTTP/1.1\r\nSec-WebSocket-Key: k\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(head(socket.getInputStream()))
                .startsWith("HTTP/1.1 101 ")
                .endsWith(WebSocketFrames.acceptFor("k") + "\r\n\r\n");
    }

    private static String head(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            assertThat(next).as("what comes after '%s'", head).isNotNegative();
            head.append((char) next);
        }
        return head.toString();
    }
}
