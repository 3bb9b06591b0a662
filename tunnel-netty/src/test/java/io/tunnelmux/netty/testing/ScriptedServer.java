package io.tunnelmux.netty.testing;

import io.tunnelmux.netty.websocket.WebSocketKeys;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/** A server on a real socket of the loopback address that does, byte by byte, what a test says; each connection has a thread of its own. */
public final class ScriptedServer implements AutoCloseable {

    private static final Pattern KEY = Pattern.compile("(?im)^sec-websocket-key: *(\\S+)");
    private static final int SOCKET_TIMEOUT_MILLIS = 10_000;
    private static final int BACKLOG = 512;

    /** What happens on one connection. Failures are told by {@link #close()}. */
    @FunctionalInterface
    public interface Script {
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

    public ScriptedServer(Script script) {
        this(null, script);
    }

    /** @param tls what connections are secured with, if they are */
    public ScriptedServer(@Nullable SSLContext tls, Script script) {
        this.tls = tls;
        this.script = script;
        try {
            server = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        run(this::accept);
    }

    public int port() {
        return server.getLocalPort();
    }

    public int accepted() {
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
    public void forgetFailures() {
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

    /**
     * A WebSocket frame.
     *
     * @param first its first byte: FIN and opcode
     */
    public record Frame(int first, byte[] payload) {}

    /** A connection as its script sees it. */
    public static final class Connection {
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
        public int number() {
            return number;
        }

        /** Waits for the next byte, which is read later, or for the end. */
        public boolean hasMore() throws IOException {
            in.mark(1);
            boolean hasMore = in.read() >= 0;
            in.reset();
            return hasMore;
        }

        /** All up to and with the empty line. */
        public String readHead() throws IOException {
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

        public String read(int count) throws IOException {
            byte[] bytes = in.readNBytes(count);
            if (bytes.length < count) {
                throw new EOFException(bytes.length + " of " + count + " bytes");
            }
            return new String(bytes, StandardCharsets.ISO_8859_1);
        }

        public String readUntil(String end) throws IOException {
            StringBuilder text = new StringBuilder();
            while (text.indexOf(end) < 0) {
                text.append(read(1));
            }
            return text.toString();
        }

        /**
         * Reads the head of an upgrade to WebSocket and agrees to it.
         *
         * @param fields of the answer, each with its line's end
         * @return the head that was read
         */
        public String acceptWebSocket(String... fields) throws IOException {
            String head = readHead();
            Matcher key = KEY.matcher(head);
            if (!key.find()) {
                throw new IOException("no key in " + head);
            }
            write(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                            + WebSocketKeys.acceptOf(key.group(1)) + "\r\n" + String.join("", fields) + "\r\n");
            return head;
        }

        /** As {@link #acceptWebSocket}, and goes on by messages; compressed ones if the fields agree to that. */
        public WebSocketPeer webSocket(String... fields) throws IOException {
            String head = acceptWebSocket(fields);
            boolean isDeflating = String.join("", fields).contains("permessage-deflate");
            WebSocketPeer peer = new WebSocketPeer(in, out, false, isDeflating, socket);
            peer.head(head);
            return peer;
        }

        /** One WebSocket frame of a client; its mask is taken off. */
        public Frame readFrame() throws IOException {
            DataInputStream data = new DataInputStream(in);
            int first = data.readUnsignedByte();
            int second = data.readUnsignedByte();
            if ((second & 0x80) == 0) {
                throw new IOException("a client's frame without a mask");
            }
            long length = second & 0x7f;
            if (length == 126) {
                length = data.readUnsignedShort();
            } else if (length == 127) {
                length = data.readLong();
            }
            byte[] mask = new byte[4];
            data.readFully(mask);
            byte[] payload = new byte[Math.toIntExact(length)];
            data.readFully(payload);
            for (int i = 0; i < payload.length; i++) {
                payload[i] ^= mask[i & 3];
            }
            return new Frame(first, payload);
        }

        /** Writes a WebSocket frame as a server does. */
        public void write(Frame frame) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(frame.payload().length + 10);
            DataOutputStream data = new DataOutputStream(bytes);
            int length = frame.payload().length;
            data.writeByte(frame.first());
            if (length < 126) {
                data.writeByte(length);
            } else if (length < 65_536) {
                data.writeByte(126);
                data.writeShort(length);
            } else {
                data.writeByte(127);
                data.writeLong(length);
            }
            data.write(frame.payload());
            write(bytes.toByteArray());
        }

        public void write(String text) throws IOException {
            write(text.getBytes(StandardCharsets.ISO_8859_1));
        }

        public void write(byte[] bytes) throws IOException {
            out.write(bytes);
            out.flush();
        }

        /** Returns when the other side has ended the connection, in whatever way. */
        public void awaitEnd() {
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

        /** What comes, for scripts that read much. */
        public InputStream input() {
            return in;
        }

        /** For scripts that write much. */
        public OutputStream output() {
            return out;
        }

        /** Closes the connection with a reset. */
        public void reset() throws IOException {
            socket.setSoLinger(true, 0);
            socket.close();
        }

        /** Closes the connection, also where it is secured, without another word. */
        public void cut() throws IOException {
            socket.close();
        }

        public void endOutput() throws IOException {
            socket.shutdownOutput();
        }
    }
}
