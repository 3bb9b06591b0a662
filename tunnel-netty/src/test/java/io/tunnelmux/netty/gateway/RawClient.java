package io.tunnelmux.netty.gateway;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;

/** A client that says exactly what a test says, byte for byte. */
final class RawClient implements AutoCloseable {

    private final Socket socket;
    private final InputStream in;

    private RawClient(Socket socket) throws IOException {
        this.socket = socket;
        in = socket.getInputStream();
    }

    static RawClient connect(InetSocketAddress address) throws IOException {
        return over(new Socket(), address);
    }

    static RawClient over(Socket socket, InetSocketAddress address) throws IOException {
        if (!socket.isConnected()) {
            socket.connect(address);
        }
        socket.setTcpNoDelay(true);
        socket.setSoTimeout((int) (1_000 * FakeAgent.PATIENCE_SECONDS));
        return new RawClient(socket);
    }

    Socket socket() {
        return socket;
    }

    RawClient sends(String text) throws IOException {
        return sends(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    RawClient sends(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
        return this;
    }

    RawClient gets(String target) throws IOException {
        return sends("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    /** Everything to the empty line behind a head. */
    String head() throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.length() < 4 || !head.substring(head.length() - 4).equals("\r\n\r\n")) {
            head.append((char) readByte());
        }
        return head.toString();
    }

    /** Whether something has come that was not read yet. */
    boolean hasInput() throws IOException {
        return in.available() > 0;
    }

    String read(int bytes) throws IOException {
        byte[] read = in.readNBytes(bytes);
        if (read.length < bytes) {
            throw new EOFException("after " + read.length + " of " + bytes + " bytes");
        }
        return new String(read, StandardCharsets.ISO_8859_1);
    }

    /** A head, and as much as its {@code Content-Length} says. */
    String response() throws IOException {
        String head = head();
        int at = head.toLowerCase(java.util.Locale.ROOT).indexOf("content-length: ");
        if (at < 0) {
            return head;
        }
        return head + read(Integer.parseInt(head.substring(at + 16, head.indexOf("\r\n", at))));
    }

    /** Everything to the end of the connection, which must be a clean one. */
    String rest() throws IOException {
        return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
    }

    /** Reads to the end, and tells whether it came as a reset. */
    boolean isReset() throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        try {
            in.transferTo(read);
            return false;
        } catch (SocketException e) {
            return true;
        }
    }

    void endsOutput() throws IOException {
        socket.shutdownOutput();
    }

    void resets() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    private int readByte() throws IOException {
        int b = in.read();
        if (b < 0) {
            throw new EOFException("in a head");
        }
        return b;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
