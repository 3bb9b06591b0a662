package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One connection of the {@link LoadServer}. Its first byte says what the client wants: all bytes back, bytes without end, to be rid of its own, or else to speak HTTP.
 * GET of {@code /N} is answered with N bytes, and a WebSocket's frames come back. A frame is answered from the buffer that it was read into: unmasked in place,
 * the answer's header, which is shorter by the mask, right before the payload. What the socket does not take at once is
 * written before anything more is read. Belongs to the server's thread.
 */
final class ServedConnection {
    /** The first byte of a client that wants back what it sends. */
    static final byte WANTS_ECHO = 'E';
    /** The first byte of a client that wants the bytes of {@link Pattern251} without end. */
    static final byte WANTS_BULK = 'D';
    /** The first byte of a client that only sends. */
    static final byte WANTS_NOTHING = 'U';

    private static final int FIRST_BUFFER_BYTES = 64 * 1024;
    private static final int MAX_HEAD_BYTES = 16 * 1024;
    private static final int MAX_FRAME_BYTES = 16 * 1024 * 1024;
    private static final String SWITCHING = """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: %s\r
            \r
            """;
    private static final Pattern GET = Pattern.compile("GET /([0-9]{1,8}) HTTP/1\\.1");
    private static final ByteBuffer CHUNK = Pattern251.chunk().asReadOnlyBuffer();

    private enum Mode {
        UNKNOWN,
        HTTP,
        WEBSOCKET,
        ECHO,
        SOURCE,
        SINK
    }

    private final SocketChannel channel;
    private final SelectionKey key;
    /** From position to limit: what was read and is not answered yet. */
    private ByteBuffer in = ByteBuffer.allocateDirect(FIRST_BUFFER_BYTES).limit(0);
    /** What the socket has yet to take; a window into {@code in} but for the handshake's answer. */
    private ByteBuffer out = ByteBuffer.allocate(0);

    private ByteBuffer body = ByteBuffer.allocate(0);
    private Mode mode = Mode.UNKNOWN;
    private boolean closing;

    ServedConnection(SocketChannel channel, SelectionKey key) {
        this.channel = channel;
        this.key = key;
    }

    void onReady() {
        try {
            if (out.hasRemaining() ? flush() : read()) {
                answerAll();
            }
        } catch (IOException e) {
            // A relay that is killed resets its connections; nothing is owed to it.
            close();
        }
    }

    /** {@return whether there is something new to answer} */
    private boolean read() throws IOException {
        if (!in.hasRemaining()) {
            in.clear().limit(0);
        }
        int start = in.position();
        int end = in.limit();
        in.limit(in.capacity()).position(end);
        int count = channel.read(in);
        in.limit(in.position()).position(start);
        if (count < 0) {
            close();
        }
        return count > 0;
    }

    private void answerAll() throws IOException {
        while (!out.hasRemaining() && !closing && answerOne()) {
            flush();
        }
        if (closing && !out.hasRemaining()) {
            close();
        }
    }

    /** Sets {@code out} to the answer of what came first. {@return whether it was there whole} */
    private boolean answerOne() throws IOException {
        return switch (mode) {
            case UNKNOWN -> chooseMode();
            case HTTP -> answerHead();
            case WEBSOCKET -> answerFrame();
            case ECHO -> answerBytes();
            case SOURCE -> true;
            case SINK -> {
                in.position(in.limit());
                yield false;
            }
        };
    }

    private boolean chooseMode() {
        if (!in.hasRemaining()) {
            return false;
        }
        mode = switch (in.get(in.position())) {
            case WANTS_ECHO -> Mode.ECHO;
            case WANTS_BULK -> Mode.SOURCE;
            case WANTS_NOTHING -> Mode.SINK;
            default -> Mode.HTTP;
        };
        if (mode != Mode.HTTP) {
            in.get();
        }
        if (mode == Mode.SOURCE) {
            out = CHUNK.duplicate();
        }
        return true;
    }

    private boolean answerBytes() {
        if (!in.hasRemaining()) {
            return false;
        }
        out = in.duplicate();
        in.position(in.limit());
        return true;
    }

    private boolean answerFrame() throws IOException {
        int start = in.position();
        int available = in.remaining();
        int headerBytes = WebSocketFrames.headerBytesAt(in, start, available);
        if (headerBytes < 0) {
            ensureRoom(16);
            return false;
        }
        long payloadBytes = WebSocketFrames.payloadBytesAt(in, start, headerBytes);
        if (!WebSocketFrames.isMasked(in, start) || payloadBytes < 0 || payloadBytes > MAX_FRAME_BYTES) {
            throw new IOException("not a client's frame: " + payloadBytes + " bytes");
        }
        int payload = start + headerBytes + WebSocketFrames.MASK_BYTES;
        int end = payload + (int) payloadBytes;
        if (end > in.limit()) {
            ensureRoom(end - start);
            return false;
        }
        int first = in.get(start);
        in.position(end);
        int opcode = first & 0xf;
        if (opcode == WebSocketFrames.OPCODE_PONG) {
            return true;
        }
        closing = opcode == WebSocketFrames.OPCODE_CLOSE;
        WebSocketFrames.mask(in, payload, (int) payloadBytes, in.getInt(payload - WebSocketFrames.MASK_BYTES));
        int answer = opcode == WebSocketFrames.OPCODE_PING ? first + 1 : first;
        WebSocketFrames.putHeader(in, payload - headerBytes, answer, (int) payloadBytes);
        out = in.duplicate().limit(end).position(payload - headerBytes);
        return true;
    }

    private boolean answerHead() throws IOException {
        byte[] bytes = new byte[in.remaining()];
        in.get(in.position(), bytes);
        String head = new String(bytes, StandardCharsets.ISO_8859_1);
        int end = head.indexOf("\r\n\r\n");
        if (end < 0) {
            if (bytes.length > MAX_HEAD_BYTES) {
                throw new IOException("a request head beyond " + MAX_HEAD_BYTES + " bytes");
            }
            ensureRoom(MAX_HEAD_BYTES);
            return false;
        }
        in.position(in.position() + end + 4);
        String key = header(head.substring(0, end), "sec-websocket-key");
        if (!key.isEmpty()) {
            mode = Mode.WEBSOCKET;
            out = latin1(SWITCHING.formatted(WebSocketFrames.acceptFor(key)));
            return true;
        }
        Matcher get = GET.matcher(head);
        if (!get.lookingAt()) {
            throw new IOException("not a request: " + head.lines().findFirst().orElse(""));
        }
        int bodyBytes = Integer.parseInt(get.group(1));
        if (body.capacity() < bodyBytes) {
            body = Pattern251.of(bodyBytes);
        }
        ByteBuffer answerHead =
                latin1("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + bodyBytes + "\r\n\r\n");
        out = ByteBuffer.allocate(answerHead.remaining() + bodyBytes)
                .put(answerHead)
                .put(body.duplicate().limit(bodyBytes))
                .flip();
        return true;
    }

    private static ByteBuffer latin1(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String header(String head, String name) {
        return head.lines()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name + ":"))
                .map(line -> line.substring(name.length() + 1).trim())
                .findFirst()
                .orElse("");
    }

    /** {@return whether all of {@code out} is written, so that reading goes on} */
    private boolean flush() throws IOException {
        channel.write(out);
        if (mode == Mode.SOURCE && !out.hasRemaining()) {
            out.clear();
        }
        int interest = out.hasRemaining() ? SelectionKey.OP_WRITE : SelectionKey.OP_READ;
        if (interest != key.interestOps()) {
            key.interestOps(interest);
        }
        return interest == SelectionKey.OP_READ;
    }

    /** Makes the buffer so that {@code bytes} fit from its position on. */
    private void ensureRoom(int bytes) {
        if (in.capacity() - in.position() >= bytes) {
            return;
        }
        if (bytes <= in.capacity()) {
            in.compact().flip();
        } else {
            in = ByteBuffer.allocateDirect(Integer.highestOneBit(bytes) * 2)
                    .put(in)
                    .flip();
        }
    }

    private void close() {
        key.cancel();
        try {
            channel.close();
        } catch (IOException e) {
            System.err.println("load server: cannot close: " + e);
        }
    }
}
