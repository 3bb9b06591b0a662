package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/**
 * An HTTP server that answers {@code GET /bulk} with bytes without end, as fast as they are taken, and anything else with 64 bytes. A thread for each
 * connection, one request on each.
 */
final class BulkServer implements Runnable {
    private static final int CHUNK_BYTES = 256 * 1024;
    private static final int SMALL_BYTES = 64;
    private static final int MAX_HEAD_BYTES = 16 * 1024;

    private final ServerSocketChannel acceptor;

    private BulkServer(ServerSocketChannel acceptor) {
        this.acceptor = acceptor;
    }

    /** Listens on a free port of the loopback interface. */
    private static BulkServer open() throws IOException {
        ServerSocketChannel acceptor = ServerSocketChannel.open();
        acceptor.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
        return new BulkServer(acceptor);
    }

    private int port() {
        return acceptor.socket().getLocalPort();
    }

    /** Prints the port, and serves until the process ends. */
    public static void main(String[] args) throws IOException {
        BulkServer server = open();
        System.out.println(server.port());
        server.run();
    }

    @Override
    public void run() {
        while (acceptor.isOpen()) {
            try {
                SocketChannel channel = acceptor.accept();
                Thread thread = new Thread(() -> serve(channel), "bulk");
                thread.setDaemon(true);
                thread.start();
            } catch (IOException e) {
                System.err.println("bulk: cannot accept: " + e);
                return;
            }
        }
    }

    private static void serve(SocketChannel channel) {
        try (channel) {
            String request = readHead(channel);
            if (!request.startsWith("GET /bulk ")) {
                write(
                        channel,
                        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + SMALL_BYTES + "\r\n\r\n"
                                + "x".repeat(SMALL_BYTES));
                return;
            }
            write(channel, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);
            while (channel.write(chunk) >= 0) {
                if (!chunk.hasRemaining()) {
                    chunk.clear();
                }
            }
        } catch (IOException e) {
            // Whoever had enough has closed its connection, which is how a download without end ends.
        }
    }

    private static String readHead(SocketChannel channel) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(MAX_HEAD_BYTES);
        String head = "";
        while (!head.contains("\r\n\r\n")) {
            if (!buffer.hasRemaining() || channel.read(buffer) < 0) {
                throw new IOException("no request");
            }
            head = new String(buffer.array(), 0, buffer.position(), StandardCharsets.ISO_8859_1);
        }
        return head;
    }

    private static void write(SocketChannel channel, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
