package io.tunnelmux.netty.endtoend;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A server that answers byte by byte as a test says, and keeps every byte that it hears; each connection has a thread of its own. */
final class RawUpstream implements AutoCloseable {

    static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /** One exchange on a connection on which a first byte has come. */
    @FunctionalInterface
    interface Script {
        void run(RawSocket client) throws Exception;
    }

    private final ServerSocket server;
    private final List<RawSocket> connections = Collections.synchronizedList(new ArrayList<>());
    private final List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    private final BlockingQueue<RawSocket> ended = new LinkedBlockingQueue<>();
    private volatile Script script;

    /** Answers everything with {@link #OK}. */
    RawUpstream() throws IOException {
        this(RawUpstream::ok);
    }

    RawUpstream(Script script) throws IOException {
        this.script = script;
        server = new ServerSocket(0, 1_024, InetAddress.getLoopbackAddress());
        run(this::accept);
    }

    static void ok(RawSocket client) throws IOException {
        client.message();
        client.send(OK);
    }

    int port() {
        return server.getLocalPort();
    }

    /** What happens from the next exchange on. */
    void answers(Script newScript) {
        script = newScript;
    }

    /** Every request is read, and answered by these bytes. */
    void answers(String bytes) {
        answers(client -> {
            client.message();
            client.send(bytes);
        });
    }

    /** Every request is read and answered by these bytes, and the connection ended. */
    void answersAndCloses(String bytes) {
        answers(client -> {
            client.message();
            client.send(bytes);
            client.close();
        });
    }

    int accepted() {
        return connections.size();
    }

    /** All connections so far, oldest first. */
    List<RawSocket> connections() {
        return List.copyOf(connections);
    }

    /** Waits until the connection on which {@code text} came has ended. */
    RawSocket ended(String text) throws InterruptedException {
        while (true) {
            RawSocket next = ended.poll(RawSocket.PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
            if (next == null) {
                throw new AssertionError("no connection with this has ended: " + text);
            }
            if (next.heard().contains(text)) {
                return next;
            }
        }
    }

    private void accept() throws IOException {
        while (!server.isClosed()) {
            RawSocket connection = new RawSocket(server.accept());
            connections.add(connection);
            run(() -> serve(connection));
        }
    }

    private void serve(RawSocket connection) throws Exception {
        try (connection) {
            while (!connection.socket().isClosed() && connection.hasMore()) {
                script.run(connection);
            }
        } catch (SocketTimeoutException e) {
            // Patience is over, which is no end of the connection's.
            return;
        } catch (IOException e) {
            ended.add(connection);
            return;
        }
        ended.add(connection);
    }

    private void run(java.util.concurrent.Callable<?> work) {
        Thread thread = new Thread(() -> {
            try {
                work.call();
            } catch (IOException | UncheckedIOException e) {
                // The connection has ended: what the other side makes of it is for the test to see.
                return;
            } catch (Exception | AssertionError e) {
                failures.add(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private interface Work {
        void run() throws Exception;
    }

    private void run(Work work) {
        run(() -> {
            work.run();
            return null;
        });
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (RawSocket connection : connections()) {
            connection.close();
        }
        if (!failures.isEmpty()) {
            throw new AssertionError("the upstream's script failed", failures.get(0));
        }
    }
}
