package io.tunnelmux.netty.testing;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.tunnelmux.netty.websocket.MessageReader;
import io.tunnelmux.netty.websocket.MessageRecorder;
import io.tunnelmux.netty.websocket.RawFrames;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.Deflater;

/** One end of a WebSocket, for a thread that waits: sends what a test says, and reads whole messages and control frames as {@link MessageRecorder} tells them. */
public final class WebSocketPeer implements AutoCloseable {

    private static final int TIMEOUT_MILLIS = 20_000;
    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";

    private final InputStream in;
    private final OutputStream out;
    private final boolean isClient;
    private final MessageRecorder recorder = new MessageRecorder();
    private final MessageReader reader;
    private final AutoCloseable connection;
    private String head = "";
    private int taken;

    /** @param isClient whether this end masks */
    WebSocketPeer(InputStream in, OutputStream out, boolean isClient, boolean isDeflating, AutoCloseable connection) {
        this.in = in;
        this.out = out;
        this.isClient = isClient;
        this.connection = connection;
        reader = new MessageReader(!isClient, isDeflating, 1 << 28, ByteBufAllocator.DEFAULT, recorder);
    }

    /**
     * Opens a WebSocket; what is answered is {@link #head}, and it need not be a 101.
     *
     * @param fields of the request, each with its line's end
     */
    public static WebSocketPeer connect(InetSocketAddress address, String target, String... fields) throws IOException {
        return connect(address, target, new byte[0], fields);
    }

    /** @param early what is sent in one go with the request */
    public static WebSocketPeer connect(InetSocketAddress address, String target, byte[] early, String... fields)
            throws IOException {
        Socket socket = new Socket();
        socket.connect(address);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.setTcpNoDelay(true);
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        request.writeBytes(
                ("GET " + target + " HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + "\r\n"
                                + String.join("", fields) + "\r\n")
                        .getBytes(StandardCharsets.ISO_8859_1));
        request.writeBytes(early);
        socket.getOutputStream().write(request.toByteArray());
        String head = readHead(socket.getInputStream());
        boolean isDeflating = head.toLowerCase(java.util.Locale.ROOT).contains("permessage-deflate");
        WebSocketPeer peer =
                new WebSocketPeer(socket.getInputStream(), socket.getOutputStream(), true, isDeflating, socket);
        peer.head = head;
        return peer;
    }

    private static String readHead(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        int last = 0;
        while (last != 0x0d0a0d0a) {
            int next = in.read();
            if (next < 0) {
                throw new EOFException("after " + head);
            }
            head.write(next);
            last = last << 8 | next;
        }
        return head.toString(StandardCharsets.ISO_8859_1);
    }

    /** Of the answer, or at a server of the request. */
    public String head() {
        return head;
    }

    void head(String newHead) {
        head = newHead;
    }

    /** The value of the answer's field; empty if there is none. */
    public String field(String name) {
        for (String line : head.split("\r\n")) {
            if (line.regionMatches(true, 0, name + ":", 0, name.length() + 1)) {
                return line.substring(name.length() + 1).trim();
            }
        }
        return "";
    }

    /** All that the connection brings to its end, where it is no WebSocket. */
    public String body(int bytes) throws IOException {
        return new String(in.readNBytes(bytes), StandardCharsets.ISO_8859_1);
    }

    /** An empty script of frames. */
    public RawFrames frames() {
        return RawFrames.of(isClient);
    }

    public WebSocketPeer send(RawFrames frames) throws IOException {
        out.write(frames.toByteArray());
        out.flush();
        return this;
    }

    public WebSocketPeer text(String text) throws IOException {
        return send(frames().frame(1, text.getBytes(StandardCharsets.UTF_8)));
    }

    public WebSocketPeer binary(byte[] bytes) throws IOException {
        return send(frames().frame(2, bytes));
    }

    /** A compressed message of text. */
    public WebSocketPeer compressed(String text) throws IOException {
        byte[] plain = text.getBytes(StandardCharsets.UTF_8);
        Deflater deflater = new Deflater(6, true);
        deflater.setInput(plain);
        byte[] bytes = new byte[plain.length + 100];
        int length = deflater.deflate(bytes, 0, bytes.length, Deflater.SYNC_FLUSH) - 4;
        deflater.end();
        int code = length < 126 ? length : length < 65_536 ? 126 : 127;
        return send(frames().frame(0xc1, Arrays.copyOf(bytes, length), code));
    }

    public WebSocketPeer close(int code, String reason) throws IOException {
        return send(frames().close(code, reason.getBytes(StandardCharsets.UTF_8)));
    }

    /** The next whole message or control frame. */
    public String next() throws IOException {
        byte[] buffer = new byte[64 * 1024];
        while (recorder.messages().size() <= taken
                || recorder.messages().get(taken).endsWith("+") && !recorder.isComplete()) {
            int count = in.read(buffer);
            if (count < 0) {
                throw new EOFException("after " + summary());
            }
            reader.read(Unpooled.copiedBuffer(buffer, 0, count));
        }
        return recorder.messages().get(taken++);
    }

    private String summary() {
        return recorder.messages().stream()
                .map(message -> message.length() > 80 ? message.substring(0, 80) + "…" : message)
                .toList()
                .toString();
    }

    /** Whether the connection ends now, and not with a reset. */
    public boolean isAtEnd() throws IOException {
        return in.read() < 0;
    }

    @Override
    public void close() throws IOException {
        reader.close();
        try {
            connection.close();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException(e);
        }
    }
}
