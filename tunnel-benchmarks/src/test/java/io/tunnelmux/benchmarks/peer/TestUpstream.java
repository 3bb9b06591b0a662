package io.tunnelmux.benchmarks.peer;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.channels.ServerSocketChannel;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** An upstream with a thread for each connection. */
final class TestUpstream implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 60;

    private final ServerSocketChannel acceptor;
    private final List<Socket> accepted = new CopyOnWriteArrayList<>();

    /** What it does with a connection, which it closes afterwards. */
    interface Conversation {
        void hold(Socket connection) throws IOException;
    }

    private TestUpstream(ServerSocketChannel acceptor) {
        this.acceptor = acceptor;
    }

    static TestUpstream start(ExecutorService threads, Conversation conversation) throws IOException {
        ServerSocketChannel acceptor = ServerSocketChannel.open();
        acceptor.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1_024);
        TestUpstream upstream = new TestUpstream(acceptor);
        threads.submit(() -> upstream.acceptAll(threads, conversation));
        return upstream;
    }

    private Void acceptAll(ExecutorService threads, Conversation conversation) throws IOException {
        while (true) {
            Socket socket = acceptor.accept().socket();
            accepted.add(socket);
            threads.submit(() -> {
                try (socket) {
                    conversation.hold(socket);
                }
                return null;
            });
        }
    }

    /** Sends everything back until the other side ends. */
    static void echo(Socket connection) throws IOException {
        InputStream in = connection.getInputStream();
        byte[] run = new byte[64 * 1024];
        for (int count = in.read(run); count >= 0; count = in.read(run)) {
            connection.getOutputStream().write(run, 0, count);
        }
        connection.shutdownOutput();
    }

    InetSocketAddress address() throws IOException {
        return (InetSocketAddress) acceptor.getLocalAddress();
    }

    @Override
    public void close() throws IOException {
        acceptor.close();
        for (Socket socket : accepted) {
            socket.close();
        }
    }

    private static <T> T next(BlockingQueue<T> queue) throws InterruptedException {
        T next = queue.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (next == null) {
            throw new AssertionError("nothing came");
        }
        return next;
    }

    /** Connections that a test uses by itself. */
    static final class Sockets {
        private final BlockingQueue<Socket> sockets = new LinkedBlockingQueue<>();
        private final BlockingQueue<Object> never = new LinkedBlockingQueue<>();

        /** Keeps a connection open until the test is over. */
        void keep(Socket connection) {
            sockets.add(connection);
            try {
                never.take();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        Socket next() throws InterruptedException {
            return TestUpstream.next(sockets);
        }
    }

    /** What clients have sent. */
    static final class Questions {
        private final BlockingQueue<byte[]> questions = new LinkedBlockingQueue<>();

        void add(byte[] question) {
            questions.add(question);
        }

        byte[] next() throws InterruptedException {
            return TestUpstream.next(questions);
        }
    }
}
