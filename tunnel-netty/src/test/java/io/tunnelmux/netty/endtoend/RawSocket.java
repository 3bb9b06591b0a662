package io.tunnelmux.netty.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.Locale;

/** One end of a connection in the hands of a test: says exactly what it is told, and keeps every byte that it has read. */
final class RawSocket implements AutoCloseable {

    /** Long, for a machine that does much else; planted faults need not be waited for so long. */
    static final int PATIENCE_MILLIS = Integer.getInteger("endtoend.patienceMillis", 30_000);

    /** How the other side ended a connection. */
    enum End {
        CLOSED,
        RESET
    }

    private final Socket socket;
    private final InputStream in;
    private final ByteArrayOutputStream heard = new ByteArrayOutputStream();
    private int ahead = -1;

    RawSocket(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(PATIENCE_MILLIS);
        in = new java.io.BufferedInputStream(socket.getInputStream(), 64 * 1024);
    }

    static RawSocket to(InetSocketAddress address) throws IOException {
        return new RawSocket(new Socket(address.getAddress(), address.getPort()));
    }

    Socket socket() {
        return socket;
    }

    RawSocket send(String text) throws IOException {
        return send(text.getBytes(ISO_8859_1));
    }

    RawSocket send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        return this;
    }

    /** Everything that was read so far. Any thread. */
    String heard() {
        return heard.toString(ISO_8859_1);
    }

    int heardBytes() {
        return heard.size();
    }

    /** Waits for the next byte, which is read later, or for the end. */
    boolean hasMore() throws IOException {
        if (ahead < 0) {
            ahead = next();
        }
        return ahead >= 0;
    }

    private int next() throws IOException {
        if (ahead >= 0) {
            int next = ahead;
            ahead = -1;
            return next;
        }
        int next = in.read();
        if (next >= 0) {
            heard.write(next);
        }
        return next;
    }

    /** Reads up to and with {@code end}. */
    String until(String end) throws IOException {
        StringBuilder text = new StringBuilder();
        while (text.length() < end.length() || text.indexOf(end, text.length() - end.length()) < 0) {
            int next = next();
            if (next < 0) {
                throw new EOFException("ended after: " + text);
            }
            text.append((char) next);
        }
        return text.toString();
    }

    /** Reads up to and with an empty line. */
    String head() throws IOException {
        return until("\r\n\r\n");
    }

    String read(int count) throws IOException {
        return new String(bytes(count), ISO_8859_1);
    }

    byte[] bytes(int count) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream(count);
        if (count > 0 && ahead >= 0) {
            read.write(next());
        }
        byte[] rest = in.readNBytes(count - read.size());
        heard.writeBytes(rest);
        read.writeBytes(rest);
        if (read.size() < count) {
            throw new EOFException("ended after " + read.size() + " of " + count + " bytes");
        }
        return read.toByteArray();
    }

    /** Reads one message, request or response, whose framing must be in order. */
    Message message() throws IOException {
        String head = head();
        String fields = head.toLowerCase(Locale.ROOT);
        int length = fields.indexOf("\r\ncontent-length: ");
        if (fields.contains("\r\ntransfer-encoding: chunked\r\n")) {
            return chunks(head);
        }
        String body = length < 0
                ? ""
                : read(Integer.parseInt(fields.substring(length + 18).split("\r\n", 2)[0]));
        return new Message(head, body, "");
    }

    /** Reads a head, and a body as its fields announce it, if {@code hasBody}: the answer to HEAD has none. */
    Message message(boolean hasBody) throws IOException {
        return hasBody ? message() : new Message(head(), "", "");
    }

    /** Reads chunks to their end, behind {@code head}. */
    Message chunks(String head) throws IOException {
        StringBuilder body = new StringBuilder();
        while (true) {
            String line = until("\r\n").strip();
            int size = Integer.parseInt(line.split(";", 2)[0], 16);
            if (size == 0) {
                break;
            }
            body.append(read(size));
            if (!read(2).equals("\r\n")) {
                throw new IOException("no end of line behind a chunk of " + size);
            }
        }
        StringBuilder trailers = new StringBuilder();
        for (String line = until("\r\n"); !line.equals("\r\n"); line = until("\r\n")) {
            trailers.append(line);
        }
        return new Message(head, body.toString(), trailers.toString());
    }

    /** Reads to the end, however it comes; what was read until then is in {@link #heard()}. */
    End end() throws IOException {
        try {
            while (next() >= 0) {
                // Kept as it is read.
            }
            return End.CLOSED;
        } catch (SocketException e) {
            return End.RESET;
        }
    }

    /** Reads to the end, which must be an orderly one. */
    String rest() throws IOException {
        int before = heard.size() - (ahead >= 0 ? 1 : 0);
        while (next() >= 0) {
            // Kept as it is read.
        }
        return heard().substring(before);
    }

    void endOutput() throws IOException {
        socket.shutdownOutput();
    }

    /** Ends the connection with a reset. */
    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    /**
     * A request or a response.
     *
     * @param body without its framing
     * @param trailers their lines
     */
    record Message(String head, String body, String trailers) {

        int status() {
            return Integer.parseInt(head.substring(9, 12));
        }

        String target() {
            return head.split(" ", 3)[1];
        }
    }
}
