package io.tunnelmux.examples.quickstart;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.SplittableRandom;

/** A WebSocket that sends binary messages, masked as a client must. One thread. */
final class WebSocketWireClient extends WireClient implements Echo {

    private static final int FIN_BINARY = 0x82;
    private static final int MASKED = 0x80;
    private static final int LENGTH_16 = 126;
    private static final int KEY_BYTES = 16;

    private final SplittableRandom random = new SplittableRandom();
    private byte[] answer = new byte[0];

    WebSocketWireClient(InetSocketAddress address) throws IOException {
        super(address);
        byte[] key = new byte[KEY_BYTES];
        random.nextBytes(key);
        String request = "GET /ws HTTP/1.1\r\nHost: " + address.getAddress().getHostAddress() + ":" + address.getPort()
                + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                + Base64.getEncoder().encodeToString(key) + "\r\n\r\n";
        out.write(request.getBytes(StandardCharsets.ISO_8859_1));
        readHead(101);
    }

    @Override
    public boolean echo(byte[] body) throws IOException {
        out.write(frame(body));
        if (readByte() != FIN_BINARY) {
            throw new IOException("not one binary message");
        }
        int length = readByte();
        if (length == LENGTH_16) {
            length = readByte() << 8 | readByte();
        }
        if (length != body.length) {
            throw new IOException("an answer of " + length + " bytes to " + body.length);
        }
        if (answer.length != length) {
            answer = new byte[length];
        }
        readFully(answer);
        return Arrays.equals(answer, body);
    }

    private byte[] frame(byte[] body) {
        int lengthBytes = body.length < LENGTH_16 ? 1 : 3;
        byte[] frame = new byte[1 + lengthBytes + 4 + body.length];
        frame[0] = (byte) FIN_BINARY;
        if (lengthBytes == 1) {
            frame[1] = (byte) (MASKED | body.length);
        } else {
            frame[1] = (byte) (MASKED | LENGTH_16);
            frame[2] = (byte) (body.length >>> 8);
            frame[3] = (byte) body.length;
        }
        int at = 1 + lengthBytes;
        int mask = random.nextInt();
        for (int i = 0; i < 4; i++) {
            frame[at + i] = (byte) (mask >>> 8 * (3 - i));
        }
        for (int i = 0; i < body.length; i++) {
            frame[at + 4 + i] = (byte) (body[i] ^ frame[at + (i & 3)]);
        }
        return frame;
    }
}
