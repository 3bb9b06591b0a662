package io.tunnelmux.benchmarks.socket;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Random;

/** A client of an echo, blocking, one thread. It makes no garbage, and checks all that comes back. */
final class EchoCaller implements AutoCloseable {
    private static final long SEED = 20_261_128L;
    private static final int HEAD_BYTES = 4_096;

    private final SocketChannel connection;
    private final ByteBuffer sent;
    private final ByteBuffer received;

    private EchoCaller(SocketChannel connection, int bytes) {
        this.connection = connection;
        byte[] random = new byte[bytes];
        new Random(SEED).nextBytes(random);
        sent = ByteBuffer.allocateDirect(bytes).put(random);
        received = ByteBuffer.allocateDirect(bytes);
    }

    /** Connects to an echo of bytes. */
    static EchoCaller connect(InetSocketAddress address, int messageBytes) throws IOException {
        SocketChannel connection = SocketChannel.open(address);
        connection.setOption(StandardSocketOptions.TCP_NODELAY, true);
        return new EchoCaller(connection, messageBytes);
    }

    /** Connects as a WebSocket, behind whose head bytes go as they are. */
    static EchoCaller upgrade(InetSocketAddress address, int messageBytes) throws IOException {
        EchoCaller caller = connect(address, messageBytes);
        caller.connection.write(StandardCharsets.US_ASCII.encode("GET / HTTP/1.1\r\nHost: loopback\r\n"
                + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
        String head = LoopbackServer.readHead(caller.connection, ByteBuffer.allocate(HEAD_BYTES));
        if (!head.startsWith("HTTP/1.1 101 ")) {
            throw new IOException("not upgraded: " + head);
        }
        return caller;
    }

    /** Sends the message, without waiting for it. */
    void send() throws IOException {
        sent.clear();
        while (sent.hasRemaining()) {
            connection.write(sent);
        }
    }

    /**
     * Sends the message and waits until it has come back.
     *
     * @return its last byte
     * @throws IOException if something else comes, or the connection ends
     */
    byte roundTrip() throws IOException {
        send();
        if (!LoopbackServer.readFully(connection, received.clear())) {
            throw new IOException("the connection ended within an echo");
        }
        if (received.rewind().mismatch(sent.rewind()) >= 0) {
            throw new IOException("what came back is not what was sent");
        }
        return received.get(received.limit() - 1);
    }

    @Override
    public void close() throws IOException {
        connection.close();
    }
}
