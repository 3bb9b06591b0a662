package io.tunnelmux.benchmarks.socket;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An upstream on 127.0.0.1: a thread for each connection, blocking sockets, and no garbage once a connection is up, so that what a process allocates meanwhile is
 * the relays'. Any thread may close it, which ends its connections.
 */
final class LoopbackServer implements AutoCloseable {
    private static final int BUFFER_BYTES = 64 * 1024;
    private static final int BACKLOG = 1_024;
    private static final String WEB_SOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    private static final Pattern KEY = Pattern.compile("(?i)\r\nsec-websocket-key: *([^\r]*)\r\n");

    private final ServerSocketChannel acceptor;
    private final Service service;
    private final Set<SocketChannel> connections = ConcurrentHashMap.newKeySet();

    /** What a server does with a connection, in a thread of that connection's, until it returns or throws; then the connection is closed. */
    interface Service {
        void serve(SocketChannel connection, ByteBuffer buffer) throws IOException;
    }

    private LoopbackServer(ServerSocketChannel acceptor, Service service) {
        this.acceptor = acceptor;
        this.service = service;
    }

    /** Listens at a free port. */
    static LoopbackServer start(Service service) throws IOException {
        ServerSocketChannel acceptor = ServerSocketChannel.open();
        acceptor.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
        LoopbackServer server = new LoopbackServer(acceptor, service);
        startDaemon("loopback-acceptor", server::accept);
        return server;
    }

    /** Sends back what comes. */
    static void echo(SocketChannel connection, ByteBuffer buffer) throws IOException {
        while (connection.read(buffer.clear()) >= 0) {
            buffer.flip();
            while (buffer.hasRemaining()) {
                connection.write(buffer);
            }
        }
    }

    /** Answers the head of a WebSocket's request, and sends back what comes after that, as it is. */
    static void upgradeAndEcho(SocketChannel connection, ByteBuffer buffer) throws IOException {
        String head = readHead(connection, buffer);
        Matcher key = KEY.matcher(head);
        if (!key.find()) {
            throw new IOException("no WebSocket's head: " + head);
        }
        connection.write(StandardCharsets.US_ASCII.encode("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                + "Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept(key.group(1)) + "\r\n\r\n"));
        echo(connection, buffer);
    }

    /** For each eight bytes, a number, sends so many bytes. */
    static void send(SocketChannel connection, ByteBuffer buffer) throws IOException {
        ByteBuffer order = ByteBuffer.allocateDirect(Long.BYTES);
        while (readFully(connection, order.clear())) {
            long left = order.getLong(0);
            while (left > 0) {
                buffer.clear().limit((int) Math.min(left, BUFFER_BYTES));
                left -= connection.write(buffer);
            }
        }
    }

    /** Reads a head as far as its empty line; whoever sends one waits for the answer before it sends more. */
    static String readHead(SocketChannel connection, ByteBuffer buffer) throws IOException {
        buffer.clear();
        String head = "";
        while (!head.endsWith("\r\n\r\n")) {
            if (connection.read(buffer) < 0) {
                throw new IOException("the connection ended within a head: " + head);
            }
            head = StandardCharsets.ISO_8859_1.decode(buffer.duplicate().flip()).toString();
        }
        return head;
    }

    /** Fills a buffer; false if the connection ends before that. */
    static boolean readFully(SocketChannel connection, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (connection.read(buffer) < 0) {
                return false;
            }
        }
        return true;
    }

    InetSocketAddress address() {
        try {
            return (InetSocketAddress) acceptor.getLocalAddress();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel connection = acceptor.accept();
                connection.setOption(StandardSocketOptions.TCP_NODELAY, true);
                connections.add(connection);
                startDaemon("loopback-connection", () -> serve(connection));
            }
        } catch (AsynchronousCloseException e) {
            // Closed, as it should be in the end.
        } catch (IOException e) {
            throw new UncheckedIOException("the loopback server no longer accepts", e);
        }
    }

    private void serve(SocketChannel connection) {
        try (connection) {
            service.serve(connection, ByteBuffer.allocateDirect(BUFFER_BYTES));
        } catch (IOException e) {
            // Its client sees the connection end, which is an error there wherever it is one.
            connections.remove(connection);
        }
        connections.remove(connection);
    }

    private static void startDaemon(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    private static String accept(String key) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1")
                    .digest((key.trim() + WEB_SOCKET_GUID).getBytes(StandardCharsets.US_ASCII));
            return Base64.getEncoder().encodeToString(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-1", e);
        }
    }

    @Override
    public void close() throws IOException {
        acceptor.close();
        for (SocketChannel connection : connections) {
            connection.close();
        }
    }
}
