package io.tunnelmux.netty.endtoend;

import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.codec.HelloCodec;
import io.tunnelmux.protocol.codec.MessageCodec;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where agents dial in, in the hands of a test: it answers as it is told, or not, and writes frames that no library would write. */
final class RawGateway implements AutoCloseable {

    private static final MessageCodec CODEC = MessageCodec.of(MessageFormat.CBOR);
    private static final Pattern KEY = Pattern.compile("(?i)\r\nsec-websocket-key: *(\\S+)\r\n");

    private final ServerSocket server;

    RawGateway() throws IOException {
        server = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
        server.setSoTimeout(RawSocket.PATIENCE_MILLIS);
    }

    int port() {
        return server.getLocalPort();
    }

    /** The next agent that dials, with its request read. */
    Link accept() throws IOException {
        RawSocket socket = new RawSocket(server.accept());
        return new Link(socket, socket.head());
    }

    /** Whether somebody has dialled whom nobody has accepted yet. */
    boolean hasNext() throws IOException {
        server.setSoTimeout(1);
        try {
            server.accept().close();
            return true;
        } catch (java.net.SocketTimeoutException e) {
            return false;
        } finally {
            server.setSoTimeout(RawSocket.PATIENCE_MILLIS);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }

    /** A WebSocket frame as a server writes it. */
    static byte[] webSocket(int first, byte[] payload) {
        int code = payload.length < 126 ? payload.length : payload.length < 65_536 ? 126 : 127;
        return webSocket(first, code, payload.length, payload);
    }

    /** A WebSocket frame whose parts need not fit each other. */
    static byte[] webSocket(int first, int second, long length, byte[] payload) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(first);
        bytes.write(second);
        if ((second & 0x7f) == 126) {
            bytes.writeBytes(ByteBuffer.allocate(2).putShort((short) length).array());
        } else if ((second & 0x7f) == 127) {
            bytes.writeBytes(ByteBuffer.allocate(8).putLong(length).array());
        }
        bytes.writeBytes(payload);
        return bytes.toByteArray();
    }

    /** A frame of the tunnel, in a WebSocket message of its own. */
    static byte[] frame(int type, int flags, int id, byte[] payload) {
        return webSocket(
                0x82,
                ByteBuffer.allocate(8 + payload.length)
                        .put((byte) type)
                        .put((byte) flags)
                        .putShort((short) payload.length)
                        .putInt(id)
                        .put(payload)
                        .array());
    }

    static byte[] words(int... words) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * words.length);
        for (int word : words) {
            bytes.putInt(word);
        }
        return bytes.array();
    }

    static byte[] message(Message message) {
        return CODEC.encode(message).toByteArray();
    }

    /** A request without a body. */
    static Message.ProxyRequest request(String path, Headers headers, Message.Destination destination) {
        return new Message.ProxyRequest(
                "r",
                new Message.HttpHead("GET", path, null, "http", "app.example", headers),
                Message.Upgrade.NONE,
                destination,
                0,
                null,
                null);
    }

    /** A frame of the tunnel that has come. */
    record Frame(int type, int flags, int id, byte[] payload) {
        Message message() {
            return CODEC.decode(id, Payload.of(payload));
        }
    }

    /** An agent's connection. */
    static final class Link implements AutoCloseable {
        private final RawSocket socket;
        private final String request;
        private ByteBuffer frames = ByteBuffer.allocate(0);
        private int closeCode;

        private Link(RawSocket socket, String request) {
            this.socket = socket;
            this.request = request;
        }

        RawSocket socket() {
            return socket;
        }

        /** The head of the agent's request. */
        String request() {
            return request;
        }

        Link send(byte[] bytes) throws IOException {
            socket.send(bytes);
            return this;
        }

        /** Lets the agent in. */
        Link welcome() throws Exception {
            switchProtocols();
            if (next().type() != 8) {
                throw new AssertionError("no HELLO came first");
            }
            Hello hello = Hello.builder()
                    .role(Hello.Role.GATEWAY)
                    .sessionId("a-session")
                    .build();
            return send(frame(8, 4, 0, HelloCodec.encode(hello).toByteArray()));
        }

        /** Makes the connection a WebSocket, and says nothing more. */
        Link switchProtocols() throws IOException, GeneralSecurityException {
            Matcher key = KEY.matcher(request);
            if (!key.find()) {
                throw new AssertionError("no key in " + request);
            }
            byte[] digest = MessageDigest.getInstance("SHA-1")
                    .digest((key.group(1) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                            .getBytes(StandardCharsets.US_ASCII));
            socket.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Protocol: tunnel.v1\r\nSec-WebSocket-Accept: "
                    + Base64.getEncoder().encodeToString(digest) + "\r\n\r\n");
            return this;
        }

        /** The next frame of the tunnel. @throws EOFException if the WebSocket is closed before it */
        Frame next() throws IOException {
            while (frames.remaining() < 8) {
                frames = ByteBuffer.wrap(nextMessage());
            }
            int type = frames.get() & 0xff;
            int flags = frames.get() & 0xff;
            byte[] payload = new byte[frames.getShort() & 0xffff];
            int id = frames.getInt();
            frames.get(payload);
            return new Frame(type, flags, id, payload);
        }

        private byte[] nextMessage() throws IOException {
            while (true) {
                int first = socket.bytes(1)[0] & 0xff;
                int second = socket.bytes(1)[0] & 0xff;
                int length = second & 0x7f;
                if (length == 126) {
                    length = ByteBuffer.wrap(socket.bytes(2)).getShort() & 0xffff;
                } else if (length == 127) {
                    length = Math.toIntExact(ByteBuffer.wrap(socket.bytes(8)).getLong());
                }
                byte[] mask = socket.bytes(4);
                byte[] payload = socket.bytes(length);
                for (int i = 0; i < length; i++) {
                    payload[i] ^= mask[i & 3];
                }
                if ((first & 0xf) == 8) {
                    closeCode = length < 2 ? 1_005 : ByteBuffer.wrap(payload).getShort() & 0xffff;
                    throw new EOFException("closed with " + closeCode);
                }
                if ((first & 0xf) == 2) {
                    return payload;
                }
            }
        }

        /** Reads frames until one is of this type and stream. */
        Frame next(int type, int id) throws IOException {
            while (true) {
                Frame frame = next();
                if (frame.type() == type && frame.id() == id) {
                    return frame;
                }
            }
        }

        /** Reads to the end, and returns the code of the WebSocket's close frame; 0 if there was none. */
        int closeCode() {
            try {
                while (closeCode == 0) {
                    next();
                }
            } catch (IOException e) {
                // The end, in whatever way: the code says the rest.
                return closeCode;
            }
            return closeCode;
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
