package io.tunnelmux.examples.quickstart;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * A client on a blocking socket: what it adds to a round trip is next to nothing, which is why the figures come from here and not from a
 * full-grown HTTP client. One thread.
 */
class WireClient implements AutoCloseable {

    private static final int TIMEOUT_MILLIS = 10_000;
    private static final int MAX_HEAD_BYTES = 64 * 1024;
    private static final int BUFFER_BYTES = 256 * 1024;

    final Socket socket;
    final OutputStream out;
    private final InputStream in;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;

    WireClient(InetSocketAddress address) throws IOException {
        socket = new Socket();
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.connect(address, TIMEOUT_MILLIS);
        in = socket.getInputStream();
        out = socket.getOutputStream();
    }

    private void fill() throws IOException {
        position = 0;
        limit = in.read(buffer);
        if (limit <= 0) {
            limit = 0;
            throw new EOFException("the connection was closed");
        }
    }

    final int readByte() throws IOException {
        if (position == limit) {
            fill();
        }
        return buffer[position++] & 0xff;
    }

    /** Reads all of {@code target}. */
    final void readFully(byte[] target) throws IOException {
        for (int done = 0; done < target.length; ) {
            if (position == limit) {
                fill();
            }
            int run = Math.min(limit - position, target.length - done);
            System.arraycopy(buffer, position, target, done, run);
            position += run;
            done += run;
        }
    }

    /** Reads {@code count} bytes and tells whether they are the {@link Pattern}'s first. */
    final boolean readPattern(long count) throws IOException {
        boolean isRight = true;
        for (long done = 0; done < count; ) {
            if (position == limit) {
                fill();
            }
            int run = (int) Math.min(limit - position, count - done);
            isRight &= Pattern.matches(done, buffer, position, run);
            position += run;
            done += run;
        }
        return isRight;
    }

    /** Reads a response's head, which must have this status. */
    final String readHead(int status) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream(512);
        int last = 0;
        while (last != 0x0d0a0d0a) {
            int next = readByte();
            head.write(next);
            last = last << 8 | next;
            if (head.size() > MAX_HEAD_BYTES) {
                throw new IOException("a head without end");
            }
        }
        String text = head.toString(StandardCharsets.ISO_8859_1);
        if (!text.startsWith("HTTP/1.1 " + status + " ")) {
            throw new IOException(
                    "not " + status + " but: " + text.lines().findFirst().orElse(""));
        }
        return text;
    }

    static long contentLength(String head) throws IOException {
        String name = "\r\ncontent-length:";
        int start = head.toLowerCase(Locale.ROOT).indexOf(name);
        if (start < 0) {
            throw new IOException("no content-length");
        }
        start += name.length();
        return Long.parseLong(head.substring(start, head.indexOf("\r\n", start)).trim());
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
