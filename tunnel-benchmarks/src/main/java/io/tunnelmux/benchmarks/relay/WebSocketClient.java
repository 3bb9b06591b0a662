package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.Locale;
import java.util.Random;

/**
 * A WebSocket client with one message under way at a time. The frame is masked once with the connection's key; only the
 * number in the payload's first eight bytes changes from message to message. Of every answer, in however many fragments it comes, the headers, the number and
 * the last byte are checked, of every 1,024th all bytes. Belongs to one thread.
 */
final class WebSocketClient implements LoadConnection {
    private static final int WHOLE_CHECK_EVERY = 1024;
    private static final short NORMAL_CLOSURE = 1000;
    private static final int MAX_HEAD_BYTES = 16 * 1024;

    private final SocketChannel channel;
    private final SelectionKey key;
    private final String target;
    private final int messageBytes;
    private final int headerBytes;
    private final long wideMask;
    private final ByteBuffer out;
    private final ByteBuffer expected;
    /** From position on there is room; before it, what was read and is no whole header yet. */
    private final ByteBuffer in;
    /** The answer's payload, as far as it has come. */
    private final ByteBuffer answer;
    /** What the frame that has begun still lacks. */
    private long missingBytes;

    private boolean isLastFrame;
    private long number;
    private long sentAtNanos;

    private WebSocketClient(SocketChannel channel, Selector selector, String target, int messageBytes, Random random)
            throws IOException {
        this.channel = channel;
        this.key = channel.register(selector, SelectionKey.OP_READ, this);
        this.target = target;
        this.messageBytes = messageBytes;
        headerBytes = WebSocketFrames.headerBytes(messageBytes);
        byte[] payload = new byte[messageBytes];
        random.nextBytes(payload);
        int mask = random.nextInt();
        wideMask = (long) mask << 32 | mask & 0xffff_ffffL;
        expected = ByteBuffer.allocateDirect(messageBytes).put(0, payload);
        answer = ByteBuffer.allocateDirect(messageBytes);
        out = ByteBuffer.allocateDirect(headerBytes + WebSocketFrames.MASK_BYTES + messageBytes);
        WebSocketFrames.putMaskedHeader(out, 0, WebSocketFrames.BINARY_FINAL, messageBytes, mask);
        out.put(payloadStart(), payload);
        WebSocketFrames.mask(out, payloadStart(), messageBytes, mask);
        in = ByteBuffer.allocateDirect(headerBytes + messageBytes + 1);
    }

    /**
     * Connects, upgrades, and registers with {@code selector}, itself being the key's attachment.
     *
     * @param messageBytes at least 8
     * @throws IOException also if it takes longer than {@code deadline}, or the answer is not a 101 as it should be
     */
    static WebSocketClient open(
            String target,
            InetSocketAddress address,
            int messageBytes,
            Duration deadline,
            Selector selector,
            Random random)
            throws IOException {
        SocketChannel channel = SocketChannel.open();
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.socket().connect(address, Math.toIntExact(deadline.toMillis()));
            channel.socket().setSoTimeout(Math.toIntExact(deadline.toMillis()));
            upgrade(channel, address, random);
            channel.configureBlocking(false);
            return new WebSocketClient(channel, selector, target, messageBytes, random);
        } catch (IOException e) {
            channel.close();
            throw new IOException("cannot open a WebSocket through " + target + ": " + e.getMessage(), e);
        }
    }

    private static void upgrade(SocketChannel channel, InetSocketAddress address, Random random) throws IOException {
        byte[] nonce = new byte[16];
        random.nextBytes(nonce);
        String key = Base64.getEncoder().encodeToString(nonce);
        String request = "GET / HTTP/1.1\r\nHost: " + address.getHostString() + ":" + address.getPort()
                + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                + key + "\r\n\r\n";
        channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.ISO_8859_1)));
        String head = readHead(channel.socket().getInputStream());
        if (!head.startsWith("HTTP/1.1 101 ")) {
            throw new IOException("answer: " + head.lines().findFirst().orElse(""));
        }
        String accept = "sec-websocket-accept: " + WebSocketFrames.acceptFor(key);
        if (!head.toLowerCase(Locale.ROOT).contains(accept.toLowerCase(Locale.ROOT))) {
            throw new IOException("no fitting Sec-WebSocket-Accept in: " + head);
        }
    }

    /** Byte by byte: what follows the head is not this method's. */
    private static String readHead(InputStream stream) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n", Math.max(0, head.length() - 4)) < 0) {
            int next = stream.read();
            if (next < 0 || head.length() >= MAX_HEAD_BYTES) {
                throw new IOException("the answer's head ends early: " + head);
            }
            head.append((char) next);
        }
        return head.toString();
    }

    @Override
    public void send() throws IOException {
        number++;
        out.putLong(payloadStart(), number ^ wideMask);
        expected.putLong(0, number);
        out.clear();
        sentAtNanos = System.nanoTime();
        write();
    }

    @Override
    public long onReady() throws IOException {
        if (out.hasRemaining()) {
            write();
            return -1;
        }
        if (channel.read(in) < 0) {
            throw new IOException(target + " closed the connection at message " + number);
        }
        if (!takeAnswer()) {
            return -1;
        }
        long nanos = System.nanoTime() - sentAtNanos;
        check();
        answer.clear();
        return nanos;
    }

    /** Takes what was read out of its frames. {@return whether the answer is complete} */
    private boolean takeAnswer() throws IOException {
        in.flip();
        boolean isComplete = false;
        while (!isComplete && takeHeader()) {
            int bytes = (int) Math.min(missingBytes, in.remaining());
            if (bytes > answer.remaining()) {
                throw otherBytes();
            }
            answer.put(in.slice(in.position(), bytes));
            in.position(in.position() + bytes);
            missingBytes -= bytes;
            isComplete = missingBytes == 0 && isLastFrame;
            if (missingBytes > 0) {
                break;
            }
        }
        isLastFrame &= !isComplete;
        in.compact();
        return isComplete;
    }

    /** {@return whether a frame has begun} */
    private boolean takeHeader() throws IOException {
        if (missingBytes > 0) {
            return true;
        }
        int start = in.position();
        int bytes = WebSocketFrames.headerBytesAt(in, start, in.remaining());
        if (bytes < 0) {
            return false;
        }
        int first = in.get(start) & 0xff;
        isLastFrame = (first & WebSocketFrames.FINAL) != 0;
        missingBytes = WebSocketFrames.payloadBytesAt(in, start, bytes);
        int opcode = answer.position() == 0 ? WebSocketFrames.OPCODE_BINARY : WebSocketFrames.OPCODE_CONTINUATION;
        if ((first & ~WebSocketFrames.FINAL) != opcode || WebSocketFrames.isMasked(in, start) || missingBytes < 1) {
            throw otherBytes();
        }
        in.position(start + bytes);
        return true;
    }

    private IOException otherBytes() {
        return new IOException(target + " gave back other bytes than were sent, message " + number);
    }

    private void write() throws IOException {
        channel.write(out);
        int interest = out.hasRemaining() ? SelectionKey.OP_WRITE : SelectionKey.OP_READ;
        if (interest != key.interestOps()) {
            key.interestOps(interest);
        }
    }

    private void check() throws IOException {
        int last = messageBytes - 1;
        boolean same = answer.position() == messageBytes
                && in.position() == 0
                && answer.getLong(0) == number
                && answer.get(last) == expected.get(last);
        if (same && number % WHOLE_CHECK_EVERY == 1) {
            same = answer.duplicate().flip().equals(expected);
        }
        if (!same) {
            throw otherBytes();
        }
    }

    /** As WebSocket does; and waits until the other end has closed. */
    @Override
    public void close(Duration deadline) throws IOException {
        key.cancel();
        try (channel) {
            channel.configureBlocking(true);
            ByteBuffer goodbye = ByteBuffer.allocate(8);
            WebSocketFrames.putMaskedHeader(goodbye, 0, WebSocketFrames.CLOSE_FINAL, 2, 0);
            channel.write(goodbye.putShort(6, NORMAL_CLOSURE));
            channel.socket().setSoTimeout(Math.toIntExact(deadline.toMillis()));
            InputStream rest = channel.socket().getInputStream();
            byte[] answer = rest.readAllBytes();
            if (answer.length != 4 || (answer[0] & 0xff) != WebSocketFrames.CLOSE_FINAL) {
                throw new IOException("no close frame but " + Arrays.toString(answer));
            }
        } catch (IOException e) {
            throw new IOException(target + " did not close in good order: " + e.getMessage(), e);
        }
    }

    @Override
    public void abandon() {
        try {
            channel.close();
        } catch (IOException e) {
            System.err.println(target + ": cannot close: " + e);
        }
    }

    private int payloadStart() {
        return headerBytes + WebSocketFrames.MASK_BYTES;
    }
}
