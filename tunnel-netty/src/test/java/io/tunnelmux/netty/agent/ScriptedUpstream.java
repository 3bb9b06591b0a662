package io.tunnelmux.netty.agent;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/** A server on a real socket that does, byte by byte, what a test says; each connection has a thread of its own. */
final class ScriptedUpstream implements AutoCloseable {

    private static final int SOCKET_TIMEOUT_MILLIS = 10_000;

    /** What happens on one connection. Failures are told by {@link #close()}. */
    @FunctionalInterface
    interface Script {
        void run(Connection connection) throws Exception;
    }

    private final ServerSocket server;
    private final @Nullable SSLContext tls;
    private final Script script;
    private final AtomicInteger accepted = new AtomicInteger();
    private final List<Socket> sockets = Collections.synchronizedList(new ArrayList<>());
    private final List<Thread> threads = Collections.synchronizedList(new ArrayList<>());
    private final List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    private volatile boolean isClosed;

    ScriptedUpstream(Script script) {
        this(null, script);
    }

    /** @param tls what connections are secured with, if they are */
    ScriptedUpstream(@Nullable SSLContext tls, Script script) {
        this.tls = tls;
        this.script = script;
        try {
            server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        run(this::accept);
    }

    Upstream upstream() {
        return tls == null
                ? new Upstream("127.0.0.1", server.getLocalPort(), false)
                : new Upstream("localhost", server.getLocalPort(), true);
    }

    int accepted() {
        return accepted.get();
    }

    private void accept() throws IOException {
        while (!isClosed) {
            Socket socket = server.accept();
            socket.setSoTimeout(SOCKET_TIMEOUT_MILLIS);
            socket.setTcpNoDelay(true);
            sockets.add(socket);
            int number = accepted.incrementAndGet();
            run(() -> {
                try (socket;
                        Socket secured = secure(socket)) {
                    script.run(new Connection(socket, secured, number));
                }
            });
        }
    }

    private Socket secure(Socket socket) throws IOException {
        if (tls == null) {
            return socket;
        }
        SSLSocket secured = (SSLSocket) tls.getSocketFactory().createSocket(socket, null, false);
        secured.startHandshake();
        return secured;
    }

    private interface Work {
        void run() throws Exception;
    }

    private void run(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception | AssertionError e) {
                if (!isClosed) {
                    failures.add(e);
                }
            }
        });
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    /** Handshakes that fail are what a test wanted. */
    void forgetFailures() {
        failures.clear();
    }

    @Override
    public void close() throws Exception {
        isClosed = true;
        server.close();
        for (Socket socket : List.copyOf(sockets)) {
            socket.close();
        }
        for (Thread thread : List.copyOf(threads)) {
            thread.join(SOCKET_TIMEOUT_MILLIS);
        }
        if (!failures.isEmpty()) {
            throw new AssertionError("the upstream's script failed", failures.get(0));
        }
    }

    /** A connection as its script sees it. */
    static final class Connection {
        private final Socket socket;
        private final int number;
        private final InputStream in;
        private final OutputStream out;

        private Connection(Socket socket, Socket secured, int number) throws IOException {
            this.socket = socket;
            this.number = number;
            in = new BufferedInputStream(secured.getInputStream());
            out = secured.getOutputStream();
        }

        /** Counted from 1 in the order of acceptance. */
        int number() {
            return number;
        }

        /** Waits for the next byte, which is read later, or for the end. */
        boolean hasMore() throws IOException {
            in.mark(1);
            boolean hasMore = in.read() >= 0;
            in.reset();
            return hasMore;
        }

        /** All up to and with the empty line. */
        String readHead() throws IOException {
            ByteArrayOutputStream head = new ByteArrayOutputStream();
            int last = 0;
            while ((last & 0xffffffff) != 0x0d0a0d0a) {
                int next = in.read();
                if (next < 0) {
                    throw new EOFException("after " + head);
                }
                head.write(next);
                last = last << 8 | next;
            }
            return head.toString(StandardCharsets.ISO_8859_1);
        }

        String read(int count) throws IOException {
            byte[] bytes = in.readNBytes(count);
            if (bytes.length < count) {
                throw new EOFException(bytes.length + " of " + count + " bytes");
            }
            return new String(bytes, StandardCharsets.ISO_8859_1);
        }

        String readUntil(String end) throws IOException {
            StringBuilder text = new StringBuilder();
            while (text.indexOf(end) < 0) {
                text.append(read(1));
            }
            return text.toString();
        }

        void write(String text) throws IOException {
            write(text.getBytes(StandardCharsets.ISO_8859_1));
        }

        void write(byte[] bytes) throws IOException {
            out.write(bytes);
            out.flush();
        }

        /** Returns when the other side has ended the connection, in whatever way. */
        void awaitEnd() {
            try {
                while (in.read() >= 0) {
                    // What still comes is of no interest.
                }
            } catch (java.net.SocketTimeoutException e) {
                throw new AssertionError("the connection was not ended", e);
            } catch (IOException e) {
                // A reset is an end as well.
            }
        }

        /** Closes the connection with a reset. */
        void reset() throws IOException {
            socket.setSoLinger(true, 0);
            socket.close();
        }

        /** Closes the connection, also where it is secured, without another word. */
        void cut() throws IOException {
            socket.close();
        }

        void endOutput() throws IOException {
            socket.shutdownOutput();
        }
    }
}
